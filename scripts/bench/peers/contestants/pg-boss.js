// pg-boss: its fetch() and complete(), which also work until nothing is left; work() has a pause of half a second
// at the least between two looks.
import { setTimeout as sleep } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import { numberOf, payload } from './payload.js';
import { settle } from './postgres.js';

/** So long a worker that found nothing waits before it fetches again, where `polled` doesn't ask for work(). */
const POLL_MS = 10;

/**
 * @param {{ socket: string }} place
 * @param {{ batchSize?: number, fetchers?: number, polled?: boolean }} settings
 */
export async function open({ socket }, { batchSize = 1, fetchers = 1, polled = false }) {
  const boss = new PgBoss({ host: socket, user: 'bench', database: 'postgres', schedule: false });
  boss.on('error', (error) => {
    throw error;
  });
  await boss.start();
  const sql = async (text) => (await boss.getDb().executeSql(text, [])).rows;
  return {
    prepare: () => boss.createQueue('bench'),
    enqueue: (n) => boss.send('bench', payload(n)),
    async enqueueMany(from, length) {
      const AT_ONCE = 10_000;
      for (let i = 0; i < length; i += AT_ONCE) {
        const some = Math.min(AT_ONCE, length - i);
        await boss.insert(
          Array.from({ length: some }, (_, j) => ({ name: 'bench', data: payload(from + i + j) })),
        );
      }
    },
    settle: () => settle(sql),
    async work({ started, recorded, stop }) {
      if (polled) {
        await boss.work('bench', { batchSize, pollingIntervalSeconds: 0.5 }, async (jobs) => {
          for (const { data } of jobs) started(numberOf(data));
        });
        await new Promise((resolve) => stop.addEventListener('abort', resolve));
        await boss.offWork('bench');
        return;
      }
      const fetcher = async () => {
        while (!stop?.aborted) {
          const jobs = await boss.fetch('bench', { batchSize });
          if (jobs.length === 0) {
            if (stop === undefined) return;
            await sleep(POLL_MS);
            continue;
          }
          for (const { data } of jobs) started(numberOf(data));
          await boss.complete(
            'bench',
            jobs.map(({ id }) => id),
          );
          recorded(jobs.length);
        }
      };
      await Promise.all(Array.from({ length: fetchers }, fetcher));
    },
    async counts() {
      const [row] = await sql(`
        SELECT count(*) FILTER (WHERE state = 'completed')::int AS done,
               count(*) FILTER (WHERE state <> 'completed')::int AS waiting
        FROM pgboss.job WHERE name = 'bench'`);
      return row;
    },
    close: () => boss.stop({ graceful: false, wait: true }),
  };
}
