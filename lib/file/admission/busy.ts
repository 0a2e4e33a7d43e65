import type { JobRule } from './rule.js';

/** A job does not start beside an earlier attempt that ignored its abort and still runs in this process. */
export const busy: JobRule = {
  name: 'busy',
  open:
    ({ worker }) =>
    ({ id }) =>
      worker.isBusy(id) ? 'later' : 'start',
};
