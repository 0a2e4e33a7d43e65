// BullMQ over Redis, whose appendfsync the server was started with. Finished jobs are kept, its default.
import { Queue, Worker } from 'bullmq';
import { numberOf, payload } from './payload.js';

/** @param {{ socket: string }} place @param {{ concurrency?: number }} settings */
export function open({ socket }, { concurrency = 1 }) {
  const connection = { path: socket, maxRetriesPerRequest: null };
  const queue = new Queue('bench', { connection });
  return {
    enqueue: (n) => queue.add('bench', payload(n)),
    async enqueueMany(from, length) {
      const AT_ONCE = 1000;
      for (let i = 0; i < length; i += AT_ONCE) {
        const some = Math.min(AT_ONCE, length - i);
        await queue.addBulk(
          Array.from({ length: some }, (_, j) => ({ name: 'bench', data: payload(from + i + j) })),
        );
      }
    },
    async work({ started, recorded, stop, jobs }) {
      const worker = new Worker('bench', async ({ data }) => started(numberOf(data)), {
        connection,
        concurrency,
        autorun: false,
      });
      worker.on('error', (error) => {
        throw error;
      });
      if (jobs === 0) {
        await worker.getNextJob('a look', { block: false });
        await worker.close();
        return;
      }
      let left = jobs;
      await new Promise((resolve, reject) => {
        worker.on('completed', () => {
          recorded(1);
          if (stop === undefined && --left === 0) resolve();
        });
        worker.on('failed', (_, error) => reject(error));
        stop?.addEventListener('abort', () => resolve());
        worker.run().catch(reject);
      });
      await worker.close();
    },
    async counts() {
      const { completed, ...others } = await queue.getJobCounts();
      return { waiting: Object.values(others).reduce((sum, n) => sum + n, 0), done: completed };
    },
    close: () => queue.close(),
  };
}
