import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../support/errors.js';
import { temporaryFolder } from '../../support/folders.js';
import { startScript } from '../../support/processes.js';
import { COLUMN_NAMES, HEADER, jobId, line, saveAs, statesOf, text } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';

/*
 * Things in the place of a queue that are not one: another file, a folder, a pipe, a device.
 */

for (const [what, content] of [
  ['a page of HTML', '<!DOCTYPE html>\n<p>hello\n'],
  ['a CSV file', `${HEADER.replaceAll('\t', ',')}\n1,2,3\n`],
  ['rows without a header', line({ id: jobId(1) })],
  ['a header with a column missing', `${HEADER.replace('\tpayload', '')}\n`],
  ['a header with a column twice', `${COLUMN_NAMES}\tid\n`],
  ['only a line end', '\n'],
  ['bytes', '\0\x01\x02\xff'],
  ['a line without end', 'x'.repeat(200_000)],
  ['a header without end', `${COLUMN_NAMES}\t${'x'.repeat(200_000)}\n`],
] as const) {
  test(`every call refuses ${what} in place of a queue, and does not change it`, async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeFileSync(file, content);
    const before = readFileSync(file);
    const { queue } = openTest(t, { file });
    for (const call of [
      () => queue.enqueue('email', {}),
      () => queue.enqueueMany([{ type: 'email' }]),
      () => queue.getJob('x'),
      () => queue.listJobs(),
      () => queue.iterateJobs().next(),
      () => queue.cancelJob('x'),
      () => queue.retryJob('x'),
      () => queue.stats(),
      () => queue.compact(),
      () => queue.processJobs({ email: () => {} }),
    ]) {
      await rejects(call(), 'NOT_A_QUEUE', file);
    }
    assert.deepEqual(readFileSync(file), before);
    // The person puts it right, and the same handle goes on.
    saveAs(file, `${HEADER}\n${line({ id: jobId(1) })}`);
    assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
  });
}

test('every call refuses a folder in the place of the file', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  mkdirSync(file);
  const { queue } = openTest(t, { file });
  for (const call of [
    () => queue.enqueue('email', {}),
    () => queue.getJob('x'),
    () => queue.listJobs(),
    () => queue.cancelJob('x'),
    () => queue.stats(),
    () => queue.compact(),
    () => queue.processJobs({}),
  ]) {
    await rejects(call(), 'NOT_A_QUEUE', file, 'directory');
  }
  assert.deepEqual(readdirSync(file), []);
});

test('a file in the place of the folder is an error that names it', async (t) => {
  const folder = join(temporaryFolder(t), 'data');
  writeFileSync(folder, 'a file');
  const { queue } = openTest(t, { file: join(folder, 'queue.tsv') });
  const error = await queue.enqueue('email', {}).then(assert.fail, (reason) => reason);
  assert.equal(error.name, 'TsvqError');
  assert.ok(error.message.includes(folder), error.message);
  assert.equal(text(folder), 'a file');
  assert.equal(await queue.getJob('x'), undefined);
});

test('a pipe in the place of the file is refused without waiting for it', async (t) => {
  const pipe = join(temporaryFolder(t), 'queue.tsv');
  execFileSync('mkfifo', [pipe]);
  const { code, stdout } = await startScript(
    t,
    `import { openQueue } from 'lib/index.js';
    const queue = openQueue(${JSON.stringify(pipe)});
    const calls = [queue.enqueue('email', {}), queue.getJob('x')];
    console.log((await Promise.all(calls.map((call) => call.catch(({ name }) => name)))).join());`,
    { timeout: 10_000 },
  ).ended;
  assert.deepEqual([code, stdout], [0, 'TsvqError,TsvqError\n']);
  assert.ok(lstatSync(pipe).isFIFO());
});

test('a device in the place of the file is refused, and stays', async (t) => {
  const device = join(temporaryFolder(t), 'queue.tsv');
  try {
    execFileSync('mknod', [device, 'c', '1', '3'], { stdio: 'ignore' });
    readFileSync(device);
  } catch {
    return t.skip('takes the right to make a device like /dev/null');
  }
  const { queue } = openTest(t, { file: device });
  await rejects(queue.enqueue('email', {}), 'NOT_A_QUEUE', device);
  assert.ok(lstatSync(device).isCharacterDevice());
});

test('an empty file is a queue without jobs', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, '');
  const { queue } = openTest(t, { file });
  const id = await queue.enqueue('email', {});
  assert.equal(text(file).split('\n')[0], COLUMN_NAMES);
  assert.deepEqual(statesOf(file), [`${id} pending`]);
});
