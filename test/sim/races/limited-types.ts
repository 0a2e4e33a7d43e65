/*
 * The types of jobs with limits. Rates are high, so that several starts fall into one play.
 */

/** A limit of a type, as docs/policies.md has it. */
interface Limits {
  readonly concurrency?: number | { readonly max: number; readonly by?: 'type' | 'group' };
  readonly rateLimit?: {
    readonly max: number;
    readonly per: number;
    readonly burst?: number;
    readonly by?: 'type' | 'group';
  };
}

export const BY_TYPE = {
  'one at a time': { concurrency: 1 },
  'two at a time': { concurrency: { max: 2 } },
  spaced: { rateLimit: { max: 3, per: 900 } },
  'in bursts': { rateLimit: { max: 2, per: 1000, burst: 3 } },
  'spaced, one at a time': { concurrency: 1, rateLimit: { max: 1, per: 200, burst: 2 } },
} as const satisfies Record<string, Limits>;

export const BY_GROUP = {
  'one of a group': { concurrency: { max: 1, by: 'group' } },
  'two of a group': { concurrency: { max: 2, by: 'group' } },
  'groups in bursts': { rateLimit: { max: 1, per: 700, burst: 2, by: 'group' } },
  'groups spaced, two at a time': { concurrency: 2, rateLimit: { max: 1, per: 300, by: 'group' } },
  'one of a group, spaced': {
    concurrency: { max: 1, by: 'group' },
    rateLimit: { max: 4, per: 600, burst: 2 },
  },
} as const satisfies Record<string, Limits>;

export const LIMITED: Readonly<Record<string, Limits>> = { ...BY_TYPE, ...BY_GROUP };

/** A limit, as a judge needs it. */
export interface Limit {
  readonly by: 'type' | 'group';
  /** How many run at a time. */
  readonly max?: number;
  /** In ms; how far apart starts are, and how many may come at once. */
  readonly rate?: { readonly interval: number; readonly burst: number };
}

/** The limits of a type. */
export function limitsOf(type: string): Limit[] {
  const { concurrency, rateLimit } = LIMITED[type] ?? {};
  const limits: Limit[] = [];
  if (concurrency !== undefined) {
    const { max, by = 'type' } = typeof concurrency === 'number' ? { max: concurrency } : concurrency;
    limits.push({ by, max });
  }
  if (rateLimit !== undefined) {
    const { max, per, burst = 1, by = 'type' } = rateLimit;
    limits.push({ by, rate: { interval: per / max, burst } });
  }
  return limits;
}
