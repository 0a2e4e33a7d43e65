import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LimitsFile, laneName } from '../../../../lib/file/admission/limits-file.js';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { throws } from '../../../support/errors.js';
import { temporaryFolder } from '../../../support/folders.js';

/*
 * queue.tsv.limits: when the next start of each lane would be on time. All workers append to it under the lock.
 */

const NOW = Date.UTC(2030, 0, 1);
const EMAIL = laneName('email', '');

function open(t: TestContext, path: string): LimitsFile {
  const limits = new LimitsFile(systemFs, path);
  t.after(() => limits.close());
  return limits;
}

const queueIn = (t: TestContext): string => join(temporaryFolder(t), 'queue.tsv');

const write = (limits: LimitsFile, lane: string, time: number): void => {
  limits.read();
  limits.write(new Map([[lane, time]]), NOW);
};

test('a start that one worker writes is known to another, as type, group and seconds', (t) => {
  const path = queueIn(t);
  const [one, other] = [open(t, path), open(t, path)];
  write(one, EMAIL, NOW + 200);
  write(one, laneName('webhook', 'a.example'), NOW + 1000.25);
  other.read();
  assert.equal(readFileSync(`${path}.limits`, 'utf8').split('\n').length, 3);
  assert.match(
    readFileSync(`${path}.limits`, 'utf8'),
    /^email\t\t1893456000\.2\nwebhook\ta\.example\t1893456001\.00025\n$/,
  );
  assert.equal(other.timeOf(EMAIL), NOW + 200);
  write(other, EMAIL, NOW + 400);
  one.read();
  assert.deepEqual(
    [one.timeOf(EMAIL), one.timeOf(laneName('webhook', 'a.example')), one.timeOf(laneName('webhook', ''))],
    [NOW + 400, NOW + 1000.25, undefined],
  );
});

test('the last line of a lane counts, also if its time is the earlier one', (t) => {
  const path = queueIn(t);
  writeFileSync(`${path}.limits`, 'email\t\t1893459600\nemail\t\t1893456001\n');
  const limits = open(t, path);
  limits.read();
  assert.equal(limits.timeOf(EMAIL), NOW + 1000);
});

test('if the file is deleted, emptied or cut, each limit begins again', (t) => {
  const path = queueIn(t);
  const limits = open(t, path);
  for (const lose of [
    () => rmSync(`${path}.limits`),
    () => writeFileSync(`${path}.limits`, ''),
    () => writeFileSync(`${path}.limits`, 'em'),
  ]) {
    write(limits, EMAIL, NOW + 200);
    lose();
    limits.read();
    assert.equal(limits.timeOf(EMAIL), undefined);
  }
  write(limits, EMAIL, NOW + 400);
  assert.match(readFileSync(`${path}.limits`, 'utf8'), /\nemail\t\t1893456000\.4\n$/);
});

test('a fragment, zeros and lines that make no sense are passed over, and the next line stands by itself', (t) => {
  const path = queueIn(t);
  writeFileSync(
    `${path}.limits`,
    `${'\0'.repeat(4096)}\nemail\nemail\t\tsoon\nemail\t\t-1\n\n\t\t\t\nemail\t\t18934560`,
  );
  const limits = open(t, path);
  limits.read();
  assert.equal(limits.timeOf(EMAIL), undefined);
  write(limits, EMAIL, NOW + 200);
  const other = open(t, path);
  other.read();
  assert.equal(other.timeOf(EMAIL), NOW + 200);
  // A later writer's line is read on from there.
  write(other, EMAIL, NOW + 400);
  limits.read();
  assert.equal(limits.timeOf(EMAIL), NOW + 400);
});

test('lines that no longer count vanish by and by, and those that count stay', (t) => {
  const path = queueIn(t);
  const [limits, other] = [open(t, path), open(t, path)];
  const lasting = laneName('report', 'ann');
  write(limits, lasting, NOW + 3_600_000);
  let largest = 0;
  for (let i = 0; i < 2000; i++) {
    limits.read();
    limits.write(new Map([[EMAIL, NOW + i]]), NOW + i);
    other.read();
    largest = Math.max(largest, statSync(`${path}.limits`).size);
  }
  assert.ok(largest < 5000, String(largest));
  assert.deepEqual([other.timeOf(lasting), other.timeOf(EMAIL)], [NOW + 3_600_000, NOW + 1999]);
  assert.equal(existsSync(`${path}.limits.tmp`), false);
});

test('ten thousand groups that count make one line each, and an append reads none of them again', (t) => {
  const path = queueIn(t);
  const limits = open(t, path);
  const times = new Map(
    Array.from({ length: 10_000 }, (_, i) => [laneName('webhook', `host-${i}`), NOW + 60_000]),
  );
  limits.read();
  limits.write(times, NOW);
  const { size, ino } = statSync(`${path}.limits`);
  write(limits, EMAIL, NOW + 200);
  assert.equal(statSync(`${path}.limits`).ino, ino);
  assert.equal(statSync(`${path}.limits`).size, size + 'email\t\t1893456000.2\n'.length);
});

test('what a process left that was killed while it rewrote the file is no obstacle', (t) => {
  const path = queueIn(t);
  writeFileSync(`${path}.limits.tmp`, 'email\t\t1893459600\n');
  const limits = open(t, path);
  for (let i = 0; i < 400; i++) write(limits, EMAIL, NOW - i);
  assert.ok(statSync(`${path}.limits`).size < 5000);
  assert.equal(existsSync(`${path}.limits.tmp`), false);
});

test('neither link, folder nor a file without permission is used, and the error names it', (t) => {
  const isRoot = process.getuid?.() === 0;
  const path = queueIn(t);
  const limits = open(t, path);
  const target = join(temporaryFolder(t), 'target');
  writeFileSync(target, 'mine\n');
  symlinkSync(target, `${path}.limits`);
  throws(() => limits.read(), 'NO_ACCESS', `${path}.limits`);
  assert.equal(readFileSync(target, 'utf8'), 'mine\n');
  rmSync(`${path}.limits`);
  mkdirSync(`${path}.limits`);
  throws(() => limits.read(), 'WRITE_FAILED', `${path}.limits`);
  rmSync(`${path}.limits`, { recursive: true });
  writeFileSync(`${path}.limits`, 'email\t\t1893459600\n');
  chmodSync(`${path}.limits`, 0o400);
  if (!isRoot) throws(() => limits.read(), 'NO_ACCESS', `${path}.limits`);
  chmodSync(`${path}.limits`, 0o600);
  appendFileSync(`${path}.limits`, 'email\t\t1893456001\n');
  limits.read();
  assert.equal(limits.timeOf(EMAIL), NOW + 1000);
});
