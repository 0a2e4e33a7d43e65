import { count, invalid, onlyKnown } from '../checks.js';
import { type Job, STATUSES, type Status } from '../job.js';
import type { ListOptions } from '../options.js';
import { storeError } from '../store/fs.js';
import { readRows } from '../store/rows.js';
import type { Store } from '../store/store.js';
import { toJob } from '../tsv/row.js';

/** Jobs are read in groups of so many, or of so many bytes if they are large. */
const GROUP = 500;
const GROUP_BYTES = 4 * 1024 * 1024;

/**
 * The jobs that match, in the order of the file, each as it is when its group is read.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export async function* list(store: Store, options: ListOptions): AsyncIterableIterator<Job> {
  onlyKnown('options', options, ['status', 'type', 'idPrefix', 'limit']);
  const { status, type, idPrefix, limit = Number.POSITIVE_INFINITY } = options;
  const statuses: readonly Status[] = status === undefined ? STATUSES : [status].flat();
  for (const word of statuses) {
    if (!STATUSES.includes(word)) throw invalid('status', word, STATUSES.join(', '));
  }
  let left = limit === Number.POSITIVE_INFINITY ? limit : count('limit', limit, 0);
  const index = await store.read('all');
  if (index === undefined || left === 0) return;

  const file = index.file.retain();
  try {
    const slots = statuses.flatMap((word) => [...index.withStatus(word)]);
    slots.sort((a, b) => index.offset(a) - index.offset(b));
    for (let i = 0; i < slots.length; ) {
      // Where another file has the name by now, this one has every job's state up to that moment.
      if ((await store.read('all')) !== index) await index.catchUp();
      const group: number[] = [];
      let bytes = 0;
      for (; i < slots.length && group.length < GROUP && bytes < GROUP_BYTES; i++) {
        group.push(slots[i] as number);
        bytes += index.length(slots[i] as number);
      }
      group.sort((a, b) => index.offset(a) - index.offset(b));
      // What is large takes long to read, and others want their turn.
      if (bytes >= GROUP_BYTES) await new Promise(setImmediate);
      for (const row of readRows(index, group)) {
        if (row === undefined) continue;
        const job = toJob(row, file.layout);
        if (!statuses.includes(job.status)) continue;
        if (type !== undefined && job.type !== type) continue;
        if (idPrefix !== undefined && !job.id.startsWith(idPrefix)) continue;
        yield job;
        if (--left === 0) return;
      }
    }
  } catch (error) {
    throw storeError(error, store.path);
  } finally {
    file.release();
  }
}
