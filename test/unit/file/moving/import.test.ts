import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { JobImport } from '../../../../lib/file/moving/import.js';
import { rejects, throws } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

test('jobs that were staged in several pieces are added in their order, also those longer than a piece', async (t) => {
  const { store, file } = openTest(t);
  const jobs = new JobImport(store);
  const sizes = [10, 600_000, 5, 700_000, 700_000, 0, 1_000_000, 3, 900_000];
  for (const size of sizes) if (jobs.add({ type: 'a', payload: 'x'.repeat(size) })) await jobs.flush();
  await jobs.flush();
  jobs.add({ type: 'b' });
  assert.deepEqual(await jobs.preview(), { imported: 10, duplicates: 0, types: { a: 9, b: 1 } });
  assert.deepEqual(await jobs.commit(), { imported: 10, duplicates: 0, types: { a: 9, b: 1 } });
  jobs.close();
  assert.deepEqual(
    rowsOf(file).map(({ payload = '' }) => payload.length),
    [...sizes.map((size) => size + 2), 'null'.length],
  );
  assert.deepEqual(readdirSync(dirname(file)), ['queue.tsv']);
});

test('a key that is taken between the check and the import leaves that job out', async (t) => {
  const { store, queue, file } = openTest(t);
  const jobs = new JobImport(store);
  for (const dedupeKey of ['k1', 'k2', 'k1']) jobs.add({ type: 'a', options: { dedupeKey } });
  jobs.add({ type: 'b', options: { dedupeKey: 'k1' } });
  assert.deepEqual(await jobs.preview(), { imported: 3, duplicates: 1, types: { a: 2, b: 1 } });
  await queue.enqueue('a', null, { dedupeKey: 'k2' });
  assert.deepEqual(await jobs.preview(), { imported: 2, duplicates: 2, types: { a: 1, b: 1 } });
  assert.deepEqual(await jobs.commit(), { imported: 2, duplicates: 2, types: { a: 1, b: 1 } });
  jobs.close();
  assert.deepEqual(
    rowsOf(file).map(({ type, dedupe_key }) => `${type} ${dedupe_key}`),
    ['a k2', 'a k1', 'b k1'],
  );
});

test('an import of nothing makes no file', async (t) => {
  const { store } = openTest(t);
  const jobs = new JobImport(store);
  assert.deepEqual(await jobs.commit(), { imported: 0, duplicates: 0, types: {} });
  assert.equal(store.exists, false);
  throws(() => jobs.add({ type: '' }), 'INVALID_ARGUMENT');
  throws(() => jobs.add({ type: 'a', payload: 'x'.repeat(2_000_000) }), 'PAYLOAD_TOO_LARGE');
});

test('a queue file that vanishes before the rewrite is no success', async (t) => {
  const { fs, fault } = faultyFs();
  const { store, file } = openTest(t, { fs });
  const jobs = new JobImport(store);
  jobs.add({ type: 'a' });
  await store.update('nothing', () => undefined);
  let looks = 0;
  fault.do = ({ name, path }, real) => {
    // The rewrite notice is made when the lock is held; then the file is looked for again.
    if (name === 'mkdir' && path.endsWith('rewriting') && ++looks === 1) rmSync(file);
    return real();
  };
  await rejects(jobs.commit(), 'WRITE_FAILED', /vanished/);
  jobs.close();
});

test('a disk that is full at any write leaves the queue as it was', async (t) => {
  const { fs, fault, calls } = faultyFs();
  const { store, queue, file } = openTest(t, { fs });
  await queue.enqueue('first');
  const before = readFileSync(file, 'utf8');
  const attempt = async (): Promise<void> => {
    const jobs = new JobImport(store);
    try {
      for (let i = 0; i < 100; i++) jobs.add({ type: 'a', payload: i });
      await jobs.flush();
      await jobs.commit();
    } finally {
      jobs.close();
    }
  };
  for (let failing = 1; ; failing++) {
    let writes = 0;
    calls.length = 0;
    fault.do = ({ name }, real) => {
      if ((name === 'write' || name === 'writeSync') && ++writes === failing) throw systemError('ENOSPC');
      return real();
    };
    if (
      await attempt().then(
        () => true,
        (error) => rejects(Promise.reject(error), 'DISK_FULL').then(() => false),
      )
    )
      break;
    assert.equal(readFileSync(file, 'utf8'), before, `write ${failing}`);
    assert.deepEqual(
      readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')),
      [],
    );
    assert.ok(failing < 10);
  }
  assert.equal(rowsOf(file).length, 101);
});
