// graphile-worker. It deletes jobs when they are done, so that only those are left to count which are not.
import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run, runOnce } from 'graphile-worker';
import pg from 'pg';
import { numberOf, payload } from './payload.js';
import { settle } from './postgres.js';

const logger = new Logger(() => (level, message) => {
  if (level === 'error' || level === 'warning') console.error(message);
});

/**
 * @param {{ socket: string }} place
 * @param {{ concurrentJobs?: number, localQueue?: number, completeJobBatchDelay?: number }} settings
 */
export async function open({ socket }, { concurrentJobs = 1, localQueue = -1, completeJobBatchDelay = -1 }) {
  const pgPool = new pg.Pool({ host: socket, user: 'bench', database: 'postgres', max: concurrentJobs + 2 });
  const fail = (error) => {
    throw error;
  };
  pgPool.on('error', fail);
  pgPool.on('connect', (client) => client.on('error', fail));
  // Looks for migrations and makes what is missing; each runner does it too.
  let utils;
  const helper = async () => {
    utils ??= await makeWorkerUtils({ pgPool, logger });
    return utils;
  };
  const sql = async (text) => (await pgPool.query(text)).rows;
  return {
    prepare: async () => (await helper()).migrate(),
    enqueue: async (n) => (await helper()).addJob('bench', payload(n)),
    async enqueueMany(from, length) {
      const AT_ONCE = 10_000;
      for (let i = 0; i < length; i += AT_ONCE) {
        const some = Math.min(AT_ONCE, length - i);
        await (await helper()).addJobs(
          Array.from({ length: some }, (_, j) => ({ identifier: 'bench', payload: payload(from + i + j) })),
        );
      }
    },
    settle: () => settle(sql),
    work: (task) => work(task, { pgPool, concurrentJobs, localQueue, completeJobBatchDelay }),
    async counts() {
      const [{ waiting }] = await sql('SELECT count(*)::int AS waiting FROM graphile_worker.jobs');
      return { waiting };
    },
    async close() {
      await utils?.release();
      await pgPool.end();
    },
  };
}

/** Runs as many jobs as `jobs` says; 0 means all that are due. With `stop` it runs jobs until then. */
async function work({ started, recorded, stop, jobs }, settings) {
  const { pgPool, concurrentJobs, localQueue, completeJobBatchDelay } = settings;
  const taskList = { bench: (job) => void started(numberOf(job)) };
  if (jobs === 0) return runOnce({ pgPool, taskList, logger, noHandleSignals: true });
  const events = new EventEmitter();
  let left = jobs;
  const over = new Promise((resolve) => {
    // It says so while the completion is on its way to the database. In a drain, what counts is that it is there.
    events.on('job:complete', ({ error }) => {
      if (error) throw error;
      if (stop !== undefined) recorded(1);
      else if (--left === 0) resolve();
    });
    stop?.addEventListener('abort', () => resolve());
  });
  const runner = await run({
    pgPool,
    taskList,
    events,
    logger,
    noHandleSignals: true,
    preset: {
      worker: {
        concurrentJobs,
        completeJobBatchDelay,
        ...(localQueue > 0 && { localQueue: { size: localQueue } }),
      },
    },
  });
  await over;
  await runner.stop();
  if (stop === undefined) recorded(jobs);
}
