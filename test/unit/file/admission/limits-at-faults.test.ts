import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { LimitsFile } from '../../../../lib/file/admission/limits-file.js';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { claimed, elsewhere, NOW } from '../../../support/claims.js';
import { fileOf, jobId, line, rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/*
 * Limits of types, when a commit starts over, or a process is killed in the middle of a write.
 */

/** The ids of the jobs that are processing. */
function running(file: string): string[] {
  const newest = new Map(rowsOf(file).map(({ id, status }) => [id, status]));
  return [...newest].flatMap(([id, status]) => (status === 'processing' ? [id as string] : [])).sort();
}

test('a commit that starts over counts the claims that it has decided before', async (t) => {
  const file = fileOf(t, line({ id: jobId(1), type: 'api' }), line({ id: jobId(2), type: 'api' }));
  const { queue, store } = openTest(t, { file });
  const update = store.update.bind(store);
  store.update = async (reads, decide) => {
    store.update = update;
    // Between pick and lock, a worker that can't be judged claims a third job.
    appendFileSync(file, claimed(3, { type: 'api', locked_by: elsewhere, started_at: NOW }));
    const startOver = update(reads, (tx) => {
      decide(tx);
      throw new Error('starts over');
    });
    await assert.rejects(startOver, /starts over/);
    return update(reads, decide);
  };
  const seen: string[][] = [];
  const handler = async (): Promise<void> => void seen.push(running(file));
  await queue.processJobs({ api: { handler, concurrency: 2 } }, { concurrency: 4, maxWorkers: 4 });
  assert.equal(store.update, update);
  assert.deepEqual(seen, [
    [jobId(1), jobId(3)],
    [jobId(2), jobId(3)],
  ]);
});

test('a line of the limits file that a kill has cut in its number does not count', async (t) => {
  const { queue, file } = openTest(t);
  const interval = 60;
  // Both starts of the burst are used up. A worker was killed while it wrote the next one.
  writeFileSync(`${file}.limits`, `api\t\t${NOW + 2 * interval}\napi\t\t18`);
  await queue.enqueue('mail');
  const limited = (per: string, burst: number) => ({ handler: () => {}, rateLimit: { max: 1, per, burst } });
  // It closes the line that was cut.
  await queue.processJobs({ mail: limited('1h', 1) });
  await queue.enqueue('api');
  const { claimed: starts } = await queue.processJobs({ api: limited(`${interval}s`, 2) }, { maxTime: 1 });
  assert.equal(starts, 0);
});

test('a limits file whose cut line this process has closed is read on where it ends', (t) => {
  const file = fileOf(t);
  const cut = 'hello\t\t18934560';
  writeFileSync(`${file}.limits`, cut);
  const limits = new LimitsFile(systemFs, file);
  t.after(() => limits.close());
  limits.read();
  limits.write(new Map([['hello\t', (NOW + 60) * 1000]]), NOW * 1000);
  assert.equal(
    `hello\t\t${NOW + 60}\n`.slice(-cut.length),
    `lo\t\t${NOW + 60}\n`,
    'another lane, read from there',
  );
  limits.read();
  assert.equal(limits.timeOf('lo\t'), undefined);
  assert.equal(limits.timeOf('hello\t'), (NOW + 60) * 1000);
});

test('a job that waits for the rate of its group starts once it is replaced by one of another group', async (t) => {
  const { queue, clock } = openTest(t);
  const options = { dedupeKey: 'report', onDuplicate: 'replace' } as const;
  await queue.enqueue('mail', 1, { group: 'red' });
  await queue.add('mail', 2, { ...options, group: 'red' });
  const ran: [unknown, number][] = [];
  const waits = deferred();
  const began = clock.now();
  let isOver = false;
  const working = queue
    .processJobs(
      {
        mail: {
          handler: (n) => void ran.push([n, clock.now() - began]),
          rateLimit: { max: 1, per: '1h', by: 'group' },
        },
      },
      { linger: '5m', logger: ({ event }) => event === 'rate_limited' && waits.resolve() },
    )
    .finally(() => {
      isOver = true;
    });
  await waits.promise;
  await queue.add('mail', 3, { ...options, group: 'blue' });
  await clock.advanceUntil('the worker has ended', () => isOver);
  await working;
  const [[, soon] = [], [payload, later = Infinity] = []] = ran;
  assert.equal(soon, 0);
  assert.equal(payload, 3);
  assert.ok(later < 10_000, `${later} ms`);
});
