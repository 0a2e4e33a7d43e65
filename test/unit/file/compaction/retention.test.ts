import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../../support/fake-clock.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import {
  HEADER,
  jobId,
  line,
  linesOf,
  NINE,
  rowsOf,
  statesOf,
  text,
  writeQueue,
} from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { DAY, over } from './queue-with-archive.js';

/*
 * Which finished jobs go to the archive, and which archive file takes them.
 */

test('a job whose finish time is 0 or negative is archived like any other old one', async (t) => {
  const times = ['-1e20', '-100000000000', '-1', '0'];
  const { queue, archive } = over(
    t,
    times.map((finished_at, n) => line({ id: jobId(n), status: 'completed', finished_at })),
  );
  assert.equal((await queue.compact()).archived, times.length);
  assert.deepEqual(readdirSync(archive), ['queue-1970-01.tsv']);
  for (const n of times.keys())
    assert.equal((await queue.getJob(jobId(n), { archive: true }))?.status, 'completed');
});

const finished = (n: number, at: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({ id: jobId(n), status: 'completed', version: 3, finished_at: at / 1000, ...fields });

test('finished jobs past their retention time move to the archive of their month; nothing else does', async (t) => {
  const clock = new FakeClock(Date.UTC(2030, 2, 10));
  const lines = [
    finished(1, Date.UTC(2030, 1, 27)),
    finished(2, Date.UTC(2030, 1, 3), { status: 'failed', error: 'bad' }),
    finished(3, Date.UTC(2030, 2, 2), { status: 'cancelled' }),
    finished(4, Date.UTC(2030, 2, 4)),
    line({ id: jobId(5), run_at: 5 }),
    line({ id: jobId(6), status: 'processing', version: 2, started_at: 5 }),
  ];
  const { queue, file, archive } = over(t, lines, { clock });
  const { kept, archived } = await queue.compact();
  assert.deepEqual({ kept, archived }, { kept: 3, archived: 3 });
  assert.deepEqual(readdirSync(archive).sort(), ['queue-2030-02.tsv', 'queue-2030-03.tsv']);
  assert.equal(text(join(archive, 'queue-2030-02.tsv')), `${HEADER}\n${lines[0]}${lines[1]}`);
  assert.equal(text(join(archive, 'queue-2030-03.tsv')), `${HEADER}\n${lines[2]}`);
  assert.deepEqual(statesOf(file).sort(), [
    `${jobId(4)} completed`,
    `${jobId(5)} pending`,
    `${jobId(6)} processing`,
  ]);
});

test('an archived job is found on demand, with all that it had', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { to: 'Zoë' });
  await queue.processJobs({ email: () => [0, null] });
  clock.advance(8 * DAY);
  await queue.compact();
  assert.equal(await queue.getJob(id), undefined);
  const job = await queue.getJob(id, { archive: true });
  assert.deepEqual(
    [job?.id, job?.status, job?.payload, job?.result],
    [id, 'completed', { to: 'Zoë' }, [0, null]],
  );
  assert.equal((await queue.stats()).total, 0);
});

test('retention 0 archives what is finished, Infinity nothing', async (t) => {
  const lines = [finished(1, Date.UTC(2029, 0, 1)), line({ id: jobId(2) })];
  const none = over(t, lines, { retention: 0 });
  assert.equal((await none.queue.compact()).archived, 1);
  const all = over(t, lines, { retention: Number.POSITIVE_INFINITY });
  assert.equal((await all.queue.compact()).archived, 0);
  assert.equal(existsSync(all.archive), false);
});

test('a torn tail of the archive does not swallow the next job', async (t) => {
  const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
  mkdirSync(archive);
  const name = join(archive, 'queue-2029-01.tsv');
  writeFileSync(name, `${HEADER}\n${line({ id: jobId(9) })}${line({ id: jobId(8) }).slice(0, 30)}`);
  await queue.compact();
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  assert.equal((await queue.getJob(jobId(9), { archive: true }))?.status, 'pending');
  assert.equal(await queue.getJob(jobId(8), { archive: true }), undefined);
  assert.match(linesOf(name)[1] as string, /\t#torn$/);
});

test('a header of an archive that a crash cut is completed', async (t) => {
  for (const part of ['', 'id\tty', HEADER]) {
    const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
    mkdirSync(archive);
    writeFileSync(join(archive, 'queue-2029-01.tsv'), part);
    await queue.compact();
    assert.equal(text(join(archive, 'queue-2029-01.tsv')), `${HEADER}\n${finished(1, Date.UTC(2029, 0, 1))}`);
  }
});

test('an archive with other columns stays as it is, and a further file is begun', async (t) => {
  const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
  mkdirSync(archive);
  const other = `${NINE}\n${line({ id: jobId(9), status: 'completed' }, NINE.split('\t'))}`;
  writeFileSync(join(archive, 'queue-2029-01.tsv'), other);
  await queue.compact();
  assert.equal(text(join(archive, 'queue-2029-01.tsv')), other);
  assert.deepEqual(readdirSync(archive).sort(), ['queue-2029-01.2.tsv', 'queue-2029-01.tsv']);
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  assert.equal((await queue.getJob(jobId(9), { archive: true }))?.status, 'completed');
});

test('an archive that its user may not write stays as it is, and a further file is begun', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))], { fs });
  mkdirSync(archive);
  const closed = join(archive, 'queue-2029-01.tsv');
  writeFileSync(closed, 'of another\n');
  fault.do = (call, real) => {
    if (call.name === 'open' && call.path === closed) throw systemError('EACCES');
    return real();
  };
  assert.equal((await queue.compact()).archived, 1);
  assert.deepEqual(readdirSync(archive).sort(), ['queue-2029-01.2.tsv', 'queue-2029-01.tsv']);
});

test('two queues in one folder have archives of their own', async (t) => {
  const a = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
  const file = join(dirname(a.file), 'queue-2029.tsv');
  writeQueue(file, finished(2, Date.UTC(2029, 0, 1)));
  const b = openTest(t, { file });
  await Promise.all([a.queue.compact(), b.queue.compact()]);
  assert.equal(await a.queue.getJob(jobId(2), { archive: true }), undefined);
  assert.equal(await b.queue.getJob(jobId(1), { archive: true }), undefined);
  assert.equal((await b.queue.getJob(jobId(2), { archive: true }))?.id, jobId(2));
});

test('a crash between archive and rename leaves a job in both, and no caller sees it twice', async (t) => {
  const { queue, file, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1)), line({ id: jobId(2) })]);
  const before = readFileSync(file);
  await queue.compact();
  writeFileSync(file, before);
  const again = openTest(t, { file });
  assert.equal((await again.queue.getJob(jobId(1)))?.status, 'completed');
  await again.queue.compact();
  assert.equal((await again.queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  assert.deepEqual(statesOf(file), [`${jobId(2)} pending`]);
  assert.equal(linesOf(join(archive, 'queue-2029-01.tsv')).length, 2);
});

test('a worker archives jobs that are past their retention time', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueue('email', 1);
  await queue.processJobs({ email: () => {} });
  clock.advance(9 * DAY);
  await queue.enqueue('email', 2);
  await queue.processJobs({ email: () => {} });
  assert.equal(rowsOf(file).length, 1);
});
