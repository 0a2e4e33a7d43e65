import type { JobRule } from './rule.js';

/** A job does not start while a line with its id is unreadable, because that line may say that the job ended. */
export const held: JobRule = {
  name: 'held',
  open:
    ({ index }) =>
    ({ id }) =>
      index.isHeld(id) ? 'skip' : 'start',
};
