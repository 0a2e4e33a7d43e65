import { fileQueue } from './file/file-queue.js';
import { Store } from './file/store.js';
import { systemClock } from './job/clock.js';
import type { DefaultJobs } from './job/job.js';
import type { NoWorkerWarning } from './job/no-worker-warning.js';
import { type QueueOptions, resolveQueueOptions } from './job/queue-options.js';
import type { RowSink, RowSource } from './job/row-source.js';
import type { Queue } from './queue.js';

/**
 * How long a process lives before it loads all modules that it may need, in ms. Later, `npm install` may have
 * replaced them.
 */
const PRELOAD_MS = 1_000;

/**
 * Opens a queue. It returns at once, because only the first call that needs the file reads or makes it.
 * Open a file once and keep the queue, because each opened queue holds the file open until it is closed.
 *
 * @param file the path of the file, or its `file:` URL. The first enqueue makes the file and its directory. A relative
 *   path begins at the working directory.
 * @throws TsvqError `INVALID_ARGUMENT`, at once, for a path or an option that can't be used
 * @example
 * const queue = openQueue<{ email: { to: string } }>('data/queue.tsv', { durability: 'sync' });
 * await queue.enqueue('email', { to: 'ann@example.com' });
 */
export function openQueue<Jobs = DefaultJobs>(
  file: string | URL,
  options: QueueOptions<Jobs> = {},
): Queue<Jobs> {
  const store = new Store(file, resolveQueueOptions(options as QueueOptions));
  systemClock.later(PRELOAD_MS, () => store.preload());
  return overStore<Jobs>(store);
}

/**
 * The key under which each queue has its source of rows, whatever its engine. Not part of the public interface. Another
 * copy of this package in the process finds it, too: `tsvq/web` is one.
 */
const ROWS = Symbol.for('tsvq.rows.1');

/**
 * Opens a source of the rows of a queue, for a view.
 *
 * @internal
 */
export function rowsOf(queue: Queue, sink: RowSink): RowSource {
  return (queue as Queue & { readonly [ROWS]: (sink: RowSink) => RowSource })[ROWS](sink);
}

/**
 * Makes the queue of a store. Tests pass a store with another clock, or with a file system that fails on demand.
 *
 * @internal
 */
export function overStore<Jobs = DefaultJobs>(
  store: Store,
  tell?: (warning: NoWorkerWarning) => void,
): Queue<Jobs> {
  const { rows, ...calls } = fileQueue(store, tell);
  // Only here do job names get the types of their payloads, which the file can't hold.
  return { ...calls, [ROWS]: rows } as unknown as Queue<Jobs>;
}
