import { TsvqError } from '../../job/errors.js';
import type { Chore, ChoreContext } from './chore.js';

/**
 * Repairs the file if a cut commit needs it, then compacts if that is worthwhile. Most failures of the latter are only
 * warnings, because the next worker tries again.
 *
 * @param includesSmall see {@link Store.compactIfWorthwhile}
 */
export async function compactForWorker(
  { store, events }: Pick<ChoreContext, 'store' | 'events'>,
  includesSmall: boolean,
): Promise<void> {
  if (store.lock.needsRepair) await store.repair();
  try {
    await store.compactIfWorthwhile(includesSmall);
  } catch (error) {
    const goesOn = error instanceof TsvqError && error.code !== 'SYNC_FAILED' && error.code !== 'CLOSED';
    if (!goesOn) throw error;
    events.warn(`could not compact the queue: ${error.message}`);
  }
}

/** Keeps the file small while a worker stays. Other workers compact when they leave. */
export const compact: Chore = {
  name: 'compact',
  every: 30_000,
  run: async (context) => {
    if (context.stays) await compactForWorker(context, false);
  },
};
