import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, rowsOf, statesOf, writeQueue } from '../support/queue-file.js';
import { fields, fiveStates, records, runOn } from './cli-process.js';

describe('show', { concurrency: 3 }, () => {
  test('shows all fields of a job', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stdout, stderr } = await queue('show', 'bb00000000000004');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^id +bb00000000000004$/m);
    assert.match(stdout, /^type +report$/m);
    assert.match(stdout, /^status +failed$/m);
    assert.match(stdout, /^attempts +3$/m);
    assert.match(stdout, /^finished +1970-01-01T00:16:43Z {2}\(\d+d ago\)$/m);
    assert.match(stdout, /^error\n {2}Error: no\n {6}at work$/m);
  });

  test('prints payload and result indented, and which process runs the job', async (t) => {
    const { queue } = fiveStates(t);
    assert.match(
      (await queue('show', 'aa00000000000001')).stdout,
      /^payload\n {2}\{\n {4}"to": "ann@example.com"\n {2}\}$/m,
    );
    assert.match((await queue('show', 'bb00000000000003')).stdout, /^result\n {2}\[\n {4}1\n {2}\]$/m);
    assert.match(
      (await queue('show', 'aa00000000000002')).stdout,
      /^worker +elsewhere.boot.1.2.3.4 {2}\(unknown\)$/m,
    );
  });

  test('prints one object with --json, and a field a line with --plain', async (t) => {
    const { queue } = fiveStates(t);
    const [job] = records((await queue('show', 'cc', '--json')).stdout);
    assert.equal(job?.status, 'cancelled');
    const plain = Object.fromEntries(fields((await queue('show', 'bb00000000000004', '--plain')).stdout));
    assert.equal(plain.status, 'failed');
    assert.equal(plain.payload, '{}');
    assert.equal(plain.error, 'Error: no\\n    at work');
    assert.equal(plain.finished_at, '1970-01-01T00:16:43.000Z');
  });

  test('finds an archived job with --archive only', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stdout, stderr } = await queue('compact', '--plain');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(fields(stdout)[0]?.slice(0, 3), ['2', '3', '0']);
    assert.deepEqual(statesOf(file), ['aa00000000000001 pending', 'aa00000000000002 processing']);

    const without = await queue('show', 'bb00000000000003');
    assert.equal(without.code, 3);
    assert.match(without.stderr, /no job bb00000000000003 .*--archive/);
    const again = await queue('retry', 'bb00000000000004');
    assert.equal(again.code, 3);
    assert.match(again.stderr, /no job bb00000000000004 in .*; it is archived/);
    for (const id of ['bb00000000000003', 'bb00000000000003'.slice(0, 15).concat('3'), 'cc']) {
      assert.equal((await queue('show', '--archive', id)).code, 0, id);
    }
    const ambiguous = await queue('show', '--archive', 'bb');
    assert.equal(ambiguous.code, 2);
    assert.match(ambiguous.stderr, /bb00000000000003, bb00000000000004/);
    assert.match(
      (await queue('show', '--archive', 'bb00000000000003')).stdout,
      /^status +completed, took 2s$/m,
    );
  });

  test('finds an archived job whatever else is in the archive, and after its file was moved', async (t) => {
    const { queue, file } = fiveStates(t);
    await queue('compact');
    const folder = join(file, '../archive');
    renameSync(join(folder, 'queue-1970-01.tsv'), join(file, '../moved.tsv'));
    symlinkSync('../moved.tsv', join(folder, 'queue-1970-01.tsv'));
    // What power loss may leave of one that was never synced.
    writeFileSync(join(folder, 'queue-1970-02.tsv'), Buffer.alloc(300));
    writeFileSync(join(folder, 'queue-1970-03.tsv'), '');
    mkdirSync(join(folder, 'queue-1970-04.tsv'));
    for (const id of ['bb00000000000003', 'cc']) {
      const { code, stderr } = await queue('show', '--archive', id);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    }
    // In a foreign file any ID might begin like that; one in full is looked for from the newest file on.
    writeFileSync(join(folder, 'queue-1969-01.tsv'), 'no header of ours\n');
    assert.equal((await queue('show', '--archive', 'bb00000000000003')).code, 0);
    assert.match(
      (await queue('show', '--archive', 'bb')).stderr,
      /queue-1969-01\.tsv: its first line is not/,
    );
  });

  test('says that a job is held', async (t) => {
    const { queue, file } = fiveStates(t);
    writeFileSync(file, 'aa00000000000001\tbroken\n', { flag: 'a' });
    const { code, stderr } = await queue('show', 'aa00000000000001');
    assert.equal(code, 0);
    assert.match(stderr, /^queue: job aa00000000000001 is held, so no worker runs it: .*queue doctor\n$/);
  });
});

describe('an ID', { concurrency: 3 }, () => {
  test('may be shortened while it fits one job', async (t) => {
    const { queue, file } = fiveStates(t);
    assert.equal((await queue('show', 'cc')).code, 0);
    const { code, stderr } = await queue('cancel', 'aa00000000000001', 'cc');
    // One is finished already; the other is cancelled all the same.
    assert.equal(code, 1);
    assert.match(stderr, /^queue: cancelled aa00000000000001 \(email\)$/m);
    assert.match(stderr, /^queue: job cc00000000000005 \(email\) is cancelled; only/m);
    assert.ok(statesOf(file).includes('aa00000000000001 cancelled'));
  });

  test('is a usage error if several jobs begin with it, which names them and changes nothing', async (t) => {
    const { queue, file } = fiveStates(t);
    const before = statesOf(file);
    const { code, stderr } = await queue('cancel', 'cc', 'aa');
    assert.equal(code, 2);
    assert.match(stderr, /^queue: aa could be aa00000000000001, aa00000000000002; give more/);
    assert.deepEqual(statesOf(file), before);
  });

  test('counts in full even if another begins with it', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(
      file,
      line({ id: 'job1' }),
      line({ id: 'job12' }),
      line({ id: 'job1', status: 'failed', version: 2 }),
    );
    const { stdout } = await runOn(t, file)('show', 'job1', '--json');
    assert.deepEqual([records(stdout)[0]?.id, records(stdout)[0]?.status], ['job1', 'failed']);
    assert.equal((await runOn(t, file)('show', 'job')).code, 2);
  });

  test('does not fit a line that can not be read', async (t) => {
    const { queue, file } = fiveStates(t);
    writeFileSync(file, 'dd00000000000006\tbroken\ncc00000000000008\tbroken\n#ee00000000000007\n', {
      flag: 'a',
    });
    assert.equal((await queue('show', 'cc')).code, 0);
    for (const id of ['dd', 'dd00000000000006', 'ee', '#'])
      assert.equal((await queue('show', id)).code, 3, id);
  });

  test('must not be empty', async (t) => {
    const { queue } = fiveStates(t);
    assert.equal((await queue('show', '')).code, 2);
  });

  test('names a few of many that begin with it', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(file, ...Array.from({ length: 30 }, (_, i) => line({ id: jobId(i) })));
    const { stderr } = await runOn(t, file)('show', '0');
    assert.match(stderr, /000, .*, and 20 more; give more/);
  });
});

describe('cancel', { concurrency: 3 }, () => {
  test('cancels a waiting and a running job, with a record of each for programs', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stdout, stderr } = await queue('cancel', 'aa00000000000001', 'aa00000000000002', '--plain');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(fields(stdout), [
      ['aa00000000000001', 'email', 'cancelled'],
      ['aa00000000000002', 'email', 'cancelled'],
    ]);
    assert.equal(statesOf(file).filter((state) => state.endsWith('cancelled')).length, 3);
  });

  test('says the status of a finished job, and fails', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stdout, stderr } = await queue('cancel', 'bb00000000000003');
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.equal(
      stderr,
      'queue: job bb00000000000003 (email) is completed; only waiting, pending and processing jobs can be cancelled\n',
    );
  });

  test('counts a job that is named twice once', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stdout, stderr } = await queue('cancel', 'aa00000000000001', 'aa00000000000001');
    assert.deepEqual([code, stdout, stderr], [0, '', 'queue: cancelled aa00000000000001 (email)\n']);
  });

  test('exits with 3 for an unknown job, although others are cancelled', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stderr } = await queue('cancel', 'bb00000000000003', 'ffff', 'aa00000000000001');
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`^queue: there is no job ffff in ${file}$`, 'm'));
    assert.ok(statesOf(file).includes('aa00000000000001 cancelled'));
  });
});

test('cancelled jobs are named although the archive can not be searched for another', async (t) => {
  const { file, queue } = fiveStates(t);
  mkdirSync(join(file, '../archive'));
  writeFileSync(join(file, '../archive/queue-2026-01.tsv'), 'no header\nnone\tat all\n');
  const { code, stderr } = await queue('cancel', 'none', 'aa00000000000001');
  assert.equal(code, 3);
  assert.match(stderr, /^queue: there is no job none in .*; could not look in the archive: .*queue-2026-01/);
  assert.match(stderr, /^queue: cancelled aa00000000000001/m);
});

describe('retry', { concurrency: 3 }, () => {
  test('makes failed and cancelled jobs pending', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stdout } = await queue('retry', 'bb00000000000004', 'cc', '--json');
    assert.equal(code, 0);
    assert.deepEqual(records(stdout), [
      { id: 'bb00000000000004', type: 'report', status: 'pending' },
      { id: 'cc00000000000005', type: 'email', status: 'pending' },
    ]);
    assert.equal(statesOf(file).filter((state) => state.endsWith('pending')).length, 3);
  });

  test('exits with 1 for a waiting job, and with 3 for an unknown one', async (t) => {
    const { queue } = fiveStates(t);
    const waiting = await queue('retry', 'aa00000000000001');
    assert.equal(waiting.code, 1);
    assert.match(
      waiting.stderr,
      /is pending; only failed and cancelled jobs can be retried; use queue promote to run it now\n/,
    );
    assert.equal((await queue('retry', 'ffff')).code, 3);
  });

  test('works through xargs, as the help says', async (t) => {
    const { queue, file } = fiveStates(t);
    const ids = fields((await queue('list', '--status', 'failed', 'cancelled', '--plain')).stdout).map(
      ([id = '']) => id,
    );
    assert.equal((await queue('retry', ...ids)).code, 0);
    assert.deepEqual(
      rowsOf(file)
        .map(({ status }) => status)
        .sort(),
      ['completed', 'pending', 'pending', 'pending', 'processing'],
    );
  });
});

test('compact says what it did', async (t) => {
  const { queue, file } = fiveStates(t);
  const { code, stdout, stderr } = await queue('compact');
  assert.deepEqual({ code, stdout }, { code: 0, stdout: '' });
  assert.match(stderr, /queue\.tsv: 2 jobs kept, 3 archived, \d+ B before, \d+ B after$/m);
  assert.ok(existsSync(join(file, '../archive/queue-1970-01.tsv')));
});
