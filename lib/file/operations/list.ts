import { count, invalid, onlyKnown, text } from '../../job/checks.js';
import { JOB_STATUSES, type Job, STATUSES, type Status } from '../../job/job.js';
import type { ListOptions } from '../../job/job-options.js';
import { storeError } from '../disk/fs.js';
import { toJson } from '../format/json.js';
import type { Labels } from '../format/meta.js';
import { sortedJson } from '../format/sorted-json.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { groupsOf, readJobs } from '../index/rows.js';
import type { Store } from '../store.js';

/** The least number of jobs sorted together. */
const PIECE = 500;
/** After this many jobs, other callbacks get their turn. */
const SLICE = 20_000;
const OPTIONS = [
  'status',
  'type',
  'idPrefix',
  'dedupeKey',
  'group',
  'dismissed',
  'meta',
  'limit',
] as const satisfies readonly (keyof ListOptions)[];

/**
 * Yields the jobs that match, in file order. Each is as its group of rows says when it is read.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export async function* list(store: Store, options: ListOptions): AsyncIterableIterator<Job> {
  onlyKnown('options', options, OPTIONS);
  const { status, type, idPrefix, dedupeKey, group, dismissed, meta = {} } = options;
  const { limit = Number.POSITIVE_INFINITY } = options;
  const statuses: readonly Status[] = status === undefined ? JOB_STATUSES : [...new Set([status].flat())];
  for (const word of statuses) {
    if (!STATUSES.includes(word)) throw invalid('status', word, `one of ${STATUSES.join(', ')}`);
  }
  if (type !== undefined) text('type', type);
  if (idPrefix !== undefined) text('idPrefix', idPrefix);
  if (dedupeKey !== undefined) text('dedupeKey', dedupeKey);
  if (group !== undefined) text('group', group);
  if (dismissed !== undefined && typeof dismissed !== 'boolean')
    throw invalid('dismissed', dismissed, 'true or false');
  if (typeof meta !== 'object' || meta === null) throw invalid('meta', meta, 'an object of labels');
  const labels = Object.entries(meta).map(
    ([name, value]) => [name, sortedJson(toJson(value, `meta.${name}`))] as const,
  );
  let left = limit === Number.POSITIVE_INFINITY ? limit : count('limit', limit, 0);
  const index = await store.read('all');
  if (index === undefined || left === 0) return;

  const file = index.file.retain();
  try {
    const matches = (slot: number): boolean =>
      statuses.includes(index.status(slot)) && (type === undefined || index.type(slot) === type);
    for await (const slots of inFileOrder(index, matches)) {
      for (const together of groupsOf(index, slots)) {
        for (const stored of await readGroup(store, index, together)) {
          if (stored.isForgotten) continue;
          const job = stored.toJob();
          if (!statuses.includes(job.status)) continue;
          if (type !== undefined && job.type !== type) continue;
          if (idPrefix !== undefined && !job.id.startsWith(idPrefix)) continue;
          if (dedupeKey !== undefined && job.dedupeKey !== dedupeKey) continue;
          if (group !== undefined && job.group !== group) continue;
          if (dismissed !== undefined && job.dismissed !== dismissed) continue;
          if (!labels.every(([name, value]) => has(job.meta, name, value))) continue;
          yield job;
          if (--left === 0) return;
        }
      }
    }
  } catch (error) {
    throw storeError(error, store.path);
  } finally {
    file.release();
  }
}

/** True if a label has this value, as {@link sortedJson}. */
const has = (labels: Labels, name: string, value: string): boolean =>
  Object.hasOwn(labels, name) && sortedJson(JSON.stringify(labels[name])) === value;

/**
 * Yields the slots of the matching jobs in file order, in pieces. Each piece is sorted on demand, so that
 * a caller that wants twenty of a million jobs, and its web server, need not wait until all are sorted.
 */
async function* inFileOrder(
  index: JobIndex,
  matches: (slot: number) => boolean,
): AsyncIterableIterator<number[]> {
  const { size, position } = index;
  const pieces: number[][] = Array.from({ length: Math.ceil(size / PIECE) }, () => []);
  for (let slot = 0; slot < size; slot++) {
    if (slot % SLICE === SLICE - 1) await new Promise(setImmediate);
    if (!matches(slot)) continue;
    // Rows that were written meanwhile come after `position`.
    const piece = Math.min(Math.floor((index.offset(slot) / position) * pieces.length), pieces.length - 1);
    pieces[piece]?.push(slot);
  }
  let slots: number[] = [];
  for (const piece of pieces) {
    slots = slots.concat(piece.sort((a, b) => index.offset(a) - index.offset(b)));
    if (slots.length < PIECE) continue;
    yield slots;
    slots = [];
  }
  yield slots;
}

/** Reads the rows of one group of jobs, in file order. */
async function readGroup(store: Store, index: JobIndex, slots: readonly number[]): Promise<StoredJob[]> {
  let jobs: (StoredJob | undefined)[] = [];
  // A row can be struck between its lookup and the read. Then the file has a newer one.
  for (let tries = 0; tries < 5; tries++) {
    // Large rows take long to read, so other callbacks get their turn.
    await new Promise(setImmediate);
    // If another file has the name now, the old one has every job's state up to that moment.
    if ((await store.read('all')) !== index) await index.catchUp();
    const group = [...slots].sort((a, b) => index.offset(a) - index.offset(b));
    jobs = readJobs(index, group);
    if (!jobs.includes(undefined)) break;
  }
  return jobs.filter((job) => job !== undefined);
}
