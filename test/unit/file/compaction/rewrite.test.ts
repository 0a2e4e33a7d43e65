import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { removeUnfinishedRewrites } from '../../../../lib/file/compaction/rewrite.js';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, statesOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { folderOf, over } from './queue-with-archive.js';

test('a compaction that finds no room leaves the old file, no litter, and a clear error', async (t) => {
  for (const [name, code] of [
    ['write', 'DISK_FULL'],
    ['fsync', 'WRITE_FAILED'],
    ['open', 'NO_ACCESS'],
    ['rename', 'WRITE_FAILED'],
  ] as const) {
    const { fs, fault } = faultyFs();
    const { queue, file } = over(
      t,
      [line({ id: jobId(1) }), line({ id: jobId(1), status: 'cancelled', version: 2 })],
      { fs },
    );
    const before = text(file);
    fault.do = (call, real) => {
      if (call.name === name && call.path.endsWith('.tmp'))
        throw systemError(code === 'DISK_FULL' ? 'ENOSPC' : code === 'NO_ACCESS' ? 'EACCES' : 'EIO');
      return real();
    };
    await rejects(queue.compact(), code);
    fault.do = undefined;
    assert.equal(text(file), before, name);
    assert.deepEqual(folderOf(file), ['queue.tsv'], name);
    await queue.compact();
    assert.deepEqual(statesOf(file), [`${jobId(1)} cancelled`]);
  }
});

test('a short write of the new file leaves the old file', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = over(t, [line({ id: jobId(1) })], { fs });
  const before = text(file);
  fault.do = (call, real) => {
    if (call.name !== 'write' || !call.path.endsWith('.tmp')) return real();
    return Promise.resolve((call.args[1] as Buffer).length - 1);
  };
  await rejects(queue.compact(), 'DISK_FULL');
  assert.equal(text(file), before);
});

test('a compaction that was passed over does not rename', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file, store } = over(t, [line({ id: jobId(1) })], { fs });
  fault.do = (call, real) => {
    // Others believed us dead, passed us over, and are at work in the file.
    if (call.name === 'fsync' && call.path.endsWith('.tmp')) {
      for (const { token } of store.lock.holders()) fs.unlink(join(store.lock.path, token));
      appendFileSync(file, line({ id: jobId(2) }));
    }
    return real();
  };
  await assert.rejects(queue.compact());
  assert.deepEqual(statesOf(file), [`${jobId(1)} pending`, `${jobId(2)} pending`]);
  assert.ok(!folderOf(file).some((name) => name.endsWith('.tmp')));
});

test('only unfinished copies of this queue are removed from what others left', (t) => {
  const folder = temporaryFolder(t);
  const stay = [
    'other.tsv.0123456789ab.tmp',
    'queue.tsv',
    'queue.tsv.0123456789ab.tmp.bak',
    'queue.tsv.a0123456789ab.tmp',
    'queue.tsv.notes.tmp',
    'queue.tsv.tick',
  ];
  for (const name of [...stay, 'queue.tsv.0123456789ab.tmp', 'queue.tsv.ffffffffffff.tmp'])
    writeFileSync(join(folder, name), '');
  removeUnfinishedRewrites(systemFs, join(folder, 'queue.tsv'));
  assert.deepEqual(readdirSync(folder).sort(), stay);
});

test('a rewrite whose copy was removed after it was passed over rejects', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 1);
  fault.do = (call, real) => {
    if (call.name === 'rename') unlinkSync(call.path);
    return real();
  };
  await rejects(queue.compact(), 'WRITE_FAILED', 'taken over');
  fault.do = (call, real) => {
    if (call.name === 'rename') throw Object.assign(new Error('no'), { code: 'EIO' });
    return real();
  };
  await rejects(queue.compact(), 'WRITE_FAILED', 'EIO');
  fault.do = undefined;
  assert.deepEqual(
    readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('a queue that is closed has closed every file and folder that it opened', async (t) => {
  const file = join(temporaryFolder(t), 'data', 'queue.tsv');
  const { fs } = faultyFs();
  const opened = new Map<number, string>();
  const counting = {
    ...fs,
    open: (...args: Parameters<typeof fs.open>) => {
      const fd = fs.open(...args);
      opened.set(fd, args[0]);
      return fd;
    },
    close: (fd: number) => {
      opened.delete(fd);
      fs.close(fd);
    },
    closeLater: (fd: number) => {
      opened.delete(fd);
      fs.closeLater(fd);
    },
  };
  const { queue, clock } = openTest(t, { file, fs: counting, retention: 0 });
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  await queue.processJobs({ email: () => {} });
  const id = await queue.enqueue('email');
  await queue.cancelJob(id);
  clock.advance(1000);
  assert.equal((await queue.compact()).archived, 3);
  assert.equal((await queue.getJob(id, { archive: true }))?.status, 'cancelled');
  await queue.listJobs();
  await queue.stats();
  // What a crash left.
  appendFileSync(file, line({ id: jobId(1) }).slice(0, 20));
  await queue.enqueue('email');
  await queue.close();
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
  assert.deepEqual([...opened.values()], []);
});
