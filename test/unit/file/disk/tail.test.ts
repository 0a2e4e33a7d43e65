import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { bytesOf, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
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

const first = line({ id: jobId(1), payload: '{"to":"Zoë"}' });

function fileWith(t: TestContext, content: string | Buffer): string {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, content);
  return file;
}

test('a row that a crash cut, at whichever byte, is closed as torn, and the next row stands alone', async (t) => {
  const second = Buffer.from(line({ id: jobId(2), payload: '{"to":"Zoë"}' }));
  // The last cut leaves all but the LF: a whole row.
  for (let cut = 1; cut < second.length - 1; cut += cut < 120 ? 1 : 7) {
    const before = Buffer.concat([Buffer.from(`${HEADER}\n${first}`), second.subarray(0, cut)]);
    const file = fileWith(t, before);
    const { queue } = openTest(t, { file });
    const id = await queue.enqueue('email', { n: cut });

    const after = readFileSync(file);
    assert.deepEqual(
      after.subarray(0, before.length),
      before,
      `cut at ${cut}: nothing was changed or removed`,
    );
    assert.equal(after.toString('latin1', before.length, before.length + 7), '\t#torn\n');
    assert.deepEqual(
      (await queue.listJobs()).map((job) => [job.id, job.payload]),
      [
        [jobId(1), { to: 'Zoë' }],
        [id, { n: cut }],
      ],
      `cut at ${cut}`,
    );
    await queue.close();
  }
});

test('a last row that lacks only its LF is a job: a person saved the file so', async (t) => {
  for (const end of ['', '\r', '  ']) {
    const file = fileWith(t, `${HEADER}\n${first}${line({ id: jobId(2) }).slice(0, -1)}${end}`);
    const { queue } = openTest(t, { file });
    // Without the lock it is not seen yet: it might be half of something.
    assert.equal((await queue.listJobs()).length, 1);
    const id = await queue.enqueue('email', {});
    assert.deepEqual(
      (await queue.listJobs()).map((job) => job.id),
      [jobId(1), jobId(2), id],
    );
    assert.equal(linesOf(file)[1], line({ id: jobId(2) }).slice(0, -1) + end);
  }
});

test('a last row of any length that lacks only its LF is a job', async (t) => {
  for (const length of [5000, 40_000]) {
    const last = line({ id: jobId(2), payload: JSON.stringify('x'.repeat(length)) });
    const file = fileWith(t, `${HEADER}\n${first.repeat(300)}${last.slice(0, -1)}`);
    const { queue } = openTest(t, { file });
    await queue.enqueue('email', {});
    assert.equal((await queue.getJob(jobId(2)))?.status, 'pending', String(length));
  }
});

test('a comment, a struck row, a blank line or a header that lacks its LF gets only the LF', async (t) => {
  const struck = `#${line({ id: jobId(3), status: '-------' }).slice(1, -1)}`;
  const contents = ['# note', '   ', struck].map((last) => `${HEADER}\n${first}${last}`);
  for (const content of [...contents, HEADER, NINE]) {
    const file = fileWith(t, content);
    const { queue } = openTest(t, { file });
    const id = await queue.enqueue('email', {});
    assert.doesNotMatch(text(file), /#torn/);
    assert.equal((await queue.getJob(id))?.status, 'pending');
    if (content.includes('# note')) assert.ok(linesOf(file).includes('# note'));
  }
});

test('a torn tail longer than one read is closed as one', async (t) => {
  for (const size of [5000, 70_000, 300_000]) {
    const torn = line({ id: jobId(2), payload: JSON.stringify('x'.repeat(size)) }).slice(0, -40);
    const file = fileWith(t, `${HEADER}\n${first}${torn}`);
    const { queue } = openTest(t, { file });
    const id = await queue.enqueue('email', {});
    assert.deepEqual(
      (await queue.listJobs()).map((job) => job.id),
      [jobId(1), id],
    );
    assert.equal(linesOf(file)[1], `${torn}\t#torn`);
  }
});

test('NULs that a power loss left are closed as torn', async (t) => {
  const file = fileWith(
    t,
    `${HEADER}\n${first}${line({ id: jobId(1), version: 2 }).slice(0, 20)}${'\0'.repeat(50)}`,
  );
  const { queue } = openTest(t, { file });
  await queue.enqueue('email', {});
  assert.equal((await queue.getJob(jobId(1)))?.status, 'pending');
  assert.match(linesOf(file)[1] as string, /\0\t#torn$/);
});

test('a version that a crash cut counts as older than the row it was to supersede', async (t) => {
  const file = fileWith(
    t,
    `${HEADER}\n${line({ id: jobId(1), status: 'processing', version: 11 })}${line({ id: jobId(1), status: 'completed', version: 12 }).slice(0, -2)}`,
  );
  const { queue } = openTest(t, { file });
  await queue.enqueue('email', {});
  assert.equal((await queue.getJob(jobId(1)))?.status, 'processing');
});

test('a tail is closed by a write of its own, before the new rows', async (t) => {
  const { fs, calls } = faultyFs();
  for (const tail of [line({ id: jobId(2) }).slice(0, 9), line({ id: jobId(2) }).slice(0, -1)]) {
    const file = fileWith(t, `${HEADER}\n${first}${tail}`);
    calls.length = 0;
    await openTest(t, { file, fs }).queue.enqueue('email', {});
    const writes = calls.filter((call) => isAppend(call, file)).map((call) => bytesOf(call).toString());
    assert.equal(writes.length, 2);
    assert.match(writes[0] as string, /^(\t#torn)?\n$/);
    assert.match(writes[1] as string, /^[0-9a-f]{16}\temail/);
  }
});

test('a closing that was itself cut short is closed again', async (t) => {
  for (const part of ['\t', '\t#', '\t#to', '\t#torn']) {
    const file = fileWith(t, `${HEADER}\n${first}${line({ id: jobId(2) }).slice(0, 9)}${part}`);
    const { queue } = openTest(t, { file });
    const id = await queue.enqueue('email', {});
    assert.deepEqual(statesOf(file).slice(0, 1), [`${jobId(1)} pending`]);
    assert.deepEqual(
      (await queue.listJobs()).map((job) => job.id),
      [jobId(1), id],
    );
  }
});

test('nothing is written if a tail can not be closed, and the error says why', async (t) => {
  for (const [fails, code] of [
    [
      () => {
        throw systemError('ENOSPC');
      },
      'DISK_FULL',
    ],
    [() => 0, 'DISK_FULL'],
    [
      () => {
        throw systemError('EIO');
      },
      'WRITE_FAILED',
    ],
  ] as const) {
    const { fs, fault } = faultyFs();
    const file = fileWith(t, `${HEADER}\n${first}torn`);
    const { queue } = openTest(t, { file, fs });
    const before = text(file);
    fault.do = (call, real) => (isAppend(call, file) ? fails() : real());
    await rejects(queue.enqueue('email', {}), code, file);
    assert.equal(text(file), before);
    fault.do = undefined;
    const id = await queue.enqueue('email', {});
    assert.deepEqual(
      (await queue.listJobs()).map((job) => job.id),
      [jobId(1), id],
    );
  }
});

test('a reader without the lock sees the file up to the last LF', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, first);
  const { queue } = openTest(t, { file });
  const row = line({ id: jobId(1), status: 'completed', version: 2 });
  for (const part of [row.slice(0, 5), row.slice(5, -1)]) {
    appendFileSync(file, part);
    assert.equal((await queue.getJob(jobId(1)))?.status, 'pending');
  }
  appendFileSync(file, '\n');
  assert.equal((await queue.getJob(jobId(1)))?.status, 'completed');
  assert.equal(rowsOf(file).length, 2);
});
