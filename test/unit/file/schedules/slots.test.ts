import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ScheduleSpec } from '../../../../lib/job/schedule-spec.js';
import type { WorkerEvent } from '../../../../lib/job/worker-event.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { settle } from '../../../support/waiting.js';

const midnight = Date.UTC(2030, 0, 1);
const MINUTE = 60_000;
const minutely: ScheduleSpec = { type: 'beat', cron: '* * * * *' };

test('a job of a schedule knows its slot, also at a retry, and its row says it', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.schedule('m', minutely);
  clock.advance(MINUTE + 5_000);
  const seen: unknown[] = [];
  const beat = (_: unknown, { job }: { job: { schedule?: unknown } }) => {
    seen.push(job.schedule);
    if (seen.length === 1) throw new Error('once');
  };
  await queue.processJobs({ beat }, { backoff: ['10s'], logger: () => {} });
  clock.advance(11_000);
  await queue.processJobs({ beat });
  const slot = { name: 'm', slot: new Date(midnight + MINUTE) };
  assert.deepEqual(seen, [slot, slot]);
  const job = rowsOf(file).find(({ status }) => status === 'completed');
  assert.deepEqual(
    [job?.dedupe_key, job?.meta, job?.run_at !== ''],
    ['@m', `{"@schedule":"m","@slot":${midnight / 1000 + 60}}`, true],
  );
  const schedule = rowsOf(file).find(({ status }) => status === 'recurring');
  assert.equal(schedule?.result, `{"slot":${midnight / 1000 + 60},"job":"${job?.id}"}`);
  assert.equal(schedule?.attempts, '1');
});

test('a worker that lingers starts a job at its slot, and one that has a long job still makes others', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('s', { type: 'beat', every: '1s' });
  await queue.schedule('long', { type: 'long', every: '1m' });
  const stop = new AbortController();
  const starts: number[] = [];
  let end: (() => void) | undefined;
  const long = () =>
    new Promise<void>((resolve) => {
      end = resolve;
    });
  const working = queue.processJobs(
    { beat: () => void starts.push(clock.now() - midnight), long },
    { linger: '5m', concurrency: 2, signal: stop.signal },
  );
  await clock.pass(62_000, 100);
  assert.ok(end !== undefined, 'the long job runs');
  assert.equal(starts.length, 62);
  assert.ok(
    starts.every((start, i) => start - (i + 1) * 1000 <= 100),
    String(starts),
  );
  end();
  await settle();
  stop.abort();
  await working;
});

for (const [overlap, states] of [
  ['skip', ['running']],
  ['queue', ['running', 'waiting']],
  ['cancel', ['cancelled', 'running']],
  ['allow', ['running', 'running']],
] as const) {
  test(`a slot that comes while a job of the schedule runs: ${overlap}`, async (t) => {
    const { queue, clock, file } = openTest(t);
    await queue.schedule('m', { ...minutely, overlap });
    clock.advance(MINUTE);
    const aborted: string[] = [];
    const ends: (() => void)[] = [];
    const events: WorkerEvent[] = [];
    const stop = new AbortController();
    const working = queue.processJobs(
      {
        beat: (_, { signal, job }) =>
          new Promise<void>((resolve) => {
            ends.push(resolve);
            signal.addEventListener('abort', () => {
              aborted.push(job.id);
              resolve();
            });
          }),
      },
      { linger: '10m', concurrency: 2, signal: stop.signal, logger: (event) => void events.push(event) },
    );
    await clock.advanceUntil('the first runs', () => ends.length === 1, 100);
    const [first] = await queue.listJobs();
    await clock.pass(MINUTE + 1_000, 250);
    const found = (await queue.listJobs()).map(({ status }) =>
      status === 'processing' ? 'running' : status,
    );
    assert.deepEqual(found.sort(), [...states].sort());
    assert.deepEqual(aborted, overlap === 'cancel' ? [first?.id] : []);
    const skipped = events.filter(({ event }) => event === 'skipped');
    const row = rowsOf(file).find(({ status }) => status === 'recurring');
    if (overlap === 'skip') {
      assert.deepEqual(JSON.parse(row?.result ?? ''), {
        slot: midnight / 1000 + 120,
        skipped: 'overlap',
        by: first?.id,
      });
      assert.deepEqual(
        skipped.map(({ schedule }) => schedule),
        ['m'],
      );
      const [listed] = await queue.listSchedules();
      assert.deepEqual([listed?.skipped, listed?.lastJob, listed?.fired], ['overlap', undefined, 1]);
    } else assert.deepEqual(skipped, []);
    if (overlap === 'queue') {
      ends[0]?.();
      await clock.advanceUntil('the second runs after the first', () => ends.length === 2, 100);
    }
    for (const end of ends) end();
    await settle();
    stop.abort();
    for (const end of ends) end();
    await working;
  });
}

test('with queue, a job also starts after one that failed, and each slot has its job', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('m', { ...minutely, overlap: 'queue', catchUp: 'all' });
  clock.advance(4 * MINUTE);
  let count = 0;
  const order: number[] = [];
  const beat = (_: unknown, { job }: { job: { schedule?: { slot?: Date | undefined } | undefined } }) => {
    order.push((job.schedule?.slot?.getTime() ?? 0) - midnight);
    if (count++ === 0) throw new Error('first');
  };
  await queue.processJobs({ beat }, { maxAttempts: 1, concurrency: 4 });
  assert.deepEqual(order, [MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE]);
  const states = (await queue.listJobs()).map(({ status }) => status).sort();
  assert.deepEqual(states, ['completed', 'completed', 'completed', 'failed']);
});

test('a retry that waits for its next attempt holds up the next slot, too', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('m', minutely);
  clock.advance(MINUTE);
  const fail = { beat: () => Promise.reject(new Error('no')) };
  await queue.processJobs(fail, { backoff: ['1h'] });
  clock.advance(MINUTE);
  await queue.processJobs(fail);
  assert.deepEqual(
    [(await queue.listJobs()).length, (await queue.listSchedules())[0]?.skipped],
    [1, 'overlap'],
  );
});

test('after three weeks off, one job is made, and the row says from which slot on none was', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.schedule('m', minutely);
  clock.advance(21 * 24 * 60 * MINUTE);
  await queue.processJobs({ beat: () => {} });
  const now = clock.now() / 1000;
  const [job] = await queue.listJobs();
  const row = rowsOf(file).find(({ status }) => status === 'recurring');
  assert.deepEqual(JSON.parse(row?.result ?? ''), { slot: now, job: job?.id, since: midnight / 1000 + 60 });
});

test('after a day off, all makes up for each slot, in commits of 100 jobs', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.schedule('m', { ...minutely, catchUp: 'all', overlap: 'allow' });
  clock.advance(250 * MINUTE);
  await queue.processJobs({ beat: () => {} });
  const slots = new Set((await queue.listJobs()).map(({ schedule }) => schedule?.slot?.getTime()));
  assert.equal(slots.size, 250);
  assert.equal(rowsOf(file).find(({ status }) => status === 'recurring')?.attempts, '250');
});

test('a commit of many slots reads the jobs that still wait once, because other processes wait for the lock', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, clock } = openTest(t, { fs });
  await queue.schedule('s', { type: 'beat', every: '1s', catchUp: 'all', overlap: 'queue' });
  clock.advance(100_000);
  await queue.processJobs({}, { logger: () => {} });
  clock.advance(100_000);
  const before = calls.length;
  await queue.processJobs({}, { logger: () => {} });
  assert.equal((await queue.listSchedules())[0]?.fired, 200);
  const reads = calls.slice(before).filter(({ name }) => name === 'readSync').length;
  assert.ok(reads < 1000, `${reads} reads`);
});

test('many schedules with large payloads take several commits, because a commit is in memory at once', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, clock, file } = openTest(t, { fs });
  const payload = 'x'.repeat(900_000);
  for (let i = 0; i < 20; i++) await queue.schedule(`s${i}`, { ...minutely, payload });
  clock.advance(MINUTE);
  let appends = 0;
  fault.do = (call, real) => {
    if (isAppend(call, file)) appends++;
    return real();
  };
  const appendsBefore: number[] = [];
  const logger = ({ event }: WorkerEvent) => void (event === 'fired' && appendsBefore.push(appends));
  await queue.processJobs({}, { logger });
  assert.equal(appendsBefore.length, 20);
  assert.equal(new Set(appendsBefore).size, 2);
});

test('a slot that is older than its limit is passed over, and the next one comes', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('d', { type: 'beat', cron: '0 3 * * *', catchUpWithin: '5m' });
  clock.advance(186 * MINUTE);
  const events: WorkerEvent[] = [];
  await queue.processJobs({ beat: () => {} }, { logger: (event) => void events.push(event) });
  assert.deepEqual(
    events.map(({ event, schedule }) => [event, schedule]),
    [['skipped', 'd']],
  );
  const [schedule] = await queue.listSchedules();
  assert.deepEqual(
    [schedule?.skipped, schedule?.fired, schedule?.nextRun],
    ['late', 0, new Date(midnight + 27 * 60 * MINUTE)],
  );
});

test('jitter moves the start by a part that depends on name and slot only', async (t) => {
  const starts = async () => {
    const { queue, clock } = openTest(t);
    for (const name of ['a', 'b', 'c']) await queue.schedule(name, { ...minutely, jitter: '30s' });
    clock.advance(MINUTE);
    await queue.processJobs({});
    return (await queue.listJobs()).map(({ schedule, runAt }) => [
      schedule?.name,
      runAt.getTime() - midnight - MINUTE,
    ]);
  };
  const first = await starts();
  assert.deepEqual(await starts(), first);
  const waits = new Set(first.map(([, wait]) => wait as number));
  assert.equal(waits.size, 3);
  for (const wait of waits) assert.ok(wait >= 0 && wait < 30_000);
});

test('runNow makes a job beside the slots, by the rules of the overlap, also of a paused schedule', async (t) => {
  const { queue } = openTest(t);
  await queue.schedule('m', minutely);
  await queue.pauseSchedule('m');
  const first = await queue.runNow('m');
  assert.equal(first.outcome, 'added');
  assert.deepEqual(await queue.runNow('m'), { id: first.id, outcome: 'existing' });
  assert.deepEqual((await queue.getJob(first.id))?.schedule, { name: 'm', slot: undefined });
  await queue.schedule('all', { ...minutely, overlap: 'allow' });
  assert.equal((await queue.runNow('all')).outcome, 'added');
  assert.equal((await queue.runNow('all')).outcome, 'added');
  await rejects(queue.runNow('nobody'), 'INVALID_ARGUMENT', 'no schedule "nobody"');
});

test('a recurring row that is no schedule is told once, and stops nothing else', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.schedule('m', minutely);
  await queue.close();
  const { appendFileSync } = await import('node:fs');
  const { line } = await import('../../../support/queue-file.js');
  appendFileSync(file, line({ status: 'recurring', meta: '{"@schedule":{"name":"m","every":1}}' }));
  const other = openTest(t, { file, clock }).queue;
  clock.advance(MINUTE);
  const warnings: string[] = [];
  let ran = 0;
  await other.processJobs(
    { beat: () => void ran++ },
    { logger: ({ event, message }) => void (event === 'warning' && warnings.push(message ?? '')) },
  );
  assert.equal(ran, 1);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /0000000000000001/);
});

test('a worker that does not linger runs the job of a slot also while it has due jobs of a paused type', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('m', minutely);
  await queue.enqueue('other', {});
  await queue.pause('other');
  clock.advance(MINUTE);
  const { completed } = await queue.processJobs({ beat: () => {}, other: () => {} });
  assert.equal(completed, 1);
});

test('a long line of jobs that wait is read once a commit, not once a slot', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, clock } = openTest(t, { fs });
  await queue.schedule('m', { ...minutely, catchUp: 'all', overlap: 'queue' });
  clock.advance(300 * MINUTE);
  const before = calls.length;
  await queue.processJobs({}, { logger: () => {} });
  assert.equal((await queue.stats()).waiting, 299);
  // Of 300 jobs, 100 are made in a commit: it reads none, 100 and 200 of them.
  const reads = calls.slice(before).filter(({ name }) => name.startsWith('read'));
  assert.ok(reads.length < 1_000, `${reads.length} reads`);
});
