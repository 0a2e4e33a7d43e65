import { loaded } from '../../job/dependency.js';
import type { Store } from '../store.js';

/** A type whose rate is used up, wholly or in part, in {@link Stats}. */
export interface UsedRate {
  /** The job type. */
  type: string;
  /** How many of its groups are counted by themselves at the moment; 0 if the type is counted as a whole. */
  groups: number;
  /** From when on the full rate is there again. The next job may start then at the latest: with `burst: 1` then, otherwise earlier. */
  until: Date;
}

/**
 * Reads which types have started jobs so lately that their rate is used up. A file that can't be read gives none,
 * because only a worker depends on it, and warns of it.
 */
export async function readUsedRates(store: Store): Promise<UsedRate[]> {
  const { fs, realPath, clock } = store;
  const byType = new Map<string, UsedRate>();
  try {
    // Most queues have no limits, so the code is loaded only if the file is there.
    if (fs.stat(`${realPath}.limits`) === undefined) return [];
    const { LimitsFile } = await loaded('the code of limits', import('../admission/limits-file.js'));
    const file = new LimitsFile(fs, realPath, false);
    try {
      file.read();
      for (const [lane, time] of file.after(clock.now())) {
        const [type, group] = lane.split('\t') as [string, string];
        const known = byType.get(type);
        const groups = (known?.groups ?? 0) + (group === '' ? 0 : 1);
        byType.set(type, { type, groups, until: new Date(Math.max(time, Number(known?.until ?? 0))) });
      }
    } finally {
      file.close();
    }
  } catch {
    return [];
  }
  return [...byType.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
}
