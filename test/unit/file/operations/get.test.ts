import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { archivedSince } from '../../../../lib/file/compaction/archive.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, line, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

test('a job is found by its id, as it is now', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', { to: 'ann' });
  assert.equal((await queue.getJob(id))?.status, 'pending');
  const other = openTest(t, { file });
  await other.queue.cancelJob(id);
  assert.equal((await queue.getJob(id))?.status, 'cancelled');
});

test('any other string finds no job, and is no error', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email', { to: 'ann' });
  const strings = [
    '',
    ' ',
    '__proto__',
    'constructor',
    'id',
    'email',
    'pending',
    '#',
    '\0',
    '\t',
    '\n',
    id.slice(1),
    id.slice(0, -1),
    `${id} `,
    ` ${id}`,
    `${id}\n`,
    `${id}\temail`,
    `\n${id}`,
    id.toUpperCase() === id ? 'x' : id.toUpperCase(),
    '\ud800',
    'größe',
    'x'.repeat(1e5),
  ];
  for (const archive of [false, true]) {
    for (const one of strings)
      assert.equal(await queue.getJob(one, { archive }), undefined, JSON.stringify(one.slice(0, 40)));
  }
});

test('a get before there is a file finds no job, and makes no file', async (t) => {
  const { queue, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  assert.equal(await queue.getJob('x'), undefined);
  assert.equal(await queue.getJob('x', { archive: true }), undefined);
  assert.deepEqual(await Promise.all(['x', 'y'].map(queue.getJob as (id: string) => unknown)), [
    undefined,
    undefined,
  ]);
  await rejects(
    queue.getJob('x', { archived: true } as object),
    'INVALID_ARGUMENT',
    'options.archived is true',
  );
  assert.equal(existsSync(dirname(file)), false);
});

test('an empty file has no jobs', async (t) => {
  const { queue, file } = openTest(t);
  writeFileSync(file, '');
  assert.equal(await queue.getJob('x'), undefined);
  const id = await queue.enqueue('email', {});
  assert.equal((await queue.getJob(id))?.status, 'pending');
});

test('a get takes no lock, and works while others commit', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  const { fs, calls } = faultyFs();
  const reader = openTest(t, { file, fs });
  mkdirSync(`${file}.lock`);
  writeFileSync(join(`${file}.lock`, 'owner.elsewhere.0.0.1.1.aa'), '');
  assert.equal((await reader.queue.getJob(id))?.status, 'pending');
  assert.equal((await reader.queue.listJobs()).length, 1);
  assert.equal((await reader.queue.stats()).pending, 1);
  assert.deepEqual(
    calls.filter(({ name }) => /write|unlink|rename|mkdir/.test(name)),
    [],
  );
});

test('repeated gets read only what is new', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { fs });
  const ids = await queue.enqueueMany(
    Array.from({ length: 2000 }, (_, n) => ({ type: 'email', payload: n })),
  );
  await queue.getJob(ids[5] as string);
  calls.length = 0;
  for (const id of ids.slice(0, 50)) assert.equal((await queue.getJob(id))?.id, id);
  const read = calls
    .filter(({ name }) => name === 'read' || name === 'readSync')
    .reduce((sum, { args }) => sum + (args[2] as number), 0);
  assert.ok(read < 50 * 1000, `${read} bytes`);
});

test('an archived job is found only by its whole id', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file);
  mkdirSync(join(dirname(file), 'archive'));
  writeFileSync(
    join(dirname(file), 'archive', 'queue-2029-01.tsv'),
    `${HEADER}\n${line({ id: jobId(1), type: 'email', status: 'failed' })}`,
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'failed');
  assert.equal(await queue.getJob(jobId(1)), undefined);
  for (const id of [jobId(1).slice(1), `${jobId(1)}\temail`, `${jobId(1)}\t`, '', 'id', `\n${jobId(1)}`]) {
    assert.equal(await queue.getJob(id, { archive: true }), undefined, JSON.stringify(id));
  }
});

test('an archive is read in pieces, and a job is found wherever they split it', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file);
  mkdirSync(join(dirname(file), 'archive'));
  // Rows of sizes at which the ends of pieces fall into ids, payloads and line ends; one of several pieces.
  const sizes = [
    ...Array.from({ length: 40 }, (_, n) => 100_000 + 7 * n),
    2 ** 20 - 400,
    ...Array.from({ length: 9 }, () => 2 ** 20 - 94),
    5_000_000,
    10,
  ];
  const rows = sizes.map((size, n) =>
    line({ id: jobId(n + 1), status: 'completed', version: 3, payload: `"${'x'.repeat(size)}"` }),
  );
  writeFileSync(join(dirname(file), 'archive', 'queue-2029-01.tsv'), `${HEADER}\n${rows.join('')}`);
  const { queue, store } = openTest(t, { file });
  for (const [n, size] of sizes.entries()) {
    if (n % 10 > 0 && n < 40) continue;
    const job = await queue.getJob(jobId(n + 1), { archive: true });
    assert.equal(String(job?.payload).length, size);
  }
  const ids = new Set(sizes.map((_, n) => jobId(n + 1)));
  assert.deepEqual(await archivedSince(store.fs, file, ids, 0), ids);
});

test('the newest of several archived copies is given, whatever their order in the folder', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const archive = join(dirname(file), 'archive');
  mkdirSync(archive);
  const copy = (status: string): string => `${HEADER}\n${line({ id: jobId(1), status })}`;
  writeFileSync(join(archive, 'queue-2029-01.tsv'), copy('failed'));
  writeFileSync(join(archive, 'queue-2029-11.tsv'), copy('completed'));
  writeFileSync(join(archive, 'queue-2029-02.tsv'), copy('cancelled'));
  writeFileSync(join(archive, 'other-2029-12.tsv'), copy('pending'));
  writeFileSync(join(archive, 'queue-2029-12.tsv.bak'), copy('pending'));
  for (const backwards of [false, true]) {
    const { fs } = faultyFs((call, real) => {
      if (call.name !== 'readdir') return real();
      const names = (real() as string[]).sort();
      return backwards ? names.reverse() : names;
    });
    const { queue } = openTest(t, { file, fs });
    assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  }
});

test('an archive that is removed during a get has no job; an unreadable one is an error', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  mkdirSync(join(dirname(file), 'archive'));
  writeFileSync(
    join(dirname(file), 'archive', 'queue-2029-01.tsv'),
    `${HEADER}\n${line({ id: jobId(1), status: 'failed' })}`,
  );
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  const refuse = (code: string): void => {
    fault.do = (call, real) => {
      if (call.name === 'open' && call.path.includes('archive')) throw systemError(code);
      return real();
    };
  };
  refuse('ENOENT');
  assert.equal(await queue.getJob(jobId(1), { archive: true }), undefined);
  refuse('EACCES');
  await rejects(queue.getJob(jobId(1), { archive: true }), 'NO_ACCESS', 'EACCES');
});

test('an archive whose beginning a power cut has lost is skipped', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const archive = join(dirname(file), 'archive');
  mkdirSync(archive);
  const whole = `${HEADER}\n${line({ id: jobId(1), status: 'failed' })}`;
  writeFileSync(join(archive, 'queue-2029-01.tsv'), `${'\0'.repeat(100)}${whole.slice(100)}`);
  // What the next compaction begins beside a file with another header.
  writeFileSync(join(archive, 'queue-2029-01.2.tsv'), whole);
  const { queue } = openTest(t, { file });
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'failed');
});
