import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import { JobIndex } from '../../../../lib/file/index/job-index.js';
import { heldJobs } from '../../../../lib/file/index/unreadable.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, jobOf, line } from '../../../support/queue-file.js';

/** The index of a file of these lines. */
async function indexOf(t: TestContext, ...lines: string[]) {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(path, `${HEADER}\n${lines.join('')}`);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  const index = new JobIndex(file);
  await index.catchUp();
  const state = (id: string): string | undefined => {
    const slot = index.find(id);
    return slot === undefined ? undefined : `${index.status(slot)} ${index.version(slot)}`;
  };
  return { path, index, state };
}

test('the row of a job with the highest version counts, wherever it stands', async (t) => {
  const { index, state } = await indexOf(
    t,
    line({ id: 'a', version: 3, status: 'completed' }),
    line({ id: 'b', version: 1 }),
    line({ id: 'a', version: 1 }),
    line({ id: 'b', version: 10, status: 'failed' }),
    line({ id: 'b', version: 9, status: 'processing' }),
    line({ id: 'a', version: 2, status: 'processing' }),
  );
  assert.deepEqual([state('a'), state('b'), state('c')], ['completed 3', 'failed 10', undefined]);
  assert.equal(index.size, 2);
});

test('the earlier of two rows with the same version counts', async (t) => {
  const { state } = await indexOf(
    t,
    line({ id: 'a', version: 2, status: 'cancelled' }),
    line({ id: 'a', version: 2, status: 'processing' }),
  );
  assert.equal(state('a'), 'cancelled 2');
});

test('struck rows, comments, torn and blank lines are not rows', async (t) => {
  const { index, state } = await indexOf(
    t,
    `#${line({ id: 'xa', status: '-------' }).slice(1)}`,
    '# a\n',
    'a\temail\t#torn\n',
    '\n',
    line({ id: 'b' }),
  );
  assert.equal(state('a'), undefined);
  assert.equal(index.size, 1);
  assert.deepEqual(heldJobs(index), []);
});

test('a line that can not be read holds the job that it begins with, before and after its row', async (t) => {
  const { index } = await indexOf(
    t,
    'a\tdamaged\n',
    line({ id: 'a' }),
    line({ id: 'b' }),
    line({ id: 'b', version: 2, status: 'done' }),
    line({ id: 'c' }),
    'd\tnobody\n',
  );
  assert.deepEqual(heldJobs(index).sort(), ['a', 'b']);
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => index.isHeld(id)),
    [true, true, false],
  );
});

test('the index goes on reading from where it was', async (t) => {
  const { path, index, state } = await indexOf(t, line({ id: 'a' }));
  appendFileSync(path, line({ id: 'a', version: 2, status: 'processing' }).slice(0, 10));
  await index.catchUp();
  assert.equal(state('a'), 'pending 1');
  appendFileSync(path, line({ id: 'a', version: 2, status: 'processing' }).slice(10) + line({ id: 'b' }));
  await index.catchUp();
  assert.deepEqual([state('a'), state('b')], ['processing 2', 'pending 1']);
});

test('any id is found by its name, and no other', async (t) => {
  const ids = ['__proto__', 'constructor', 'größe', '\u{1F600}', 'a b', '0', jobId(1)];
  const { state } = await indexOf(t, ...ids.map((id) => line({ id })));
  for (const id of ids) assert.equal(state(id), 'pending 1', id);
  for (const id of [
    '',
    'toString',
    'grösse',
    '00',
    jobId(1).slice(1),
    Buffer.from('größe').toString('latin1'),
  ]) {
    assert.equal(state(id), undefined, id);
  }
});

test('the index grows with the file', async (t) => {
  const lines = Array.from({ length: 5000 }, (_, n) =>
    line({ id: jobId(n), version: 1 + (n % 3), priority: n, run_at: n }),
  );
  const { index } = await indexOf(t, ...lines, line({ id: jobId(17), version: 9, status: 'failed' }));
  assert.equal(index.size, 5000);
  for (const n of [0, 1023, 1024, 2047, 2048, 4999]) {
    const slot = index.find(jobId(n)) as number;
    assert.deepEqual(
      [index.status(slot), index.version(slot), index.priority(slot), index.runAt(slot)],
      ['pending', 1 + (n % 3), n, n * 1000],
    );
  }
  assert.equal([...index.withStatus('pending')].length, 4999);
  assert.equal([...index.withStatus('failed')].length, 1);
});

test('the index counts what a compaction would free: struck and superseded rows, and no others', async (t) => {
  const struck = `#${line({ id: 'xa', status: '-------' }).slice(1)}`;
  const superseded = line({ id: 'a', payload: '"older"' });
  const late = line({ id: 'a', version: 1, payload: '"comes late"' });
  const twin = line({ id: 'a', version: 3, payload: '"twin"' });
  const { index } = await indexOf(
    t,
    superseded,
    struck,
    line({ id: 'a', version: 3, status: 'completed' }),
    '# a note\n',
    'unreadable\n',
    late,
    line({ id: 'b' }),
    twin,
  );
  assert.equal(index.deadBytes, struck.length + superseded.length + late.length + twin.length);
  assert.equal(index.duplicates.size, 1, 'the twin');
});

test('two updates at the same time read each line once', async (t) => {
  const { path, index } = await indexOf(t);
  appendFileSync(path, Array.from({ length: 2000 }, (_, n) => line({ id: jobId(n) })).join(''));
  await Promise.all([index.catchUp(), index.catchUp()]);
  assert.deepEqual([index.size, index.deadBytes, index.duplicates.size], [2000, 0, 0]);
});

test('a listener gets each superseded row: where it begins, and how long it is', async (t) => {
  const { path, index } = await indexOf(t, line({ id: 'a' }), line({ id: 'b' }));
  const told: [number, number][] = [];
  index.onSuperseded = (offset, length) => told.push([offset, length]);
  appendFileSync(path, line({ id: 'b', version: 2, status: 'cancelled' }) + line({ id: 'a', version: 1 }));
  await index.catchUp();
  const { length } = line({ id: 'b' });
  assert.deepEqual(told, [[HEADER.length + 1 + length, length - 1]]);
});

test('types are told apart, whatever they have in common', async (t) => {
  const types = ['email', 'email', 'emails', 'emaix', 'xmail', 'mail', 'größe', 'email'];
  const { index } = await indexOf(t, ...types.map((type, n) => line({ id: jobId(n), type })));
  assert.deepEqual(
    types.map((_, n) => index.type(index.find(jobId(n)) as number)),
    types,
  );
});

test('the place of a newest row is known to the byte', async (t) => {
  const lines = [
    line({ id: 'a' }),
    '# größe\n',
    line({ id: 'b', payload: '"größe"', version: 7, status: 'failed' }),
  ];
  const { index } = await indexOf(t, ...lines);
  const offset = HEADER.length + 1 + Buffer.byteLength(`${lines[0]}${lines[1]}`);
  const length = Buffer.byteLength(lines[2] as string) - 1;
  const slot = index.find('b') as number;
  assert.deepEqual(
    [index.offset(slot), index.length(slot), index.version(slot), index.status(slot)],
    [offset, length, 7, 'failed'],
  );
});

test('a listener for pending jobs gets only the newest rows, whether read or learned', async (t) => {
  const { path, index } = await indexOf(t, line({ id: 'a', version: 3, status: 'completed' }));
  const told: string[] = [];
  index.onDue.pending.add((slot) => told.push(`${slot} ${index.priority(slot)} ${index.runAt(slot)}`));
  appendFileSync(
    path,
    line({ id: 'a' }) +
      line({ id: 'b', type: 'read', priority: 5, run_at: 17.5 }) +
      line({ id: 'c', status: 'cancelled', version: 2 }),
  );
  await index.catchUp();
  assert.deepEqual(told, ['1 5 17500']);
  const learn = (fields: Parameters<typeof line>[0], slot?: number): void => {
    const text = line(fields);
    index.learn(jobOf(text), slot, index.position, text.length - 1);
    index.moveTo(index.position + text.length);
  };
  learn({ id: 'd', type: 'learned', run_at: 20 });
  learn({ id: 'b', version: 2, status: 'processing' }, 1);
  learn({ id: 'a', version: 2 });
  learn({ id: 'b', version: 3, run_at: 30, priority: -1 }, 1);
  assert.deepEqual(told, ['1 5 17500', '3 0 20000', '1 -1 30000']);
  assert.deepEqual(
    [0, 1, 2, 3].map((slot) => `${index.type(slot)} ${index.status(slot)} ${index.version(slot)}`),
    ['email completed 3', 'read pending 3', 'email cancelled 2', 'learned pending 1'],
  );
});

test('an edit in place of the bytes that were read last is noticed', async (t) => {
  const { path, index } = await indexOf(t, line({ id: 'a' }), line({ id: 'b' }));
  const size = statSync(path).size;
  assert.equal(index.position, size);
  assert.ok(index.isIntact());
  appendFileSync(path, line({ id: 'c' }));
  assert.ok(index.isIntact(), 'what was appended was not read yet');
  await index.catchUp();
  assert.equal(index.position, statSync(path).size);
  assert.ok(index.isIntact());
  const bytes = readFileSync(path);
  bytes.write('7', bytes.length - 2);
  writeFileSync(path, bytes);
  assert.equal(index.isIntact(), false);
});
