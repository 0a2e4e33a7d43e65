import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CommitRows } from '../../../../lib/file/commit/commit-rows.js';
import { type Snapshot, Transaction } from '../../../../lib/file/commit/transaction.js';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import type { StoredJob } from '../../../../lib/file/format/stored-job.js';
import { JobIndex } from '../../../../lib/file/index/job-index.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, jobOf, line, statesOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const [ONE, TWO, THREE] = [1, 2, 3].map(jobId) as [string, string, string];

/** A file with these lines, as a try of a commit finds it. */
async function snapshotOf(t: TestContext, ...lines: string[]): Promise<Snapshot & { index: JobIndex }> {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...lines);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  return { file, index, size: file.size, now: 5000, archived: new Set(), earlier: new CommitRows() };
}

const idsOf = (jobs: Iterable<StoredJob>): string[] => [...jobs].map(({ id }) => id);

test('a change sees what the changes before it in the same commit have decided', async (t) => {
  const snapshot = await snapshotOf(
    t,
    line({ id: ONE }),
    line({ id: TWO, status: 'processing', version: 2 }),
  );
  const before = new Transaction(snapshot);
  const [one, two] = [ONE, TWO].map((id) => before.job(id)) as [StoredJob, StoredJob];
  assert.equal(before.job('unknown'), undefined);
  assert.deepEqual(idsOf(before.running()), [TWO]);
  const claimed = one.next({ status: 'processing' });
  snapshot.earlier.rows.push(claimed, two.next({ status: 'cancelled' }));
  const after = new Transaction(snapshot);
  assert.equal(after.job(ONE), claimed);
  assert.equal(after.job(TWO)?.status, 'cancelled');
  assert.deepEqual(idsOf(after.running()), [ONE]);
  assert.deepEqual(
    [one, claimed, two].map((job) => after.isNewest(job)),
    [false, true, false],
  );
});

test('the file decides whether a row is still the newest, also if it was read again since', async (t) => {
  const lines = [line({ id: ONE }), line({ id: TWO, version: 3 })];
  const snapshot = await snapshotOf(t, ...lines);
  const tx = new Transaction(snapshot);
  const known = tx.job(ONE) as StoredJob;
  const unknown = jobOf(lines[0] as string);
  for (const job of [known, unknown]) {
    assert.equal(tx.isNewest(job), true);
    assert.equal(tx.isNewest(job.next({})), false);
    assert.equal(tx.isNewest(jobOf(line({ id: ONE, status: 'processing' }))), false);
  }
  assert.equal(tx.isNewest(jobOf(line({ id: TWO, version: 2 }))), false);
  assert.equal(tx.isNewest(jobOf(line({ id: THREE }))), false);
});

test('a change that reads nothing is given no jobs', async (t) => {
  const { index: _, ...rest } = await snapshotOf(t);
  assert.throws(() => new Transaction({ ...rest, index: undefined }).job(ONE), /reads nothing/);
});

test('another try does not see a row that is in the file, and does not write it twice', async (t) => {
  const pending = line({ id: ONE });
  const claim = jobOf(pending).next({ status: 'processing', lockedBy: 'me' });
  const added = jobOf(line({ id: THREE }));
  const snapshot = await snapshotOf(t, pending, claim.line, line({ id: TWO }), added.line);
  const tx = new Transaction(snapshot, [claim, added]);
  assert.equal(tx.job(ONE)?.status, 'pending');
  assert.equal(tx.isNewest(claim.from as StoredJob), true);
  assert.deepEqual(idsOf(tx.running()), []);
  assert.equal(tx.job(THREE), undefined);
  assert.equal(tx.written(ONE), claim);
  tx.put(claim);
  tx.put(added);
  tx.change(tx.job(TWO) as StoredJob, { status: 'cancelled' });
  assert.deepEqual(idsOf(tx.rows), [TWO]);
  assert.deepEqual(tx.idsInFile(0).sort(), [ONE, THREE].sort());
});

test('another try does not take a row for its own if an earlier row has the same version', async (t) => {
  const pending = line({ id: ONE });
  const claim = jobOf(pending).next({ status: 'processing', lockedBy: 'me' });
  for (const theirs of [
    jobOf(pending).next({ status: 'processing', lockedBy: 'another' }),
    jobOf(pending).next({ status: 'cancelled' }),
    claim.next({ status: 'cancelled' }),
  ]) {
    const tx = new Transaction(await snapshotOf(t, pending, theirs.line), [claim]);
    assert.equal(tx.written(ONE), undefined);
    assert.equal(tx.job(ONE)?.status, theirs.status);
  }
});

test('another try keeps its row whose follow-ups a compaction has made, and its new job that was archived', async (t) => {
  const processing = line({ id: ONE, status: 'processing', version: 2 });
  const completed = jobOf(processing).next({ status: 'completed', followUps: '[]' });
  const added = jobOf(line({ id: TWO }));
  const snapshot = await snapshotOf(t, completed.next({ followUps: '' }).line.replace(/\t4\n$/, '\t3\n'));
  const tx = new Transaction({ ...snapshot, archived: new Set([TWO]) }, [completed, added]);
  assert.equal(tx.written(ONE), completed);
  assert.equal(tx.written(TWO), added);
});

test('calls in one commit decide one after another: only the first cancels, only the first retries', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  assert.deepEqual(
    await Promise.all([
      queue.cancelJob(id),
      queue.cancelJob(id),
      queue.retryJob(id),
      queue.retryJob(id),
      queue.cancelJob(id),
    ]),
    [true, false, true, false, true],
  );
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});
