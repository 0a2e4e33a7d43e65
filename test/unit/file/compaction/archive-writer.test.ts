import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { bytesOf, type Call, type Fault, faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, line, NINE, rowsOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const JANUARY = 'queue-2029-01.tsv';

const old = (n: number, month = 0): string =>
  line({ id: jobId(n), status: 'completed', version: 3, finished_at: Date.UTC(2029, month, 9) / 1000 });

/** A queue with old jobs of two months, of which one has an archive file already. */
async function withOldJobs(t: TestContext, inject?: Fault) {
  const { fs, fault, calls } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, old(1));
  await openTest(t, { file }).queue.compact();
  writeQueue(file, old(2), line({ id: jobId(9) }), old(3, 1));
  fault.do = inject;
  return { ...openTest(t, { file, fs }), fault, calls, archive: join(dirname(file), 'archive') };
}

/** Every file of a folder with its content; the lock's folder may be left where it is. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    names
      .filter((name) => !name.includes('.lock') && statSync(join(folder, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

const rowsIn = (folder: string): string[] =>
  Object.entries(contentOf(folder))
    .filter(([name]) => name.startsWith('archive'))
    .flatMap(([, content]) =>
      content.split('\n').filter((one) => /^[0-9a-f]{16}\t/.test(one) && !one.endsWith('\t#torn')),
    )
    .map((row) => row.slice(0, 16))
    .sort();

test('a compaction whose rename fails, again and again, leaves archive and disk as they were', async (t) => {
  const { queue, file, fault } = await withOldJobs(t);
  const before = contentOf(dirname(file));
  fault.do = (call, real) => {
    if (call.name === 'rename') throw systemError('EPERM');
    return real();
  };
  for (let times = 0; times < 3; times++) {
    await rejects(queue.compact(), 'NO_ACCESS');
    assert.deepEqual(contentOf(dirname(file)), before);
  }
  fault.do = undefined;
  assert.equal((await queue.compact()).archived, 2);
  assert.deepEqual(rowsIn(dirname(file)), [1, 2, 3].map(jobId));
});

test('an archive folder that a failed compaction has made is gone again', async (t) => {
  const { fs, fault } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, old(1));
  const { queue } = openTest(t, { file, fs });
  fault.do = (call, real) => {
    if (call.name === 'rename') throw systemError('EPERM');
    return real();
  };
  await rejects(queue.compact(), 'NO_ACCESS');
  assert.equal(existsSync(join(dirname(file), 'archive')), false);
});

test('each job is in the queue or in the archive, once, whichever call fails, and the next compaction completes it', async (t) => {
  const whole = await withOldJobs(t);
  await whole.queue.compact();
  const wanted = contentOf(dirname(whole.file));
  const isOurs = (call: Call): boolean => !call.path.includes('.lock') && call.name !== 'close';
  const ours = [...whole.calls.entries()].flatMap(([n, call]) => (isOurs(call) ? [n] : []));
  assert.ok(ours.length > 20, String(ours.length));
  for (const n of ours) {
    let count = 0;
    let failed: Call | undefined;
    const { queue, file, fault } = await withOldJobs(t, (call, real) => {
      if (count++ !== n || !isOurs(call)) return real();
      failed = call;
      throw systemError('EIO');
    });
    const before = contentOf(dirname(file));
    const error = await queue.compact().then(
      () => undefined,
      (reason) => reason,
    );
    const after = contentOf(dirname(file));
    const what = `${n}: ${failed?.name} ${failed?.path}`;
    // A sync that failed ends the queue for this process; what it has put into its place stays.
    const hasReplaced = after['queue.tsv'] !== before['queue.tsv'];
    if (error !== undefined && !hasReplaced && failed?.name !== 'unlink')
      assert.deepEqual(after, before, what);
    fault.do = undefined;
    // A process keeps the lock whose disk has failed a sync, for as long as it lives.
    if (error?.code === 'SYNC_FAILED') rmSync(`${file}.lock`, { recursive: true });
    const other = openTest(t, { file });
    for (const job of [1, 2, 3])
      assert.equal((await other.queue.getJob(jobId(job), { archive: true }))?.status, 'completed', what);
    await other.queue.compact();
    assert.deepEqual(rowsIn(dirname(file)), [1, 2, 3].map(jobId), what);
    assert.equal(contentOf(dirname(file))[`archive/${JANUARY}`], wanted[`archive/${JANUARY}`], what);
  }
});

test('rows that were archived in part are archived once', async (t) => {
  const { queue, file, archive, fault } = await withOldJobs(t);
  fault.do = (call, real) => {
    // The archive file takes a part of the rows, and the disk is full.
    if (call.name !== 'write' || call.path !== join(archive, JANUARY)) return real();
    return Promise.resolve(writeSync(call.args[0] as number, bytesOf(call), 0, 40, null));
  };
  assert.equal((await queue.compact()).archived, 2);
  assert.equal(readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')).length, 1);
  assert.equal((await queue.getJob(jobId(2), { archive: true }))?.status, 'completed');
  fault.do = undefined;
  await queue.compact();
  assert.equal(text(join(archive, JANUARY)), `${HEADER}\n${old(1)}${old(2).slice(0, 40)}\t#torn\n${old(2)}`);
  assert.deepEqual(rowsIn(dirname(file)), [1, 2, 3].map(jobId));
});

test('lines that a person has added to the archive meanwhile stay', async (t) => {
  const { queue, archive, fault } = await withOldJobs(t);
  fault.do = (call, real) => {
    if (call.name === 'write' && call.path === join(archive, JANUARY)) throw systemError('ENOSPC');
    return real();
  };
  await queue.compact();
  fault.do = undefined;
  appendFileSync(join(archive, JANUARY), '# a note\n');
  await queue.compact();
  assert.equal(text(join(archive, JANUARY)), `${HEADER}\n${old(1)}# a note\n${old(2)}`);
});

test('a compaction begins only if there is room for all of it', async (t) => {
  const { queue, file, fault, calls } = await withOldJobs(t);
  const before = contentOf(dirname(file));
  const needed = statSync(file).size;
  fault.do = (call, real) => (call.name === 'statfs' ? { type: 0, free: needed - 1 } : real());
  calls.length = 0;
  await rejects(queue.compact(), 'DISK_FULL', `${needed - 1} are free`, 'Nothing was changed');
  assert.deepEqual(contentOf(dirname(file)), before);
  assert.deepEqual(
    calls.filter(({ name, path }) => name === 'open' && path.endsWith('.tmp')),
    [],
  );
  fault.do = (call, real) => (call.name === 'statfs' ? { type: 0, free: needed } : real());
  assert.equal((await queue.compact()).archived, 2);
});

test('a copy of the folder made in the middle of a compaction has every job once', async (t) => {
  const clock = new FakeClock();
  const copies: string[] = [];
  const made = await withOldJobs(t);
  made.fault.do = (call, real) => {
    if (['rename', 'unlink', 'fsync'].includes(call.name)) {
      const copy = join(temporaryFolder(t), 'copy');
      cpSync(dirname(made.file), copy, { recursive: true, filter: (name) => !name.endsWith('.lock') });
      copies.push(copy);
    }
    return real();
  };
  await made.queue.compact();
  assert.ok(copies.length > 5);
  for (const copy of copies) {
    const { queue } = openTest(t, { file: join(copy, 'queue.tsv'), clock });
    await queue.compact();
    assert.deepEqual(rowsIn(copy), [1, 2, 3].map(jobId));
  }
});

/** A queue whose compaction died after the new file had its name: the rows of January are staged. */
async function diedBeforeSettling(t: TestContext) {
  const made = await withOldJobs(t, (call, real) => {
    if (call.path === join(made.archive, JANUARY) && call.name === 'write') throw systemError('EIO');
    return real();
  });
  await made.queue.compact();
  made.fault.do = undefined;
  return { ...made, january: join(made.archive, JANUARY) };
}

for (const [what, change, expected] of [
  ['was put back from a backup', (path: string) => writeFileSync(path, `${HEADER}\n${old(7)}`), [2, 3, 7]],
  ['was emptied', (path: string) => writeFileSync(path, ''), [2, 3]],
  ['was deleted', (path: string) => rmSync(path), [2, 3]],
  [
    'was replaced by one with other columns',
    (path: string) => writeFileSync(path, `${NINE}\n${line({ id: jobId(8) }, NINE.split('\t'))}`),
    [2, 3, 8],
  ],
] as const)
  test(`rows that a crash left staged are archived once, also if the file of their month ${what}`, async (t) => {
    const { queue, file, january } = await diedBeforeSettling(t);
    change(january);
    assert.equal((await queue.getJob(jobId(2), { archive: true }))?.status, 'completed');
    await queue.compact();
    assert.deepEqual(rowsIn(dirname(file)), expected.map(jobId));
    assert.deepEqual(
      readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')),
      [],
    );
    for (const n of expected) {
      if (n !== 8)
        assert.equal((await queue.getJob(jobId(n), { archive: true }))?.status, 'completed', `${n}`);
    }
  });

test('queues that share an archive folder and a name take nothing from each other', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'shared'));
  const queues = ['a', 'b'].map((name) => {
    mkdirSync(join(folder, name));
    symlinkSync('../shared', join(folder, name, 'archive'));
    const file = join(folder, name, 'queue.tsv');
    writeQueue(file, ...Array.from({ length: 500 }, (_, n) => old(n + (name === 'a' ? 1000 : 2000))));
    return openTest(t, { file }).queue;
  });
  await Promise.all([...queues, ...queues, ...queues].map((queue) => queue.compact()));
  const names = readdirSync(join(folder, 'shared'));
  const rows = names.flatMap((name) => rowsOf(join(folder, 'shared', name)).map(({ id }) => id));
  assert.equal(new Set(rows).size, 1000);
  assert.equal(rows.length, 1000);
});

test('a staged file whose name is taken away is archived all the same', async (t) => {
  const { queue, file, fault } = await withOldJobs(t);
  fault.do = (call, real) => {
    if (call.name === 'rename') {
      for (const name of readdirSync(dirname(file)))
        if (/\d{4}-\d\d\.[0-9a-f]{12}\.tmp$/.test(name)) rmSync(join(dirname(file), name));
    }
    return real();
  };
  await queue.compact();
  assert.deepEqual(rowsIn(dirname(file)), [1, 2, 3].map(jobId));
});

test('an archive link that leads nowhere is named as such, and every job stays', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, old(1));
  symlinkSync('/nothing/archive', join(dirname(file), 'archive'));
  const { queue } = openTest(t, { file });
  await rejects(queue.compact(), 'NO_ACCESS', 'archive is a link that leads nowhere');
  assert.equal(rowsOf(file).length, 1);
});
