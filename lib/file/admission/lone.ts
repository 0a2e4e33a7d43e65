import type { JobRule } from './rule.js';

/** A job that may have killed its worker runs alone, so that no other job suffers. */
export const lone: JobRule = {
  name: 'lone',
  open: () => (job) => (job.meta['@lone'] === true ? 'alone' : 'start'),
};
