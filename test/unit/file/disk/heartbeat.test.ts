import assert from 'node:assert/strict';
import { constants, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { readHeartbeat, writeHeartbeat } from '../../../../lib/file/disk/heartbeat.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, until } from '../../../support/waiting.js';

test('a worker leaves the time of its look, and the types that it could not serve', async (t) => {
  const { queue, file, clock } = openTest(t);
  assert.equal((await queue.stats()).lastTick, undefined);
  await queue.enqueueMany([{ type: 'email' }, { type: 'größe b' }, { type: 'email' }]);
  await queue.processJobs({});
  assert.equal(
    text(`${file}.tick`),
    `${(clock.now() / 1000).toFixed(3)}\nno handler\temail\nno handler\tgröße b\n`,
  );
  const { lastTick, unhandled } = await queue.stats();
  assert.deepEqual([lastTick?.getTime(), unhandled], [clock.now(), ['email', 'größe b']]);

  clock.advance(60_000);
  await queue.processJobs({ email: () => {}, 'größe b': () => {} });
  assert.deepEqual((await queue.stats()).unhandled, []);
  assert.equal((await queue.stats()).lastTick?.getTime(), clock.now());
});

test('a worker that stays, or that found work, notes its look before it works', async (t) => {
  const { queue, clock } = openTest(t);
  const waiting = queue.processJobs({ email: () => {} }, { linger: '55s' });
  await until('it has noted its look', async () => (await queue.stats()).lastTick);
  assert.equal((await queue.stats()).lastTick?.getTime(), clock.now());
  await clock.advanceUntil('it has gone', async () => (await Promise.race([waiting, 'stays'])) !== 'stays');

  // The types that the last worker could not serve are known on.
  await queue.enqueueMany([{ type: 'email' }, { type: 'ghost' }]);
  await queue.processJobs({});
  clock.advance(60_000);
  const end = deferred();
  const working = queue.processJobs({ email: () => end.promise, ghost: () => {} });
  await until('the job runs', async () => (await queue.stats()).processing === 1);
  const { lastTick, unhandled } = await queue.stats();
  assert.deepEqual([lastTick?.getTime(), unhandled], [clock.now(), ['ghost']]);
  end.resolve();
  await working;
  assert.deepEqual((await queue.stats()).unhandled, []);
});

test('a worker that finds nothing to do writes once', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.processJobs({ email: () => {} });
  await queue.enqueue('email', 1, { delay: '1h' });
  calls.length = 0;
  await queue.processJobs({ email: () => {} });
  assert.deepEqual(
    calls.filter(({ name }) => name.startsWith('write')).map(({ path }) => path.endsWith('.tick')),
    [true],
  );
});

test('a worker works although its tick can not be noted', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  fault.do = (call, real) => {
    if (call.name === 'open' && call.path.endsWith('.tick')) throw systemError('EACCES');
    return real();
  };
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
  assert.equal((await queue.getJob(id))?.status, 'completed');
});

test('an unreadable note counts as missing', async (t) => {
  const { file } = openTest(t);
  for (const content of ['', 'soon\n', '\0\0\0', '-5\n']) {
    writeFileSync(`${file}.tick`, content);
    assert.equal(readHeartbeat(systemFs, file), undefined, JSON.stringify(content));
  }
  writeHeartbeat(systemFs, file, { at: 1_700_000_000_500, unhandled: [] });
  assert.deepEqual(readHeartbeat(systemFs, file), {
    at: 1_700_000_000_500,
    unhandled: [],
  });
});

test('a link or a folder in place of the note counts as missing, and is not followed', async (t) => {
  const { file } = openTest(t);
  writeFileSync(`${file}.other`, '1700000000\n');
  symlinkSync(`${file}.other`, `${file}.tick`);
  assert.equal(readHeartbeat(systemFs, file), undefined);
  writeHeartbeat(systemFs, file, { at: 1_800_000_000_000, unhandled: [] });
  assert.equal(text(`${file}.other`), '1700000000\n');
  rmSync(`${file}.tick`);
  mkdirSync(`${file}.tick`);
  assert.equal(readHeartbeat(systemFs, file), undefined);
});

test('a note that may not be read is an error', async (t) => {
  const { fs } = faultyFs((call, real) => {
    if (call.name === 'open' && call.path.endsWith('.tick')) throw systemError('EACCES');
    return real();
  });
  const { queue, file } = openTest(t, { fs });
  writeFileSync(`${file}.tick`, '1700000000\n');
  await rejects(queue.stats(), 'NO_ACCESS', 'EACCES');
});

test('a shorter note leaves nothing of the longer one, and the file gets no shorter', (t) => {
  const { file } = openTest(t);
  const tick = `${file}.tick`;
  assert.equal(
    writeHeartbeat(systemFs, file, {
      at: 1_700_000_000_123,
      unhandled: ['email', 'größe'],
    }),
    true,
  );
  const { size, ino } = statSync(tick);
  assert.equal(writeHeartbeat(systemFs, file, { at: 1_700_000_060_000, unhandled: ['sms'] }), false);
  assert.equal(text(tick).trimEnd(), '1700000060.000\nno handler\tsms');
  assert.deepEqual([statSync(tick).size, statSync(tick).ino], [size, ino]);
  assert.deepEqual(readHeartbeat(systemFs, file), {
    at: 1_700_000_060_000,
    unhandled: ['sms'],
  });
  // What an older version has left, and what is none of ours.
  for (const before of ['1700000000\nno handler\temail\n', `no handler\t${'x'.repeat(200_000)}\n`]) {
    writeFileSync(tick, before);
    writeHeartbeat(systemFs, file, { at: 1_700_000_120_000, unhandled: [] });
    assert.deepEqual(readHeartbeat(systemFs, file), {
      at: 1_700_000_120_000,
      unhandled: [],
    });
  }
});

test('a note is written over the one before in one write, without cutting the file', (t) => {
  const { fs, calls } = faultyFs();
  const { file } = openTest(t);
  writeHeartbeat(fs, file, { at: 1_700_000_000_000, unhandled: ['email'] });
  calls.length = 0;
  writeHeartbeat(fs, file, { at: 1_700_000_001_000, unhandled: [] });
  const [opened] = calls.filter(({ name }) => name === 'open');
  assert.equal(Number(opened?.args[1]) & constants.O_TRUNC, 0);
  assert.equal(calls.filter(({ name }) => name === 'writeSync').length, 1);
});
