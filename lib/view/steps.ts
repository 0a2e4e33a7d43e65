import type { RecordedStep } from '../job/step.js';
import { lasting } from './numbers.js';
import { firstLine, isoSeconds } from './text.js';

/** A recorded step of a job, as views have it. */
export interface ShownStep {
  readonly name: string;
  /** The attempt that recorded it. */
  readonly attempt: number;
  readonly at: Date;
  /** Its result; undefined if it has none, or if it may not be seen. */
  readonly result?: unknown;
  /** The end of a sleep. */
  readonly until?: Date;
}

/** A step as a line, with how long after the one before it was recorded. */
export interface StepEntry {
  readonly at: Date;
  readonly text: string;
  /** Undefined for the first one, and if the clock was set back. */
  readonly gap: string | undefined;
}

/** Matches the names of sleeps. */
const SLEEP = /^sleep#\d+$/;
/** The length of a result. */
const LONGEST = 120;

/** Returns the steps of a job. @param isHidden true if results may not be seen */
export const shownSteps = (steps: readonly RecordedStep[], isHidden: boolean): ShownStep[] =>
  steps.map(({ name, attempt, at, result }) => ({
    ...{ name, attempt, at: new Date(at) },
    ...(SLEEP.test(name)
      ? { until: new Date(Number(result) * 1000) }
      : { result: isHidden ? undefined : readResult(result) }),
  }));

/** Returns a result; as a text if an edit has damaged it. */
function readResult(result: string): unknown {
  if (result === '') return undefined;
  try {
    return JSON.parse(result);
  } catch {
    return result;
  }
}

/** Returns the steps of a job as lines. @param now in ms since 1970 */
export function stepEntries(steps: readonly ShownStep[], now: number): StepEntry[] {
  let last = Number.NaN;
  return steps.map((step) => {
    const ms = step.at.getTime();
    const gap = ms >= last ? lasting(ms - last) : undefined;
    last = ms;
    return { at: step.at, text: sayStep(step, now), gap };
  });
}

function sayStep({ name, attempt, result, until }: ShownStep, now: number): string {
  const by = attempt === 1 ? '' : `, in attempt ${attempt}`;
  if (until === undefined)
    return `${name}${by}${result === undefined ? '' : `: ${firstLine(JSON.stringify(result), LONGEST)}`}`;
  const isOver = until.getTime() <= now;
  return `${name}${by}: ${isOver ? 'slept' : 'sleeps'} until ${Number.isNaN(until.getTime()) ? '?' : isoSeconds(until)}`;
}
