// tsvq, from this repository's dist/.
import { openQueue } from '../../../../dist/index.js';
import { numberOf, payload } from './payload.js';

/** @param {{ file: string }} place @param {{ durability: 'sync' | 'os', concurrency?: number }} settings */
export function open({ file }, { durability, concurrency = 1 }) {
  const queue = openQueue(file, { durability });
  return {
    enqueue: (n) => queue.enqueue('bench', payload(n)),
    enqueueMany: (from, length) =>
      queue.enqueueMany(Array.from({ length }, (_, i) => ({ type: 'bench', payload: payload(from + i) }))),
    async work({ started, recorded, stop }) {
      const handlers = { bench: (job) => started(numberOf(job)) };
      if (stop === undefined) {
        const { completed } = await queue.processJobs(handlers, { concurrency });
        recorded(completed);
        return;
      }
      await queue.processJobs(handlers, {
        concurrency,
        linger: Number.POSITIVE_INFINITY,
        signal: stop,
        logger: ({ event, message }) => {
          if (event === 'completed') recorded(1);
          if (event === 'warning') console.error(message);
        },
      });
    },
    async counts() {
      const { total, completed } = await queue.stats();
      return { waiting: total - completed, done: completed };
    },
    /** A queue that has been used before, and is empty. */
    async prepare() {
      const used = openQueue(file, { durability, retention: 0 });
      await used.cancelJob(await used.enqueue('bench'));
      await used.compact();
      await used.close();
    },
    close: () => queue.close(),
  };
}
