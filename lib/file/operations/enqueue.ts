import { invalid, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { type EnqueueOptions, resolveEnqueueOptions } from '../../job/job-options.js';
import { checkName } from '../../job/name.js';
import { randomHex } from '../../job/random.js';
import { Incomplete } from '../commit/update.js';
import type { NewJobFields } from '../format/columns.js';
import { toJson } from '../format/json.js';
import type { Store } from '../store.js';

/** A job to add, as the caller describes it. */
export interface JobRequest {
  type: string;
  payload?: unknown;
  options?: EnqueueOptions | undefined;
}

/** After this many characters of payloads, other callbacks get their turn. Each job counts at least `LEAST`. */
const TURN = 4_000_000;
const LEAST = 8_000;

/**
 * Adds jobs. All jobs are checked before one is written, and one commit writes all.
 *
 * @returns their ids, in the same order
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`, or the store's; `written` has the ids that are in the file
 */
export async function enqueueAll(store: Store, requests: readonly JobRequest[]): Promise<string[]> {
  if (!Array.isArray(requests)) throw invalid('jobs', requests, 'an array of {type, payload, options}');
  if (requests.length <= 1) return add(store, requests);
  // A copy, so that the caller may reuse the array without waiting. And `close()` waits for this work.
  const jobs = [...requests];
  return store.work(() => add(store, jobs));
}

async function add(store: Store, requests: readonly JobRequest[]): Promise<string[]> {
  const now = store.clock.now();
  const ids: string[] = [];
  const jobs: NewJobFields[] = [];
  let turn = 0;
  for (const [i, request] of requests.entries()) {
    if (turn > TURN) {
      await new Promise(setImmediate);
      turn = 0;
    }
    const where = requests.length === 1 ? '' : `jobs[${i}].`;
    const job = checkJob(request, now, store.options.maxPayload, where);
    jobs.push(job);
    ids.push(randomHex(8));
    turn += Math.max(job.payload.length, LEAST);
  }
  if (jobs.length === 0) return [];
  try {
    await store.update('nothing', (tx) => {
      for (const [i, job] of jobs.entries()) tx.add(job, ids[i]);
    });
  } catch (error) {
    throw withWritten(error, ids);
  }
  return ids;
}

/**
 * Checks a job. @param where the text before argument names in errors
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
 */
export function checkJob(request: JobRequest, now: number, maxPayload: number, where = ''): NewJobFields {
  if (typeof request !== 'object' || request === null) {
    throw invalid(where.slice(0, -1) || 'job', request, 'an object {type, payload, options}');
  }
  onlyKnown(where.slice(0, -1) || 'job', request, ['type', 'payload', 'options']);
  const { type, payload, options = {} } = request;
  const name = checkName(`${where}type`, type);
  const json = toJson(payload, `${where}payload`);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxPayload) {
    throw new TsvqError(
      'PAYLOAD_TOO_LARGE',
      `${where}payload of a job of type ${name} is ${bytes} bytes as JSON; the limit is ${maxPayload}. ` +
        'Store it elsewhere and enqueue its address, or raise maxPayload.',
    );
  }
  const { runAt, priority, maxAttempts, timeout } = resolveEnqueueOptions(options, now, where);
  return { type: name, payload: json, createdAt: now, runAt, priority, maxAttempts, timeout };
}

function withWritten(error: unknown, ids: readonly string[]): unknown {
  if (!(error instanceof Incomplete)) return error;
  const { code, message, cause } = error;
  const isIn = new Set(error.written);
  const written = ids.filter((id) => isIn.has(id));
  return new TsvqError(code, `${message}; ${written.length} of the jobs of this call are in the file`, {
    cause,
    written,
  });
}
