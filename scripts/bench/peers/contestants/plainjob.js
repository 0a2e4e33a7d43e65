// plainjob over better-sqlite3. It sets WAL and synchronous=NORMAL itself. A worker runs one job at a time.
import Database from 'better-sqlite3';
import { better, defineQueue, defineWorker, JobStatus } from 'plainjob';
import { numberOf, payload } from './payload.js';

const logger = { error: console.error, warn: console.error, info() {}, debug() {} };
/** Its default is a second; this is the same as the other one on SQLite has. */
const POLL_MS = 10;

/** @param {{ file: string }} place */
export function open({ file }) {
  const queue = defineQueue({ connection: better(new Database(file, { timeout: 30_000 })), logger });
  return {
    enqueue: (n) => queue.add('bench', payload(n)).id,
    enqueueMany: (from, length) =>
      queue.addMany(
        'bench',
        Array.from({ length }, (_, i) => payload(from + i)),
      ),
    async work({ started, recorded, stop, jobs }) {
      let left = jobs;
      const worker = defineWorker('bench', ({ data }) => started(numberOf(JSON.parse(data))), {
        queue,
        logger,
        pollIntervall: POLL_MS,
        onCompleted: () => {
          recorded(1);
          if (stop === undefined && --left === 0) void worker.stop();
        },
      });
      stop?.addEventListener('abort', () => void worker.stop());
      if (stop === undefined && queue.countJobs({ type: 'bench', status: JobStatus.Pending }) === 0) return;
      await worker.start();
    },
    counts() {
      const done = queue.countJobs({ status: JobStatus.Done });
      return { waiting: queue.countJobs() - done, done };
    },
    close: () => queue.close(),
  };
}
