import type { Look, View } from '../view.js';
import type { GaugeFacts } from './gauges.js';

/** Gathers what the gauges show, from the look that the view has just taken. */
export function factsOf(view: View, look: Look): GaugeFacts {
  const [longest] = view.jobs(look.snapshot.running.slice(0, 1));
  return {
    ...look,
    workers: view.workers().size,
    longestRunning: longest?.startedAt?.getTime(),
  };
}
