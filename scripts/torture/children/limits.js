// The types of the torture with limits, and the groups of their jobs.

/** @type {Record<string, Pick<import('tsvq').Policy, 'concurrency' | 'rateLimit'>>} */
export const LIMITS = {
  narrow: { concurrency: 2 },
  paced: { rateLimit: { max: 40, per: 1000, burst: 4 } },
  'narrow group': { concurrency: { max: 1, by: 'group' } },
  'paced group': { concurrency: 3, rateLimit: { max: 20, per: 1000, by: 'group' } },
};

/** Long, so that the limits file is soon written again; and none, which a limit by group doesn't count. */
export const GROUPS = ['', ...['red', 'blue'].map((name) => name.repeat(30))];
