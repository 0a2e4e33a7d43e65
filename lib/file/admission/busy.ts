import type { JobRule } from './rule.js';

/** A job does not start while an earlier attempt of it, which ignored its abort, still runs in this process. */
export const busy: JobRule = {
  name: 'busy',
  open:
    ({ worker }) =>
    ({ id }) =>
      worker.runningHere.has(id) ? 'later' : 'start',
};
