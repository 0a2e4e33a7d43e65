import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import type { WorkerEvent } from '../../../../lib/job/worker-event.js';
import { rejects } from '../../../support/errors.js';
import { rowsOf, saveAs, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/** The time of the fake clock is midnight at first. */
const midnight = Date.UTC(2030, 0, 1);
const hour = 3_600_000;
const nightly = { type: 'backup', payload: { full: true }, cron: '30 2 * * *' } as const;

test('a schedule is a row of the file, and its first job comes at its first slot after now', async (t) => {
  const { queue, file } = openTest(t);
  const { id, nextRun, changed } = await queue.schedule('nightly', { ...nightly, options: { priority: 5 } });
  assert.deepEqual([nextRun, changed], [new Date(midnight + 2.5 * hour), true]);
  const [row] = rowsOf(file);
  assert.deepEqual(
    [row?.id, row?.type, row?.payload, row?.status, row?.run_at, row?.priority, row?.meta],
    [
      id,
      'backup',
      '{"full":true}',
      'recurring',
      String(midnight / 1000 + 9000),
      '5',
      '{"@schedule":{"name":"nightly","cron":"30 2 * * *"}}',
    ],
  );
  assert.deepEqual(await queue.listJobs(), [], 'it is no job');
  assert.equal((await queue.stats()).total, 0);
  assert.equal((await queue.getJob(id))?.status, 'recurring');
});

test('an equal declaration writes nothing; another one is the next version, once', async (t) => {
  const { queue, file } = openTest(t);
  await queue.schedule('nightly', nightly);
  const before = text(file);
  assert.equal(
    (await queue.schedule('nightly', { ...nightly, overlap: 'skip', catchUp: 'last' })).changed,
    false,
  );
  assert.equal(text(file), before);
  assert.equal((await queue.schedule('nightly', { ...nightly, payload: { full: false } })).changed, true);
  assert.equal((await queue.schedule('nightly', { ...nightly, payload: { full: false } })).changed, false);
  assert.deepEqual(
    rowsOf(file).map(({ payload, version }) => [payload, version]),
    [['{"full":false}', '2']],
  );
});

test('labels may be in any order, are replaced by a later declaration, and are those of the jobs', async (t) => {
  const { queue, clock } = openTest(t);
  const options = (meta: Record<string, unknown>) => ({ ...nightly, options: { meta } });
  await queue.schedule('nightly', options({ a: 1, b: 2 }));
  await queue.schedule('nightly', options({ b: 2, c: 3 }));
  assert.equal((await queue.schedule('nightly', options({ b: 2, c: 3 }))).changed, false);
  clock.advance(3 * hour);
  await queue.processJobs({ backup: () => {} });
  assert.deepEqual((await queue.listJobs())[0]?.meta, { b: 2, c: 3 });
});

test('a slot that is due stays due when the declaration changes', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('nightly', nightly);
  clock.advance(3 * hour);
  await queue.schedule('nightly', { ...nightly, cron: '0 5 * * *' });
  await queue.processJobs({ backup: () => {} });
  const [job] = await queue.listJobs();
  assert.deepEqual(job?.schedule, { name: 'nightly', slot: new Date(midnight + 2.5 * hour) });
  assert.deepEqual((await queue.listSchedules())[0]?.nextRun, new Date(midnight + 5 * hour));
});

test('a paused schedule makes no jobs, stays paused when declared differently, and goes on at its next slot', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.schedule('nightly', nightly);
  assert.equal(await queue.pauseSchedule('nightly'), true);
  assert.equal((await queue.schedule('nightly', nightly)).changed, false, 'a pause is no change');
  const { nextRun, changed } = await queue.schedule('nightly', { ...nightly, cron: '0 3 * * *' });
  assert.deepEqual([nextRun, changed], [undefined, true]);
  clock.advance(24 * hour);
  await queue.processJobs({ backup: () => {} });
  assert.deepEqual(await queue.listJobs(), []);
  assert.equal(await queue.resumeSchedule('nightly'), true);
  const [schedule] = await queue.listSchedules();
  assert.deepEqual([schedule?.paused, schedule?.nextRun], [false, new Date(midnight + 27 * hour)]);
  for (const unknown of [queue.pauseSchedule('x'), queue.resumeSchedule('x'), queue.unschedule('x')])
    assert.equal(await unknown, false);
});

test('a schedule that is removed and declared again within one slot fires at its next slot', async (t) => {
  const { queue, clock } = openTest(t);
  const minutely = { type: 'backup', cron: '* * * * *' };
  await queue.schedule('m', minutely);
  clock.advance(60_000);
  await queue.processJobs({ backup: () => {} });
  assert.equal(await queue.unschedule('m'), true);
  assert.deepEqual(await queue.listSchedules(), []);
  const { nextRun } = await queue.schedule('m', minutely);
  assert.deepEqual(nextRun, new Date(midnight + 120_000));
  clock.advance(60_000);
  await queue.processJobs({ backup: () => {} });
  assert.equal((await queue.listJobs({ status: 'completed' })).length, 2);
});

test('a schedule whose row was deleted by hand and that is declared again makes no slot twice', async (t) => {
  const { queue, clock, file } = openTest(t);
  const minutely = { type: 'backup', cron: '* * * * *' };
  await queue.schedule('m', minutely);
  clock.advance(60_000);
  await queue.processJobs({ backup: () => {} });
  await queue.close();
  const { writeFileSync } = await import('node:fs');
  writeFileSync(
    file,
    text(file)
      .split('\n')
      .filter((row) => !row.includes('\trecurring\t'))
      .join('\n'),
  );
  const other = openTest(t, { file, clock }).queue;
  await other.schedule('m', minutely);
  await other.processJobs({ backup: () => {} });
  clock.advance(60_000);
  await other.processJobs({ backup: () => {} });
  const slots = (await other.listJobs()).map((job) => job.schedule?.slot?.getTime());
  assert.deepEqual(slots, [midnight + 60_000, midnight + 120_000]);
});

test('a worker declares its schedules at each start, tells what has changed, and removes none', async (t) => {
  const { queue, file } = openTest(t);
  const events: WorkerEvent[] = [];
  const options = {
    schedules: { nightly, hourly: { type: 'backup', every: '1h' } },
    logger: (e: WorkerEvent) => void events.push(e),
  };
  await queue.processJobs({}, options);
  const declared = events.map(({ event, schedule, runAt }) => [event, schedule, runAt?.getTime()]);
  assert.deepEqual(declared, [
    ['scheduled', 'nightly', midnight + 2.5 * hour],
    ['scheduled', 'hourly', midnight + hour],
  ]);
  const before = text(file);
  await queue.processJobs({}, options);
  await queue.processJobs({}, { ...options, schedules: {} });
  assert.equal(text(file), before);
  assert.equal(events.length, 2);
  assert.deepEqual(
    (await queue.listSchedules()).map(({ name }) => name),
    ['hourly', 'nightly'],
  );
});

test('two workers with different declarations of one name each change it once a start', async (t) => {
  const { queue } = openTest(t);
  const events: string[] = [];
  const start = (cron: string) =>
    queue.processJobs(
      {},
      { schedules: { a: { type: 'x', cron } }, logger: ({ event }) => void events.push(event) },
    );
  for (const cron of ['1 * * * *', '2 * * * *', '1 * * * *', '1 * * * *']) await start(cron);
  assert.deepEqual(events, ['scheduled', 'scheduled', 'scheduled']);
});

for (const durability of ['sync', 'os'] as const) {
  test(`a removed schedule that code declares is back at the next start (${durability})`, async (t) => {
    const { queue } = openTest(t, { durability });
    const schedules = { nightly };
    await queue.processJobs({}, { schedules });
    await queue.unschedule('nightly');
    await queue.processJobs({}, { schedules });
    assert.equal((await queue.listSchedules()).length, 1);
  });

  test(`a declaration in code wins over another call's (${durability})`, async (t) => {
    const { queue } = openTest(t, { durability });
    await queue.processJobs({}, { schedules: { nightly } });
    await queue.schedule('nightly', { ...nightly, cron: '0 4 * * *' });
    await queue.processJobs({}, { schedules: { nightly } });
    assert.equal((await queue.listSchedules())[0]?.spec.cron, nightly.cron);
  });
}

test('a schedule is no job that could be retried', async (t) => {
  const { queue } = openTest(t);
  const { id } = await queue.schedule('nightly', nightly);
  await queue.unschedule('nightly');
  await rejects(queue.retryJob(id), 'INVALID_ARGUMENT', id, 'a schedule');
});

test('a note of a later version in the row is kept, and makes no difference to a declaration', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.schedule('nightly', nightly);
  await queue.close();
  const { writeFileSync } = await import('node:fs');
  writeFileSync(file, text(file).replace('{"@schedule"', '{"@later":7,"@schedule"'));
  const other = openTest(t, { file, clock }).queue;
  await other.processJobs({}, { schedules: { nightly } });
  assert.equal((await other.schedule('nightly', { ...nightly, cron: '0 4 * * *' })).changed, true);
  assert.equal((await other.schedule('nightly', { ...nightly, cron: '0 4 * * *' })).changed, false);
  assert.match(text(file), /"@later":7/);
});

for (const [what, name, spec, ...message] of [
  ['an empty name', '', nightly, 'the name of a schedule is ""'],
  ['a status word', 'pending', nightly, 'the name of a schedule is "pending"'],
  ['no type', 'a', { cron: '* * * * *' }, 'schedule a: type'],
  ['a misspelt option', 'a', { ...nightly, zone: 'UTC' }, 'schedule a.zone is "UTC"'],
  [
    'an option that jobs of a schedule lack',
    'a',
    { ...nightly, options: { delay: '1m' } },
    'schedule a: options.delay',
  ],
  ['a wrong expression', 'a', { ...nightly, cron: '61 * * * *' }, 'schedule a: cron is "61 * * * *"'],
  ['a payload that JSON lacks', 'a', { ...nightly, payload: 1n }, 'schedule a: payload'],
] as const) {
  test(`${what} is refused, by name of schedule and option, and nothing is written`, async (t) => {
    const { queue, store } = openTest(t);
    const wrong = spec as unknown as typeof nightly;
    await rejects(queue.schedule(name, wrong), 'INVALID_ARGUMENT', ...message);
    await rejects(queue.processJobs({}, { schedules: { [name]: wrong } }), 'INVALID_ARGUMENT', ...message);
    assert.equal(store.exists, false);
  });
}

test('labels that leave no room for the note are refused', async (t) => {
  const { queue } = openTest(t);
  const minutes = Array.from({ length: 60 }, (_, i) => i).join(',');
  const spec = (label: number) => ({
    ...{
      type: 'backup',
      cron: `${minutes} 0,1,2,3,4,5,6,7,8,9,10 * * *`,
      timezone: 'America/Argentina/ComodRivadavia',
    },
    ...({
      catchUp: 'all',
      overlap: 'queue',
      catchUpWithin: 123_456_789_012_345,
      jitter: 31_556_951_999,
    } as const),
    ...{ startAt: 1893456000.123, endAt: 4000000000.123 },
    options: { meta: { a: 'x'.repeat(label) } },
  });
  await queue.schedule('漢'.repeat(200), spec(2000));
  await rejects(
    queue.schedule('漢'.repeat(200), spec(3064)),
    'INVALID_ARGUMENT',
    'options.meta leaves no room',
  );
});

test('a listed schedule declares itself, also one that makes up for slots of any age', async (t) => {
  const { queue } = openTest(t);
  const all = { ...nightly, catchUp: 'all', overlap: 'allow' } as const;
  await queue.schedule('all', { ...all, catchUpWithin: Number.POSITIVE_INFINITY });
  const [listed] = await queue.listSchedules();
  assert.equal(listed?.spec.catchUpWithin, Number.POSITIVE_INFINITY);
  assert.equal((await queue.schedule('all', listed?.spec ?? nightly)).changed, false);
});

test('a schedule in a zone that this machine does not know can be paused, and run by hand', async (t) => {
  const { queue, file } = openTest(t);
  await queue.schedule('nightly', { ...nightly, timezone: 'Europe/Berlin' });
  saveAs(file, text(file).replace('Europe/Berlin', 'Europe/Berlyn'));
  assert.equal(await queue.pauseSchedule('nightly'), true);
  assert.equal((await queue.runNow('nightly')).outcome, 'added');
  await rejects(queue.resumeSchedule('nightly'), 'INVALID_ARGUMENT', 'Europe/Berlyn');
});

test('the advice for a schedule with a damaged row brings it back', async (t) => {
  const { queue, store, file } = openTest(t);
  const { id } = await queue.schedule('nightly', { type: 'backup', every: '1h' });
  saveAs(file, text(file).replace('"every":3600', '"every":0'));
  const [finding] = await inspect(store);
  const advice = `cancel the row (queue cancel ${id}), then declare the schedule again`;
  assert.ok(finding?.message.includes(advice), finding?.message);
  assert.equal(await queue.cancelJob(id), true);
  await queue.schedule('nightly', { type: 'backup', every: '1h' });
  assert.deepEqual(
    [await inspect(store), (await queue.listSchedules()).map(({ name }) => name)],
    [[], ['nightly']],
  );
});
