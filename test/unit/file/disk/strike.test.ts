import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesOf, type Call, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import {
  HEADER,
  jobId,
  line,
  linesOf,
  rowsOf,
  statesOf,
  text,
  writeQueue,
} from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/** Whether a call writes into the midst of the queue file. */
const isStrike = ({ name, path, args }: Call, file: string): boolean =>
  (name === 'writeSync' || name === 'write') && path === file && args[2] !== null;

test('a superseded row is struck out in place: no id, no status word, no other byte changed', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', { note: 'pending' });
  const [before = ''] = linesOf(file);
  const { ino } = statSync(file);
  await queue.cancelJob(id);
  const [struck = '', after = ''] = linesOf(file);
  assert.equal(struck, `#${before.slice(1).replace('\tpending\t', '\t-------\t')}`);
  assert.match(after, new RegExp(`^${id}\temail\t.*\tcancelled\t`));
  assert.equal(statSync(file).ino, ino);
});

test('awk, grep and wc tell the truth of a file at rest', async (t) => {
  const { queue, file } = openTest(t);
  const ids = await queue.enqueueMany(
    Array.from({ length: 20 }, (_, n) => ({ type: 'email', payload: { n, s: 'pending' } })),
  );
  for (const id of ids.slice(0, 5)) await queue.cancelJob(id);
  await queue.retryJob(ids[0] as string);
  await Promise.all(ids.slice(5, 8).map((id) => queue.cancelJob(id)));
  const sh = (command: string): string =>
    execFileSync('sh', ['-c', command], { env: { ...process.env, F: file }, encoding: 'utf8' }).trim();
  assert.equal(sh(`awk -F'\\t' '$4=="pending"' "$F" | wc -l`), '13');
  assert.equal(sh(`awk -F'\\t' '$4=="cancelled"' "$F" | wc -l`), '7');
  assert.equal(sh(`grep -c '^${ids[0]}' "$F"`), '1');
  assert.equal(sh(`grep -vc '^#' "$F"`), '21');
});

test('only what a sync covers is struck: the sync comes between the append and the strike', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  calls.length = 0;
  await queue.cancelJob(id);
  const steps = calls
    .filter((call) => call.path === file && /^(write|writeSync|fdatasync)$/.test(call.name))
    .map((call) => (isAppend(call, file) ? 'append' : isStrike(call, file) ? 'strike' : 'sync'));
  assert.deepEqual(steps, ['append', 'sync', 'strike']);
});

test("nothing is synced, or struck before a compaction, with durability 'os'", async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs, durability: 'os' });
  const id = await queue.enqueue('email', {});
  calls.length = 0;
  await queue.cancelJob(id);
  assert.deepEqual(statesOf(file), [`${id} pending`, `${id} cancelled`]);
  assert.equal(calls.filter((call) => call.name === 'fdatasync' || isStrike(call, file)).length, 0);
  assert.equal((await queue.getJob(id))?.status, 'cancelled');
  await queue.compact();
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
});

test('rows that lie side by side are struck with one read and one write', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const ids = await queue.enqueueMany(Array.from({ length: 50 }, (_, n) => ({ type: 'email', payload: n })));
  calls.length = 0;
  // Asked for together, so committed together.
  await Promise.all(ids.map((id) => queue.cancelJob(id)));
  assert.equal(calls.filter((call) => isStrike(call, file)).length, 1);
  assert.deepEqual(
    statesOf(file),
    ids.map((id) => `${id} cancelled`),
  );
});

test('bytes between superseded rows are not touched, not even for a moment', async (t) => {
  const { fs, fault } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    line({ id: jobId(1) }),
    '# a note\n',
    line({ id: jobId(2) }),
    line({ id: jobId(3) }),
    'garbage\n',
    line({ id: jobId(4) }),
  );
  const before = linesOf(file);
  const { queue } = openTest(t, { file, fs });
  fault.do = (call, real) => {
    if (isStrike(call, file)) {
      const at = call.args[2] as number;
      const old = readFileSync(file).subarray(at, at + (call.args[1] as Buffer).length);
      assert.doesNotMatch(old.toString(), /note|garbage|0000000000000003/);
    }
    return real();
  };
  await Promise.all([1, 2, 4].map((n) => queue.cancelJob(jobId(n))));
  const after = linesOf(file);
  assert.deepEqual([after[1], after[3], after[4]], [before[1], before[3], before[4]]);
  assert.deepEqual(
    statesOf(file).filter((state) => !state.startsWith('garbage')),
    [`${jobId(3)} pending`, ...[1, 2, 4].map((n) => `${jobId(n)} cancelled`)],
  );
});

test('a strike checks the bytes again before it changes them, so what an editor put there stays', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', { a: 1 });
  const original = readFileSync(file);
  const at = original.lastIndexOf(id);
  fault.do = (call, real) => {
    if (call.name !== 'fdatasync') return real();
    // An editor that writes in place, between the append and the strike.
    const now = readFileSync(file);
    now.fill('?', at, at + 10);
    now.fill('!', at + 16, at + 17);
    writeFileSync(file, now);
    return real();
  };
  await queue.cancelJob(id);
  fault.do = undefined;
  const [edited = ''] = linesOf(file);
  assert.ok(edited.startsWith(`${'?'.repeat(10)}${id.slice(10)}!email\t{"a":1}\tpending\t`), edited);
});

test('a row that has lost its end and its LF is not struck', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const ids = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const at = readFileSync(file).indexOf(`\n${ids[1]}`);
  fault.do = (call, real) => {
    if (call.name === 'fdatasync') writeFileSync(file, readFileSync(file).fill(' ', at, at + 1));
    return real();
  };
  await Promise.all(ids.map((id) => queue.cancelJob(id)));
  fault.do = undefined;
  assert.ok(linesOf(file)[0]?.startsWith(`${ids[0]}\temail\tnull\tpending\t`), linesOf(file)[0]);
});

test('a failed strike changes no answer', async (t) => {
  for (const [at, code] of [
    ['write', 'EIO'],
    ['open', 'EMFILE'],
  ] as const) {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, { fs });
    const id = await queue.enqueue('email', {});
    fault.do = (call, real) => {
      if (at === 'write' ? isStrike(call, file) : call.name === 'open' && call.args[1] === 'r+')
        throw systemError(code);
      return real();
    };
    assert.equal(await queue.cancelJob(id), true);
    assert.equal((await queue.getJob(id))?.status, 'cancelled');
    // Both rows are there, and versions tell; a compaction makes up for it.
    assert.deepEqual(statesOf(file), [`${id} pending`, `${id} cancelled`]);
    fault.do = undefined;
    await queue.compact();
    assert.deepEqual(statesOf(file), [`${id} cancelled`]);
  }
});

test('superseded rows are struck, and rows that look like them are not, whatever their payload holds', async (t) => {
  const { queue, file } = openTest(t);
  const payload = { text: `${HEADER}\n${line({ id: jobId(9) })}`, word: '\tpending\t' };
  const id = await queue.enqueue('email', payload);
  await queue.cancelJob(id);
  await queue.retryJob(id);
  assert.deepEqual(statesOf(file), [`${id} pending`]);
  assert.deepEqual((await queue.getJob(id))?.payload, payload);
  assert.equal(linesOf(file).filter((struck) => struck.startsWith('#')).length, 2);
});

test('a long row is struck as well', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', 'ü'.repeat(200_000));
  const { size } = statSync(file);
  await queue.cancelJob(id);
  assert.deepEqual(statesOf(file), [`${id} cancelled`]);
  assert.ok(statSync(file).size > 2 * size - 1000);
});

test('the strike of a large row writes only the bytes that change', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', 'x'.repeat(200_000));
  calls.length = 0;
  assert.equal(await queue.cancelJob(id), true);
  const written = calls
    .filter(({ name, args }) => name === 'writeSync' && args[2] !== null)
    .map((call) => bytesOf(call).toString());
  assert.deepEqual(written, ['-------', '#']);
  const [old = ''] = linesOf(file);
  assert.equal(old.slice(0, 17), `#${id.slice(1)}\t`);
  assert.equal(old.split('\t')[3], '-------');
});

test('rows are found and struck in a file of several megabytes', async (t) => {
  const { queue, file } = openTest(t);
  const ids = await queue.enqueueMany(
    Array.from({ length: 3000 }, (_, n) => ({ type: 'email', payload: 'x'.repeat(900 + (n % 7)) })),
  );
  const some = ids.filter((_, n) => n % 3 === 0 || (n > 500 && n < 2500));
  await Promise.all(some.map((id) => queue.cancelJob(id)));
  const rows = rowsOf(file);
  assert.equal(rows.length, 3000);
  assert.deepEqual(
    new Set(rows.filter(({ status }) => status === 'cancelled').map(({ id }) => id)),
    new Set(some),
  );
  assert.equal(text(file).length, statSync(file).size);
});

test('a strike that a death cut leaves no trace after the next compaction', async (t) => {
  for (const cut of ['after the #', 'in the status word', 'before the #'] as const) {
    const { queue, file } = openTest(t);
    const id = await queue.enqueue('email', { note: 1 });
    const [before = ''] = linesOf(file);
    await queue.cancelJob(id);
    const [struck = '', after = ''] = linesOf(file);
    const status = before.indexOf('pending');
    const at = {
      'after the #': 1,
      'in the status word': status + 3,
      'before the #': 0,
    };
    // The last is what power loss can do, which keeps its own order: the second page of a row, and not the first.
    const left =
      cut === 'before the #' ? before[0] + struck.slice(1) : struck.slice(0, at[cut]) + before.slice(at[cut]);
    writeQueue(file, `${left}\n`, `${after}\n`);
    const { queue: next } = openTest(t, { file });
    assert.equal((await next.getJob(id))?.status, 'cancelled', cut);
    await next.retryJob(id);
    assert.equal((await next.processJobs({ email: () => {} })).completed, 1, `${cut}: the job is not held`);
    await next.compact();
    assert.deepEqual(linesOf(file).length, 1, `${cut}: ${text(file)}`);
    assert.deepEqual(statesOf(file), [`${id} completed`]);
  }
});

test('a job that a person commented out with a # over its first digit stays as it is', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', 1);
  const [row = ''] = linesOf(file);
  writeQueue(file, `#${row.slice(1)}\n`);
  await queue.enqueue('email', 2);
  await queue.compact();
  assert.ok(linesOf(file).includes(`#${row.slice(1)}`));
  assert.equal(await queue.getJob(id), undefined);
});

/*
 * A strike that lies on two blocks of the disk is two writes to it, and power loss may keep either.
 */
test('a job whose old row kept its first byte, and got its dashes, is not held', async (t) => {
  const { queue, file } = openTest(t);
  const old = line({ id: jobId(1) });
  const claimed = { id: jobId(1), status: 'processing', attempts: 1, version: 2 };
  for (const dashes of ['-------', 'pend---']) {
    writeQueue(file, old.replace('pending', dashes), line(claimed));
    assert.equal((await queue.getJob(jobId(1)))?.status, 'processing');
    // Long past its time limit: whoever comes takes it back, and runs it.
    assert.equal((await queue.processJobs({ email: () => {} })).completed, 1, dashes);
    assert.deepEqual(statesOf(file), [`${jobId(1)} completed`]);
  }
});

test('an old row that got its # and kept its status goes with the next compaction; a newest one stays', async (t) => {
  const { queue, file } = openTest(t);
  const hidden = line({ id: 'fedcba9876543210' }).replace('f', '#');
  const half = line({ id: 'abcdef0123456789' }).replace('a', '#');
  writeQueue(file, hidden, half, line({ id: 'abcdef0123456789', status: 'cancelled', version: 2 }));
  await queue.compact();
  assert.deepEqual(linesOf(file).sort(), [
    hidden.slice(0, -1),
    line({ id: 'abcdef0123456789', status: 'cancelled', version: 2 }).slice(0, -1),
  ]);
});

test('the newest row of a job, or a copy of it, stays if a person has commented it out', async (t) => {
  const { queue, file } = openTest(t);
  const commented = [1, 2].map((version) => `#${line({ id: jobId(1), version, status: 'failed' }).slice(1)}`);
  writeQueue(file, line({ id: jobId(1) }), ...commented);
  await queue.compact();
  assert.deepEqual(
    linesOf(file).sort(),
    [...commented, line({ id: jobId(1) })].map((one) => one.trim()).sort(),
  );
});
