import { constants } from 'node:fs';
import { DEFAULTS } from '../../job/options.js';
import { rescueRows } from '../chores/rescue.js';
import { removeUnfinishedRewrites } from '../compaction/rewrite.js';
import { withStoreErrors } from '../disk/fs.js';
import type { Store } from '../store.js';
import { type RepairOptions, type RepairPlan, type RepairStep, repairedMode } from './plan.js';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Carries out a plan. Each step is whole or not done at all, so it can be killed at any moment, and run again.
 *
 * @throws TsvqError like any change of the queue
 */
export async function repair(store: Store, plan: RepairPlan, options: RepairOptions): Promise<void> {
  const steps = new Set<RepairStep>(plan.repairs.map(({ step }) => step));
  await withStoreErrors(store.path, async () => {
    // First, because the others need the file.
    if (steps.has('mode')) repairMode(store);
    if (steps.has('remove')) await removeLeftovers(store);
    const aside = steps.has('aside') ? { includesHeld: options.releaseHeld } : undefined;
    // The index of the whole file tells which lines have the id of a job.
    if (aside !== undefined) await store.read('all');
    if (aside !== undefined || steps.has('compact')) await store.compact(undefined, { aside });
    if (steps.has('rescue')) await rescue(store);
  });
}

function repairMode(store: Store): void {
  const { fs, realPath } = store;
  const mode = repairedMode(store);
  if (mode === undefined) return;
  const fd = fs.open(realPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    fs.fchmod(fd, mode);
  } finally {
    fs.close(fd);
  }
}

/** Removes the files of dead compactions. Under the lock, no other process is writing one. */
async function removeLeftovers(store: Store): Promise<void> {
  await store.exclusively(async () => removeUnfinishedRewrites(store.fs, store.realPath));
}

/** Takes back the jobs of dead workers. Without their handlers, only a job's own limit of attempts is known. */
async function rescue(store: Store): Promise<void> {
  const types = {
    fallback: { timeout: DEFAULTS.timeout },
    has: () => true,
    policyOf: () => ({ maxAttempts: Number.POSITIVE_INFINITY, failureJob: undefined }),
  };
  await store.update('open', (tx) => {
    const { rescued } = rescueRows(store, tx, { owner: 'doctor', types, holds: () => false });
    for (const { rows } of rescued) for (const row of rows) tx.put(row);
  });
}
