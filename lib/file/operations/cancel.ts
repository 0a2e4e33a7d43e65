import { isFinal } from '../../job/job.js';
import { draft } from '../commit/view.js';
import { nextRow } from '../format/row.js';
import type { Store } from '../store.js';

/**
 * Cancels a job that waits or runs. Its worker sees the new row within a second and aborts the handler; what the
 * handler still returns comes too late.
 *
 * @returns false if the job is unknown or finished
 */
export async function cancel(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  let cancelled = false;
  const { error } = await store.commit('open', (view) => {
    const state = view.state(id);
    // By others, or in an earlier round of this very commit, whose answer stands.
    if (state?.status === 'cancelled') return [];
    cancelled = state !== undefined && !isFinal(state.status);
    const row = cancelled ? view.row(id) : undefined;
    if (row === undefined) return [];
    const change = { status: 'cancelled', finishedAt: view.now, lockedBy: '' } as const;
    return [draft(id, nextRow(row, change, view.layout))];
  });
  if (error !== undefined) throw error;
  return cancelled;
}
