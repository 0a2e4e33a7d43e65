import { invalid, text } from '../job/checks.js';

/** How far a job is, as its handler said. */
export interface Progress {
  /** 0 to 100. */
  readonly percent: number;
  /** What it is doing. */
  readonly message?: string;
}

/** Checks what a handler says. A number below 0 or above 100 counts as these. @throws TsvqError `INVALID_ARGUMENT` */
export function checkProgress(percent: unknown, message: unknown): Progress {
  if (typeof percent !== 'number' || Number.isNaN(percent)) throw invalid('percent', percent, 'a number');
  const clamped = Math.min(100, Math.max(0, percent));
  return message === undefined
    ? { percent: clamped }
    : { percent: clamped, message: text('message', message) };
}
