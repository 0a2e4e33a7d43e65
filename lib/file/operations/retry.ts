import { draft } from '../commit/view.js';
import { NO_OWN_META } from '../format/meta.js';
import { nextRow } from '../format/row.js';
import type { Store } from '../store.js';

/**
 * Makes a failed or cancelled job pending again, due at once, with all its attempts before it. `attempts` goes on
 * counting, since (id, attempts) names one run for ever; what was is forgiven instead.
 *
 * @returns false if the job is unknown, or neither failed nor cancelled
 */
export async function retry(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  let retried = false;
  const { error } = await store.commit('all', (view) => {
    const state = view.state(id);
    // It was before, or is since an earlier round of this very commit, whose answer stands.
    if (state?.status === 'pending') return [];
    retried = state?.status === 'failed' || state?.status === 'cancelled';
    const row = retried ? view.row(id) : undefined;
    if (row === undefined) return [];
    const { at } = view.layout;
    const change = {
      status: 'pending',
      runAt: view.now,
      forgiven: Number(row[at.attempts]) || 0,
      finishedAt: '',
      meta: NO_OWN_META,
    } as const;
    return [draft(id, nextRow(row, change, view.layout))];
  });
  if (error !== undefined) throw error;
  return retried;
}
