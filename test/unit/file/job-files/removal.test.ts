import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { planRepairs } from '../../../../lib/file/repair/plan.js';
import { repair } from '../../../../lib/file/repair/repair.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { fileOf, jobId, line, statesOf } from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';

const DAY = 86_400_000;
const [OLD, NEW, OPEN, GONE] = [1, 2, 3, 4].map(jobId) as [string, string, string, string];

/** A queue with a job that is past its retention time, one that has just ended, one that waits; and files of all. */
function queueWithFiles(t: TestContext, options: TestOptions = {}, ...more: string[]) {
  const now = Date.UTC(2030, 0, 1);
  const ended = (id: string, ms: number): string =>
    line({ id, status: 'completed', finished_at: (now - ms) / 1000, version: 3 });
  const file = fileOf(t, ended(OLD, 20 * DAY), ended(NEW, DAY), line({ id: OPEN }), ...more);
  const folder = dirname(file);
  for (const name of ['logs', 'steps']) mkdirSync(join(folder, name));
  const write = (path: string, age: number): void => {
    writeFileSync(join(folder, path), 'x\n');
    utimesSync(join(folder, path), (now - age) / 1000, (now - age) / 1000);
  };
  for (const id of [OLD, NEW, OPEN, GONE]) {
    write(`logs/queue.${id}.log`, 50 * DAY);
    write(`steps/queue.${id}.tsv`, 50 * DAY);
  }
  write(`logs/queue.${OLD}.log.1`, 60 * DAY);
  const left = (): string[] =>
    ['logs', 'steps'].flatMap((name) =>
      readdirSync(join(folder, name)).map((entry) => `${name}/${entry.replace(/^queue\.0+/, '')}`),
    );
  return { ...openTest(t, { file, ...options }), folder, write, left };
}

test('the files of a job go when it is archived, and those of all other jobs stay', async (t) => {
  const { queue, left } = queueWithFiles(t);
  assert.equal((await queue.compact()).archived, 1);
  assert.deepEqual(left(), ['logs/2.log', 'logs/3.log', 'steps/2.tsv', 'steps/3.tsv']);
});

test('the files of a job go when it is purged, and orphans stay until jobs are archived', async (t) => {
  const { queue, left } = queueWithFiles(t);
  assert.deepEqual(await queue.purge({ ids: [NEW] }), { purged: 1 });
  assert.deepEqual(
    left().filter((path) => path.startsWith('logs')),
    [...['logs/1.log', 'logs/1.log.1', 'logs/3.log', 'logs/4.log']],
  );
});

test('the files of a job go when it is dropped', async (t) => {
  const { queue, left } = queueWithFiles(t, { archive: false });
  await queue.compact();
  assert.deepEqual(left(), ['logs/2.log', 'logs/3.log', 'steps/2.tsv', 'steps/3.tsv']);
});

test('the files of a held job stay', async (t) => {
  const { queue, left } = queueWithFiles(t, {}, `${OLD}\thalf a line\n`, `${GONE}\thalf a line\n`);
  assert.equal((await queue.compact()).archived, 0);
  assert.equal(left().length, 9);
});

test('an orphan younger than the longest retention time stays', async (t) => {
  const { queue, write, left } = queueWithFiles(t);
  write(`logs/queue.${GONE}.log`, 29 * DAY);
  await queue.compact();
  assert.ok(left().includes('logs/4.log') && !left().includes('steps/4.tsv'));
});

test('the files of another queue in the folder stay', async (t) => {
  const { queue, write, left } = queueWithFiles(t);
  const others = ['logs/other.4.log', `logs/queue.more.${OLD}.log`, 'steps/other.4.tsv'];
  for (const path of others) write(path, 50 * DAY);
  await queue.compact();
  assert.ok(!left().includes('logs/4.log'));
  for (const path of others) assert.ok(left().includes(path.replace(/queue\.0+/, '')), path);
});

test('what is no file of a job stays', async (t) => {
  const { queue, folder, write } = queueWithFiles(t);
  write('logs/README', 90 * DAY);
  mkdirSync(join(folder, 'logs', `queue.${jobId(9)}.log`));
  await queue.compact();
  assert.ok(existsSync(join(folder, 'logs', 'README')));
  assert.ok(existsSync(join(folder, 'logs', `queue.${jobId(9)}.log`)));
});

test('a compaction is done although files can not be removed', async (t) => {
  const { fs } = faultyFs(({ name, path }, real) => {
    if (name === 'unlink' && path.includes('/logs/')) throw systemError('EACCES');
    return real();
  });
  const { queue, file, left } = queueWithFiles(t, { fs });
  assert.equal((await queue.compact()).archived, 1);
  assert.equal(statesOf(file).length, 2);
  assert.deepEqual(left(), [
    ...['logs/1.log', 'logs/1.log.1', 'logs/2.log', 'logs/3.log', 'logs/4.log', 'steps/2.tsv', 'steps/3.tsv'],
  ]);
});

test('doctor names the files of jobs that are no longer there, and removes them', async (t) => {
  const { store, left } = queueWithFiles(t);
  const findings = (await inspect(store)).filter(({ kind }) => kind === 'job-file');
  assert.deepEqual(
    findings.map(({ message }) => message.replace(/^.*\/logs/, 'logs')),
    [`logs/queue.${GONE}.log and 1 more belong to jobs that are no longer there; delete them`],
  );
  const plan = await planRepairs(store, findings, { releaseHeld: false });
  assert.deepEqual(plan.left, []);
  await repair(store, plan, { releaseHeld: false });
  assert.equal(left().length, 7);
  assert.deepEqual(
    (await inspect(store)).filter(({ kind }) => kind === 'job-file'),
    [],
  );
});

test('doctor says nothing of files that were written a moment ago', async (t) => {
  const { store, write } = queueWithFiles(t);
  for (const path of [`logs/queue.${GONE}.log`, `steps/queue.${GONE}.tsv`]) write(path, 60_000);
  assert.deepEqual(
    (await inspect(store)).filter(({ kind }) => kind === 'job-file'),
    [],
  );
});
