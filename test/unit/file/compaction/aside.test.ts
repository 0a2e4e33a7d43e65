import assert from 'node:assert/strict';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { fileOf, jobId, line, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const HALF = 'half a line\n';
const aside = { includesHeld: false };

test('lines are in the file next to the queue, and durable, before the queue lacks them', async (t) => {
  const { fs, calls } = faultyFs();
  const file = fileOf(t, line({ id: jobId(1) }), HALF);
  const { store } = openTest(t, { file, fs });
  await store.compact(undefined, { aside });
  const place = (name: string, path: string): number =>
    calls.findLastIndex((call) => call.name === name && call.path === path);
  const renamed = calls.findLastIndex(({ name, args }) => name === 'rename' && args[1] === file);
  const synced = place('fsync', `${file}.aside`);
  assert.ok(synced > place('write', `${file}.aside`) && synced < renamed, `${synced} ${renamed}`);
  assert.match(text(`${file}.aside`), /^# moved here from queue\.tsv at \d{4}-.*Z\nhalf a line\n$/);
  assert.ok(!text(file).includes(HALF));
  // A second one has nothing to move.
  const before = text(`${file}.aside`);
  await store.compact(undefined, { aside });
  assert.equal(text(`${file}.aside`), before);
});

test('a queue whose lines can not be moved stays as it is', async (t) => {
  const { fs, fault } = faultyFs();
  const file = fileOf(t, line({ id: jobId(1) }), HALF);
  const { store } = openTest(t, { file, fs });
  const before = text(file);
  fault.do = ({ name, path }, real) => {
    if (name === 'write' && path === `${file}.aside`) throw systemError('ENOSPC');
    return real();
  };
  await rejects(store.compact(undefined, { aside }), 'DISK_FULL', /queue\.tsv\.aside/);
  assert.equal(text(file), before);
});

test('a link in the place of the file is not followed', async (t) => {
  const file = fileOf(t, line({ id: jobId(1) }), HALF);
  const { store } = openTest(t, { file });
  const victim = join(dirname(file), 'victim');
  writeFileSync(victim, 'mine');
  symlinkSync(victim, `${file}.aside`);
  const before = text(file);
  await rejects(store.compact(undefined, { aside }), 'NO_ACCESS', /queue\.tsv\.aside/);
  assert.deepEqual([text(file), text(victim)], [before, 'mine']);
});

test('without being asked to, a compaction moves nothing', async (t) => {
  const file = fileOf(t, line({ id: jobId(1) }), HALF);
  const { store } = openTest(t, { file });
  await store.compact();
  assert.ok(text(file).includes(HALF));
  assert.ok(!existsSync(`${file}.aside`));
});
