import { type Duration, defined, duration, onlyKnown } from './checks.js';
import type { FinalStatus } from './job.js';

/** How long finished jobs stay in the file, by their state, in ms. */
export type Retention = Readonly<Record<FinalStatus, number>>;

/** The option `retention`: one time for all finished jobs, or a time for each state. */
export type RetentionOption = Duration | { readonly [S in FinalStatus]?: Duration | undefined };

/** Checks the option. @param defaults for the states that it leaves out @throws TsvqError `INVALID_ARGUMENT` */
export function resolveRetention(option: RetentionOption, defaults: Retention): Retention {
  if (typeof option !== 'object') {
    const ms = duration('retention', option);
    return { completed: ms, failed: ms, cancelled: ms };
  }
  onlyKnown('retention', option, Object.keys(defaults));
  const given = { ...defaults, ...defined(option) };
  return {
    completed: duration('retention.completed', given.completed),
    failed: duration('retention.failed', given.failed),
    cancelled: duration('retention.cancelled', given.cancelled),
  };
}
