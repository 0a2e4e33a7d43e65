import { invalid } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import type { Added } from '../../job/job-options.js';
import type { Reads, Transaction } from '../commit/transaction.js';
import { Incomplete } from '../commit/update.js';
import { removeSteps } from '../job-files/remove-steps.js';
import { addUnique, type Wanted } from '../joins/unique.js';
import type { Store } from '../store.js';
import { checkJob, type JobRequest } from './new-job.js';

/** After this many characters of payloads, other callbacks get their turn. Each job counts at least `LEAST`. */
const TURN = 4_000_000;
const LEAST = 8_000;

/**
 * Adds jobs. All jobs are checked before one is written, and one commit writes all. Jobs without a key need no lock.
 *
 * @returns what came of each job, in the same order
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`, `DUPLICATE_JOB`, or the store's; `written` has the ids that
 *   are in the file
 */
export async function addAll(store: Store, requests: readonly JobRequest[]): Promise<Added[]> {
  if (!Array.isArray(requests)) throw invalid('jobs', requests, 'an array of {type, payload, options}');
  if (requests.length <= 1) return add(store, requests);
  // A copy, so that the caller may reuse the array without waiting. And `close()` waits for this work.
  const jobs = [...requests];
  return store.work(() => add(store, jobs));
}

async function add(store: Store, requests: readonly JobRequest[]): Promise<Added[]> {
  const now = store.clock.now();
  const jobs: Wanted[] = [];
  let turn = 0;
  for (const [i, request] of requests.entries()) {
    if (turn > TURN) {
      await new Promise(setImmediate);
      turn = 0;
    }
    const where = requests.length === 1 ? '' : `jobs[${i}].`;
    const job = checkJob(request, now, store.options, where);
    jobs.push(job);
    turn += Math.max(job.fields.payload.length, LEAST);
  }
  return addChecked(store, jobs);
}

/**
 * Adds jobs that were checked, under the ids that they have.
 *
 * @param check called before each try of the commit; may throw
 * @throws TsvqError like {@link addAll}
 */
export async function addChecked(
  store: Store,
  jobs: readonly Wanted[],
  check?: (tx: Transaction) => void,
): Promise<Added[]> {
  if (jobs.length === 0) return [];
  const reads = readsOf(jobs);
  let added: Added[] = [];
  const restarted = new Set<string>();
  try {
    await store.update(reads, (tx) => {
      check?.(tx);
      added = reads === 'nothing' ? addPlain(tx, jobs) : addKeyed(tx, jobs);
      tx.limitSize(store.options.maxBytes);
      if (reads !== 'nothing') restart(store, tx, restarted);
    });
  } catch (error) {
    throw withWritten(error, added);
  }
  return added;
}

/** Returns how much of the file the keys need. */
function readsOf(jobs: readonly Wanted[]): Reads {
  if (jobs.some(({ dedupe }) => dedupe?.scope === 'kept')) return 'all';
  return jobs.some(({ dedupe }) => dedupe !== undefined) ? 'open' : 'nothing';
}

function addPlain(tx: Transaction, jobs: readonly Wanted[]): Added[] {
  return jobs.map(({ id, fields }) => ({ id: tx.add(fields, id), outcome: 'added' }));
}

function addKeyed(tx: Transaction, jobs: readonly Wanted[]): Added[] {
  // The holder of a key may be a job whose own process still waits for the disk.
  tx.reliesOnRows = true;
  const { added, rows } = addUnique(tx, jobs);
  for (const row of rows) tx.put(row);
  return added;
}

/**
 * Removes the recorded steps of jobs that get another payload, because they were done for the one before.
 *
 * @param done the ids of those whose steps are gone. A later try must not remove those that a worker has recorded since
 */
function restart(store: Store, tx: Transaction, done: Set<string>): void {
  for (const { id, from, payload } of tx.rows) {
    if (from === undefined || from.attempts === 0 || from.payload === payload || done.has(id)) continue;
    removeSteps(store, id);
    done.add(id);
  }
}

function withWritten(error: unknown, added: readonly Added[]): unknown {
  if (!(error instanceof Incomplete)) return error;
  const { code, message, cause } = error;
  const isIn = new Set(error.written);
  const written = added.map(({ id }) => id).filter((id) => isIn.has(id));
  return new TsvqError(code, `${message}; ${written.length} of the jobs of this call are in the file`, {
    cause,
    written,
  });
}
