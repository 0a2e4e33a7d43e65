import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../lib/file/disk/fs.js';
import { inspect } from '../../../lib/file/doctor/inspect.js';
import { rejects } from '../../support/errors.js';
import { temporaryFolder } from '../../support/folders.js';
import { COLUMN_NAMES, jobId, line, NINE, writeQueue } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';
import { isThorough } from '../../support/samples.js';

const MIB = 1024 * 1024;
const SIZE = (isThorough ? 10 : 4) * MIB;
/** Enough to find out what takes a time that grows with the square of it. */
const LESS = (isThorough ? 2 : 1) * MIB;
const third = jobId(3);

/** Rows of jobs whose type has no handler. */
const ROWS = {
  payload: line({ id: jobId(3), type: 'other', payload: `"${'x'.repeat(SIZE)}"` }),
  type: line({ id: jobId(4), type: 'x'.repeat(LESS) }),
  id: line({ id: 'x'.repeat(SIZE), type: 'other' }),
  error: line({ id: jobId(5), status: 'failed', error: `${'x'.repeat(LESS)}\\n` }),
  owner: line({
    id: jobId(6),
    status: 'processing',
    locked_by: 'x.'.repeat(LESS / 2),
    started_at: 1_893_456_000,
  }),
};

/** Lines that are no rows, and what doctor says of them. */
const OTHERS: [text: string, finding: string][] = [
  [line({ id: third, status: '-'.repeat(LESS) }), 'unreadable'],
  [line({ id: third, version: '1'.repeat(LESS) }), 'unreadable'],
  [`${'x'.repeat(SIZE)}\n`, 'unreadable'],
  [`${jobId(1)}\t${'\0'.repeat(LESS)}\n`, 'unreadable, held'],
  [`${'\0'.repeat(SIZE)}\n`, 'unreadable'],
  [`${'\t'.repeat(LESS)}\n`, 'unreadable'],
  [`a${' '.repeat(SIZE)}b\n`, 'unreadable'],
  [`a${'\r'.repeat(LESS)}b\n`, 'unreadable'],
  [`${'\tpending'.repeat(LESS / 8)}\n`, 'unreadable'],
  [`#duplicate ${'x'.repeat(LESS)}\n`, 'duplicate'],
  [`${' '.repeat(LESS)}\n`, ''],
  [`# ${'x'.repeat(LESS)}\n`, ''],
  [`#${line({ id: third, payload: 'x'.repeat(LESS) }).slice(1)}`, ''],
];

/** Everything that can be done to a file, between whose small jobs 1 and 2 there are such lines. */
async function use(
  t: TestContext,
  lines: string[],
  jobs: number,
): Promise<{ file: string; kinds: string[] }> {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }), ...lines, line({ id: jobId(2) }));
  const { queue, store } = openTest(t, { file, durability: 'os' });
  assert.equal((await queue.stats()).total, 2 + jobs);
  assert.equal((await queue.listJobs()).length, 2 + jobs);
  assert.equal((await queue.getJob(jobId(2)))?.id, jobId(2));
  const found = await inspect(store);
  for (const { message } of found) assert.ok(message.length < 400, 'told in a few words');
  const ran: string[] = [];
  const messages: string[] = [];
  await queue.processJobs(
    { email: (_, { job }) => void ran.push(job.id) },
    { logger: ({ message = '' }) => void messages.push(message) },
  );
  assert.ok(ran.includes(jobId(2)));
  for (const message of messages) assert.ok(message.length < 400, 'logged in a few words');
  assert.ok((await queue.stats()).unhandled.every((type) => type.length <= 200));
  await queue.compact();
  await queue.enqueue('email');
  assert.equal((await queue.stats()).total, 3 + jobs);
  return { file, kinds: found.map(({ kind }) => kind) };
}

test('fields of many MiB in rows do no harm', { timeout: 60_000 }, async (t) => {
  const { file, kinds } = await use(t, Object.values(ROWS), 5);
  assert.deepEqual(kinds, []);
  const { queue } = openTest(t, { file });
  assert.equal(await queue.cancelJob('x'.repeat(SIZE)), true);
  assert.ok(statSync(file).size > 2 * SIZE);
});

test('lines of many MiB that are not rows do no harm, and stay', { timeout: 60_000 }, async (t) => {
  const { file, kinds } = await use(
    t,
    OTHERS.map(([text]) => text),
    0,
  );
  const findings = OTHERS.flatMap(([, finding]) => finding.split(', ')).filter((kind) => kind !== '');
  assert.deepEqual(kinds.sort(), findings.sort());
  const bytes = readFileSync(file);
  for (const [i, [text]] of OTHERS.entries()) assert.ok(bytes.includes(text), `line ${i} is gone`);
});

for (const [name, tail] of Object.entries({
  'a row': line({ id: third, payload: `"${'x'.repeat(SIZE)}"` }).slice(0, -1),
  'the beginning of one': `${third}\temail\t"${'x'.repeat(SIZE)}`,
}))
  test(`a last line of many MiB without its LF is closed: ${name}`, async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(file, line({ id: jobId(1) }), tail);
    const { queue } = openTest(t, { file });
    assert.equal((await queue.listJobs()).length, 1);
    const id = await queue.enqueue('email');
    const ids = (await queue.listJobs()).map((job) => job.id);
    assert.deepEqual(ids, name === 'a row' ? [jobId(1), third, id] : [jobId(1), id]);
    assert.equal(readFileSync(file).includes(`${tail}${name === 'a row' ? '\n' : '\t#torn\n'}`), true);
  });

test('a header of many MiB is refused', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  for (const first of [
    `${COLUMN_NAMES}\t${'x'.repeat(SIZE)}`,
    'x'.repeat(SIZE),
    '\t'.repeat(SIZE),
    '\0'.repeat(SIZE),
  ]) {
    writeFileSync(file, `${first}\n${line({})}`);
    const { queue } = openTest(t, { file });
    await rejects(queue.listJobs(), 'NOT_A_QUEUE', file);
    await rejects(queue.enqueue('email'), 'NOT_A_QUEUE', file);
  }
});

test('spaces in a last column, and one after it, take no time', { timeout: 20_000 }, async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const result = JSON.stringify(`a${' '.repeat(LESS)}b`);
  writeFileSync(file, `${NINE}\n${line({ result, status: 'completed' }, NINE.split('\t')).slice(0, -1)} \n`);
  const { queue } = openTest(t, { file });
  assert.equal((await queue.getJob(jobId(1)))?.result, JSON.parse(result));
});

test('a line of 100 MiB is read in time and memory of its own size, and later lines as usual', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const fd = openSync(file, 'r+');
  // NULs, without writing them.
  ftruncateSync(fd, readFileSync(file).length + 100 * MIB);
  closeSync(fd);
  const rows = Array.from({ length: 5000 }, (_, n) =>
    line({ id: jobId(n + 2), payload: `"${'x'.repeat(200)}"` }),
  );
  appendFileSync(file, `\n${rows.join('')}`);
  let read = 0;
  let largest = 0;
  const fs = {
    ...systemFs,
    read: async (...args: Parameters<typeof systemFs.read>) => {
      const length = await systemFs.read(...args);
      read += length;
      largest = Math.max(largest, args[1].length);
      return length;
    },
  };
  const { queue } = openTest(t, { file, fs });
  assert.equal((await queue.stats()).total, 5001);
  assert.ok(read < 103 * MIB, `${read} bytes were read`);
  assert.ok(largest <= 256 * MIB);
  assert.equal((await queue.getJob(jobId(5001)))?.id, jobId(5001));
});
