import type { TypeRule } from './rule.js';

/** A job without a handler in this worker waits for a worker that has one. */
export const handler: TypeRule = {
  name: 'handler',
  open:
    ({ worker: { types } }) =>
    (type) =>
      types.has(type),
};
