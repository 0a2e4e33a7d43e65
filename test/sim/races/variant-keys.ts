import { keyName } from '../../../lib/file/format/key-name.js';
import type { StoredJob } from '../../../lib/file/format/stored-job.js';
import { readJobs } from '../../../lib/file/index/rows.js';
import type { KeyView, Wanted } from '../../../lib/file/joins/unique.js';
import type { Store } from '../../../lib/file/store.js';

/*
 * Two designs that decide by what they saw before they had the lock: who holds a key, and which types are paused.
 */

/** The holders of each key, as a call saw them, by the call's jobs. */
const seen = new WeakMap<readonly Wanted[], Map<string, string[]>>();

/** Looks who holds the keys of a call, without the lock. */
export async function lookAtKeys(store: Store, jobs: readonly Wanted[]): Promise<void> {
  const index = await store.read('open');
  const holders = new Map<string, string[]>();
  for (const { fields } of jobs) {
    const { type, dedupeKey = '' } = fields;
    if (index === undefined || dedupeKey === '') continue;
    const rows = readJobs(index, index.joins.withKey(type, dedupeKey));
    holders.set(
      keyName(type, dedupeKey),
      rows.flatMap((row) => row?.id ?? []),
    );
  }
  seen.set(jobs, holders);
}

/** The view of the queue in which keys have the holders that were seen before. */
export function asSeen(
  tx: KeyView & { job(id: string): StoredJob | undefined },
  jobs: readonly Wanted[],
): KeyView {
  return {
    layout: tx.layout,
    written: (id) => tx.written(id),
    withKey: (type, key) => (seen.get(jobs)?.get(keyName(type, key)) ?? []).flatMap((id) => tx.job(id) ?? []),
  };
}

/** True while rules of admission are opened under the lock. */
export let ignoresPauses = false;

export function withoutPauses<T>(open: () => T): T {
  ignoresPauses = true;
  try {
    return open();
  } finally {
    ignoresPauses = false;
  }
}
