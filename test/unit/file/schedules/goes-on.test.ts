import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileOf, saveAs, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { bulk, HOUR, HOURLY, jobOfSlot, openScheduled, ownRows, START } from './scheduled.js';

/*
 * Where a schedule goes on: after a removal, a change, a pause, and when the clock is set.
 */

const SPEC = { type: 'report', every: '1h' } as const;
const OPTIONS = { retention: '2d' } as const;

const versionIn = (file: string): string | undefined =>
  ownRows(file).find(({ id }) => id === HOURLY)?.version;

test('a schedule that was removed and is sealed goes on with its next version', async (t) => {
  const file = fileOf(t, ...bulk(START));
  const { queue, clock, runs, tick } = openScheduled(t, { file, ...OPTIONS });
  await queue.schedule('hourly', SPEC);
  clock.advance(HOUR);
  await tick();
  assert.equal(await queue.unschedule('hourly'), true);
  await queue.compact();
  const [sealed = '', open = ''] = text(file).split('# open jobs begin here\n');
  assert.ok(sealed.includes(`\n${HOURLY}\t`) && !open.includes(HOURLY));

  // A process that has not read the sealed part.
  const other = openScheduled(t, { file, clock, ...OPTIONS }, runs);
  assert.equal((await other.queue.schedule('hourly', SPEC)).changed, true);
  assert.equal(versionIn(file), '4');
  clock.advance(HOUR);
  await other.tick();
  assert.deepEqual(runs, [jobOfSlot(1), jobOfSlot(2)]);
});

test('a schedule that was removed and is archived begins again, and its next slot fires', async (t) => {
  const file = fileOf(t, ...bulk(START));
  const { queue, clock, runs, tick } = openScheduled(t, { file, ...OPTIONS });
  await queue.schedule('hourly', SPEC);
  clock.advance(HOUR);
  await tick();
  await queue.unschedule('hourly');
  clock.advance(72 * HOUR);
  await queue.compact();
  assert.equal(versionIn(file), undefined);
  await queue.schedule('hourly', SPEC);
  assert.equal(versionIn(file), '1');
  clock.advance(HOUR);
  await tick();
  await tick();
  assert.deepEqual(runs, [jobOfSlot(1), jobOfSlot(74)]);
});

test('a clock that is set back makes no slot come twice, and one that is set forward makes one of many', async (t) => {
  const { queue, clock, runs, tick } = openScheduled(t);
  await queue.schedule('hourly', SPEC);
  clock.advance(3 * HOUR);
  await tick();
  assert.deepEqual(runs, [jobOfSlot(3)]);
  clock.set(-2 * HOUR);
  for (let hour = 0; hour < 2; hour++) {
    await tick();
    clock.advance(HOUR);
  }
  assert.deepEqual(runs, [jobOfSlot(3)]);
  clock.set(21 * 24 * HOUR);
  await tick();
  await tick();
  const last = 3 + 21 * 24;
  assert.deepEqual(runs, [jobOfSlot(3), jobOfSlot(last)]);
  clock.advance(HOUR);
  await tick();
  assert.deepEqual(runs, [jobOfSlot(3), jobOfSlot(last), jobOfSlot(last + 1)]);
});

for (const [what, goOn] of [
  [
    'paused and goes on',
    async (queue) => {
      await queue.pauseSchedule('hourly');
      await queue.resumeSchedule('hourly');
    },
  ],
  [
    'removed and declared again',
    async (queue) => {
      await queue.unschedule('hourly');
      await queue.schedule('hourly', SPEC);
    },
  ],
  ['declared with another spec', (queue) => queue.schedule('hourly', { ...SPEC, payload: 2 })],
] as const satisfies readonly [
  string,
  (queue: ReturnType<typeof openScheduled>['queue']) => Promise<unknown>,
][]) {
  test(`a schedule that is ${what} after the clock was set back makes no slot twice`, async (t) => {
    const { queue, clock, runs, tick } = openScheduled(t);
    await queue.schedule('hourly', SPEC);
    clock.advance(3 * HOUR);
    await tick();
    clock.set(-2 * HOUR);
    await goOn(queue);
    const [schedule] = await queue.listSchedules();
    assert.equal(schedule?.nextRun?.getTime(), START + 4 * HOUR);
    for (let hour = 1; hour <= 3; hour++) {
      clock.advance(HOUR);
      await tick();
    }
    assert.deepEqual(runs, [jobOfSlot(3), jobOfSlot(4)]);
  });
}

test('a schedule that is declared while another process fires it makes no slot twice', async (t) => {
  const { queue, file, clock, runs } = openScheduled(t);
  await queue.schedule('hourly', SPEC);
  clock.advance(HOUR - 1);
  const slow = openTest(t, { file, clock });
  const update = slow.store.update.bind(slow.store);
  // The slot comes, and is fired, while the call waits for the lock.
  let isFirst = true;
  slow.store.update = async (reads, decide) => {
    if (isFirst) {
      isFirst = false;
      clock.advance(2);
      await openScheduled(t, { file, clock }, runs).tick();
    }
    return update(reads, decide);
  };
  const { nextRun } = await slow.queue.schedule('hourly', { ...SPEC, payload: 2 });
  assert.deepEqual(runs, [jobOfSlot(1)]);
  assert.equal(nextRun?.getTime(), START + 2 * HOUR);
});

test('jobs of a schedule that wait are cancelled with the one before them, and none of them runs', async (t) => {
  const { queue, clock, runs, tick } = openScheduled(t);
  await queue.schedule('hourly', { ...SPEC, overlap: 'queue' });
  for (let hour = 0; hour < 3; hour++) {
    clock.advance(HOUR);
    await queue.processJobs({}, { logger: () => {} });
  }
  await queue.schedule('hourly', { ...SPEC, overlap: 'cancel' });
  clock.advance(HOUR);
  await queue.processJobs({}, { logger: () => {} });
  await tick();
  assert.deepEqual(runs, [jobOfSlot(4)]);
  const statuses = await Promise.all([1, 2, 3, 4].map((n) => queue.getJob(jobOfSlot(n))));
  assert.deepEqual(
    statuses.map((job) => job?.status),
    ['cancelled', 'cancelled', 'cancelled', 'completed'],
  );
});

test('a job that waits behind others of its schedule waits on if the last of them is cancelled', async (t) => {
  const { queue, clock, runs, tick } = openScheduled(t);
  await queue.schedule('hourly', { ...SPEC, overlap: 'queue' });
  for (let hour = 0; hour < 3; hour++) {
    clock.advance(HOUR);
    await queue.processJobs({}, { logger: () => {} });
  }
  await queue.cancelJob(jobOfSlot(2));
  assert.equal((await queue.getJob(jobOfSlot(3)))?.status, 'waiting');
  await tick();
  assert.deepEqual(runs, [jobOfSlot(1), jobOfSlot(3)]);
});

for (const damaged of ['{"slot":1893459600,"job":5}', '{"slot":1e300}', '{"slot":1893459600000}', '[1'])
  test(`a last slot that an edit damaged counts as none: ${damaged}`, async (t) => {
    const { queue, file, clock, tick } = openScheduled(t);
    await queue.schedule('hourly', SPEC);
    clock.advance(HOUR);
    await tick();
    const { result = '' } = ownRows(file).find(({ id }) => id === HOURLY) ?? {};
    saveAs(
      file,
      text(file).replace(result, () => damaged),
    );
    const [listed] = await queue.listSchedules();
    assert.deepEqual([listed?.lastSlot, listed?.lastJob], [undefined, undefined]);
    await queue.pauseSchedule('hourly');
    await queue.resumeSchedule('hourly');
    assert.deepEqual((await queue.listSchedules())[0]?.nextRun, new Date(START + 2 * HOUR));
  });
