import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sendEmail } from '../../workers/handlers/send_email.js';
import { rejects } from '../support/errors.js';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, statesOf, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';

/*
 * A user who may make names in the data folder, but not write the queue (a sticky folder, a shared one), puts links
 * where this queue will write. Nothing is written to their targets.
 */

/** A queue with a job that is due for the archive, in a folder where anything may be planted; and a victim elsewhere. */
function place(t: TestContext) {
  const folder = temporaryFolder(t);
  const victim = join(temporaryFolder(t), 'victim');
  writeFileSync(victim, 'precious');
  const file = join(folder, 'queue.tsv');
  writeQueue(
    file,
    line({ id: jobId(1), status: 'completed', version: 3, finished_at: 1_860_000_000 }),
    line({ id: jobId(2) }),
  );
  return { folder, victim, ...openTest(t, { file }) };
}

test('a link in place of the tick file is neither written nor read', async (t) => {
  const { file, victim, queue } = place(t);
  symlinkSync(victim, `${file}.tick`);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  assert.equal((await queue.stats()).lastTick, undefined);
});

for (const name of ['limits', 'limits.tmp'])
  test(`a link in place of queue.tsv.${name} is neither written nor read`, async (t) => {
    const { file, victim, queue } = place(t);
    symlinkSync(victim, `${file}.${name}`);
    // So much that the next start rewrites the file.
    if (name === 'limits.tmp') writeFileSync(`${file}.limits`, 'email\t\t1\n'.repeat(500));
    const email = { handler: () => {}, rateLimit: { max: 1, per: '1h' } };
    const { completed } = await queue.processJobs({ email }, { logger: () => {} });
    assert.equal(completed, name === 'limits' ? 0 : 1);
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.equal(existsSync(`${file}.limits.tmp`), false);
  });

test('a pipe in place of the tick file is not waited for', async (t) => {
  const { file, queue } = place(t);
  execFileSync('mkfifo', [`${file}.tick`]);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
  assert.equal((await queue.stats()).lastTick, undefined);
});

for (const there of [true, false]) {
  test(`a link in place of an archive file, to ${there ? 'an empty' : 'no'} file, gets no job`, async (t) => {
    const { folder, victim, queue } = place(t);
    mkdirSync(join(folder, 'archive'));
    const target = there ? victim : `${victim}.2`;
    if (there) writeFileSync(victim, '');
    symlinkSync(target, join(folder, 'archive', 'queue-2028-12.tsv'));
    assert.equal((await queue.compact()).archived, 1);
    assert.equal(existsSync(target) ? readFileSync(target, 'utf8') : '', '');
    assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
    assert.equal(readlinkSync(join(folder, 'archive', 'queue-2028-12.tsv')), target);
  });
}

test('pipes and folders in place of archive files are skipped', async (t) => {
  const { folder, queue } = place(t);
  mkdirSync(join(folder, 'archive', 'queue-2028-12.tsv'), { recursive: true });
  execFileSync('mkfifo', [join(folder, 'archive', 'queue-2028-12.2.tsv')]);
  assert.equal((await queue.compact()).archived, 1);
  assert.ok(readFileSync(join(folder, 'archive', 'queue-2028-12.3.tsv'), 'utf8').includes(jobId(1)));
});

test('a link to a folder in place of the lock blocks nothing, and nothing is left there', async (t) => {
  const { file, victim, queue } = place(t);
  const elsewhere = join(victim, '..', 'elsewhere');
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, `${file}.lock`);
  assert.equal(await queue.cancelJob(jobId(2)), true);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('a link to a file in place of the lock is an error, and the file stays', async (t) => {
  const { file, victim, queue } = place(t);
  symlinkSync(victim, `${file}.lock`);
  await rejects(queue.cancelJob(jobId(2)), 'NO_ACCESS', `${file}.lock`);
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
});

test('a queue file that is replaced by a link while it is in use is not followed', async (t) => {
  const { folder, file, queue } = place(t);
  await queue.listJobs();
  const other = join(folder, 'other.tsv');
  copyFileSync(file, other);
  unlinkSync(file);
  symlinkSync(other, file);
  const before = readFileSync(other, 'utf8');
  await rejects(queue.enqueue('email', {}), 'WRITE_FAILED', 'symlink');
  await rejects(queue.listJobs(), 'WRITE_FAILED', 'symlink');
  assert.equal(readFileSync(other, 'utf8'), before);
  // Who opens it anew follows the link, and locks the real file.
  const id = await openTest(t, { file }).queue.enqueue('email', {});
  assert.ok(statesOf(other).includes(`${id} pending`));
});

test('links in place of a message in the outbox, or of what it is made of, are not followed', async (t) => {
  const { folder, victim } = place(t);
  const outbox = join(folder, 'outbox');
  mkdirSync(outbox);
  symlinkSync(victim, join(outbox, `${jobId(1)}.eml`));
  symlinkSync(victim, join(outbox, `.${jobId(1)}.1.tmp`));
  const context = { job: { id: jobId(1), attempts: 1 }, signal: new AbortController().signal };
  await sendEmail({ to: 'ann@example.com', text: 'hello' }, context as never, outbox);
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  assert.match(readFileSync(join(outbox, `${jobId(1)}.eml`), 'utf8'), /hello/);
});
