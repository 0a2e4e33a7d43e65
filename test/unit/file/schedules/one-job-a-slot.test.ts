import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readdirSync, truncateSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { failing, once, shortOnce } from '../../../support/faults.js';
import { faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { leaveToken } from '../../../support/lock-tokens.js';
import { fileOf, saveAs, text } from '../../../support/queue-file.js';
import { bulk, HOUR, HOURLY, jobOfSlot, openScheduled, ownRows, START } from './scheduled.js';

/*
 * A schedule's row carries the jobs of its last slots, so that a crash, a full disk, a second process in the lock or a
 * row from a backup makes none of them a second time, and loses none.
 */

const SPEC = { type: 'report', every: '1h' } as const;

/** The line of the schedule, with the jobs that it carries. */
const carrierIn = (file: string): string =>
  text(file)
    .split('\n')
    .find((line) => line.startsWith(`${HOURLY}\t`) && line.includes(`"id":"${jobOfSlot(1)}"`)) as string;

/**
 * A file in which the first slot's job has run and is sealed, or archived, and into which a person has put back the
 * schedule's row that carries it.
 */
async function putBack(t: TestContext, where: 'sealed' | 'archived') {
  const file = fileOf(t, ...bulk(START));
  const { fs, fault } = faultyFs();
  const made = openScheduled(t, { file, fs, retention: '2d' });
  await made.queue.schedule('hourly', SPEC);
  made.clock.advance(HOUR);
  let carrier = '';
  fault.do = once(file, 'after', () => {
    carrier = carrierIn(file);
  });
  await made.tick();
  assert.deepEqual(made.runs, [jobOfSlot(1)]);
  if (where === 'archived') {
    await made.queue.pauseSchedule('hourly');
    made.clock.advance(72 * HOUR);
  }
  await made.queue.compact();
  // The disk goes by another clock than the test.
  const archive = join(dirname(file), 'archive');
  const now = new Date(made.clock.now());
  if (where === 'archived')
    for (const name of readdirSync(archive)) utimesSync(join(archive, name), now, now);
  const emptied = text(file)
    .split('\n')
    .find((line) => line.startsWith(`${HOURLY}\t`)) as string;
  assert.equal(text(file).includes(`\n${jobOfSlot(1)}\t`), where === 'sealed');
  saveAs(
    file,
    text(file).replace(emptied, () => carrier),
  );
  return { file, clock: made.clock, runs: made.runs };
}

for (const where of ['sealed', 'archived'] as const) {
  test(`a compaction does not make a job again that is ${where}, of a row from a backup`, async (t) => {
    const { file, clock, runs } = await putBack(t, where);
    const { queue, tick } = openScheduled(t, { file, clock }, runs);
    assert.equal((await queue.compact()).recovered, 0);
    await queue.pauseSchedule('hourly');
    await tick();
    assert.deepEqual(runs, [jobOfSlot(1)]);
  });

  test(`a firing does not make a job again that is ${where}, of a row from a backup`, async (t) => {
    const { file, clock, runs } = await putBack(t, where);
    const { tick } = openScheduled(t, { file, clock }, runs);
    clock.advance(HOUR);
    await tick();
    const last = where === 'sealed' ? 2 : 74;
    assert.deepEqual(runs, [jobOfSlot(1), jobOfSlot(last)]);
  });
}

/** The file of a worker that was killed in the append of a slot, when so many bytes of the job's row were in it. */
async function killedInAppend(t: TestContext, overlap: 'skip' | 'allow', left: number) {
  const { fs, fault } = faultyFs();
  const { queue, file, clock } = openScheduled(t, { fs });
  await queue.schedule('hourly', { ...SPEC, overlap });
  clock.advance(HOUR);
  const cut = join(dirname(file), 'cut.tsv');
  fault.do = once(file, 'after', () => copyFileSync(file, cut));
  await queue.processJobs({}, { logger: () => {} });
  truncateSync(cut, text(cut).indexOf(`\n${jobOfSlot(1)}\t`) + 1 + left);
  return { file: cut, clock };
}

test('a job that a kill cut off its schedule is made once', async (t) => {
  for (const left of [0, 1, 40]) {
    const { file, clock } = await killedInAppend(t, 'skip', left);
    leaveToken(file);
    const { queue, runs, tick } = openScheduled(t, { file, clock });
    await queue.enqueue('report');
    await tick();
    await tick();
    assert.equal(runs.filter((id) => id === jobOfSlot(1)).length, 1, `${left} bytes of it were left`);
    assert.equal((await queue.listSchedules())[0]?.fired, 1);
  }
});

test('a job that a kill cut off its schedule is made by the next firing, also if no token shows the kill', async (t) => {
  const { file, clock } = await killedInAppend(t, 'allow', 0);
  const { runs, tick } = openScheduled(t, { file, clock });
  clock.advance(HOUR);
  await tick();
  assert.deepEqual(runs.sort(), [jobOfSlot(1), jobOfSlot(2)].sort());
});

test('a job that a full disk cut off its schedule is made once', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock, runs, tick } = openScheduled(t, { fs });
  await queue.schedule('hourly', SPEC);
  clock.advance(HOUR);
  const short = shortOnce(file, (rows) => rows.indexOf('\n') + 30);
  const full = failing((call) => isAppend(call, file), 'ENOSPC');
  let isCut = false;
  fault.do = (call, real) => {
    if (isCut) return full(call, real);
    isCut = isAppend(call, file);
    return short(call, real);
  };
  await rejects(tick(), 'DISK_FULL');
  await queue.close();
  fault.do = undefined;
  const after = openScheduled(t, { file, clock }, runs);
  await after.tick();
  await after.tick();
  assert.deepEqual(runs, [jobOfSlot(1)]);
  assert.equal((await after.queue.listSchedules())[0]?.fired, 1);
});

test('two processes in the lock that fire one slot make one job', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, clock, runs, tick } = openScheduled(t, { fs });
  await queue.schedule('hourly', SPEC);
  const other = join(dirname(file), 'other.tsv');
  copyFileSync(file, other);
  clock.advance(HOUR);
  const before = text(other).length;
  await openScheduled(t, { file: other, clock }).queue.processJobs({}, { logger: () => {} });
  const theirs = text(other).slice(before);
  assert.equal(theirs.split('\n').length, 3, 'a row of the schedule, and its job');
  fault.do = once(file, 'before', () => appendFileSync(file, theirs));
  await tick();
  await tick();
  assert.deepEqual(runs, [jobOfSlot(1)]);
  assert.equal((await queue.listSchedules())[0]?.fired, 1);
  await queue.compact();
  assert.deepEqual(
    ownRows(file)
      .map(({ id, status, attempts }) => `${id} ${status} ${attempts}`)
      .sort(),
    [`${HOURLY} recurring 1`, `${jobOfSlot(1)} completed 1`].sort(),
  );
});
