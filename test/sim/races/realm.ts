import type { Channel } from './channel.js';
import { Random } from './random.js';

/** The thread's own, before the globals are replaced. */
const realImmediate = setImmediate;

/** Resolves when every callback that could run has run. */
export const whenIdle = (run: () => void): void => void realImmediate(run);

let random = new Random(0);
let immediate: (run: () => void) => void = () => {};
let timer: (run: () => void, ms: number) => () => void = () => () => {};

/** What the virtual process that begins now has of chance and time. */
export function settleIn(seed: number, how: { immediate: typeof immediate; timer: typeof timer }): void {
  random = new Random(seed);
  immediate = how.immediate;
  timer = how.timer;
}

/** Instead of lib/job/random.ts. @public */
export function randomHex(bytes: number): string {
  let digits = '';
  while (digits.length < bytes * 2) digits += random.below(256).toString(16).padStart(2, '0');
  return digits;
}

/** Everything that would differ from one run to the next is taken from the scheduler and the seed. */
export function replaceGlobals(channel: Channel): void {
  Math.random = () => random.next();
  Date.now = () => channel.now;
  const globals = globalThis as unknown as Record<string, unknown>;
  globals.setImmediate = (run: (value?: unknown) => void) => immediate(() => run());
  globals.setTimeout = (run: () => void, ms = 0) => {
    const cancel = timer(run, ms);
    return { cancel, unref: () => {}, ref: () => {} };
  };
  globals.clearTimeout = (handle?: { cancel(): void }) => handle?.cancel();
}
