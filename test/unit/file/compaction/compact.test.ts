import assert from 'node:assert/strict';
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../support/folders.js';
import {
  COLUMN_NAMES,
  HEADER,
  jobId,
  line,
  linesOf,
  NINE,
  rowsOf,
  text,
} from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { folderOf, over, RECENT } from './queue-with-archive.js';

test('superseded rows are dropped, struck or not, and the newest row of each job stays as it was', async (t) => {
  const { queue, file } = over(t, [
    line({ id: jobId(1), version: 1 }),
    `#${line({ id: jobId(2), status: '-------' }).slice(1)}`,
    line({ id: jobId(1), status: 'processing', version: 2, locked_by: 'me' }),
    line({ id: jobId(2), status: 'completed', version: 2, finished_at: RECENT, result: '{"a": 1}' }),
    line({ id: jobId(3), error: 'bad\\nluck', payload: '{ "spaced" : true }' }),
  ]);
  const before = linesOf(file);
  assert.deepEqual(await queue.compact(), {
    kept: 3,
    archived: 0,
    dropped: 0,
    recovered: 0,
    bytesBefore: Buffer.byteLength(`${HEADER}\n${before.join('\n')}\n`),
    bytesAfter: statSync(file).size,
  });
  assert.deepEqual(linesOf(file).sort(), [before[2], before[3], before[4]].sort());
  assert.deepEqual(folderOf(file), ['queue.tsv']);
});

test('a line that is not a row of an older file does not become one when the file gets new columns', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const odd = [
    line({ id: jobId(1) }),
    line({ id: jobId(2), version: 7 }),
    `#${line({ id: 'a', status: '--' })}`,
  ];
  writeFileSync(file, [`${NINE}\n`, line({ id: jobId(2) }, NINE.split('\t')), ...odd].join(''));
  const { queue } = openTest(t, { file });
  for (let round = 0; round < 2; round++) {
    await queue.compact();
    assert.deepEqual(
      (await queue.listJobs()).map(({ id }) => id),
      [jobId(2)],
    );
    assert.deepEqual(
      linesOf(file).slice(1),
      odd.map((line) => `${line.slice(0, -1)}\t`),
    );
  }
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0, 'and its job is still held');
});

test('a file that lacks a column gets it, and each of its jobs stays as it was, once', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const columns = COLUMN_NAMES.split('\t').filter((name) => name !== 'follow_ups');
  const job = { error: 'C:\\\\tmp\\nsecond line', attempts: 1, version: 3 };
  const lines = [
    line({ ...job, id: jobId(1) }, columns),
    line({ ...job, id: jobId(2), status: 'failed', finished_at: RECENT }, columns),
    line({ ...job, id: jobId(3) }, columns),
  ];
  writeFileSync(file, `${columns.join('\t')}\n${lines.join('')}`);
  const { queue } = openTest(t, { file });
  const before = await queue.listJobs();
  assert.deepEqual(await queue.compact().then(({ kept }) => kept), 3);
  const [names = ''] = text(file).split('\n');
  assert.deepEqual(names.split('\t').sort(), COLUMN_NAMES.split('\t').sort());
  assert.match(names, /\tversion$/);
  assert.equal(linesOf(file).length, 3);
  for (const one of before) {
    assert.equal(one.error, 'C:\\tmp\nsecond line');
    assert.deepEqual(await queue.getJob(one.id), one);
  }
});

test('nothing is dropped silently: comments, unreadable lines, and blank lines stay byte for byte, torn tails as comments', async (t) => {
  const odd = [
    '# a note of a person\n',
    `# ${'a long one '.repeat(30)}\n`,
    '#\n',
    'garbage\n',
    line({ id: jobId(8), status: 'unheard-of' }),
    `${jobId(9)}\temail\t{"a\t#torn\n`,
    'nul\0nul\n',
    '\n',
    '   \r\n',
    `${line({ id: jobId(7), status: 'pending' }).slice(0, -1)}\textra\n`,
  ];
  const { queue, file } = over(t, [line({ id: jobId(1) }), ...odd, line({ id: jobId(2) })]);
  await queue.compact();
  await queue.compact();
  const after = text(file);
  // A torn one, of which nobody was told, becomes a comment: `grep <id>` and counts are to pass it by.
  for (const one of odd) {
    const kept = one.endsWith('\t#torn\n') ? `#-${one.slice(1)}` : one;
    assert.ok(after.includes(kept), JSON.stringify(one));
  }
  assert.equal(after.split('\n').length, odd.length + 2 + 3);
});

test('CRLF and spaces at the ends of lines stay, and the rows keep their meaning', async (t) => {
  const lines = [line({ id: jobId(1) }), line({ id: jobId(2), status: 'failed', finished_at: RECENT })];
  const { queue, file } = over(t, [
    lines.join('').replaceAll('\n', '\r\n'),
    line({ id: jobId(3) }).replace('\n', '  \n'),
  ]);
  await queue.compact();
  assert.deepEqual((await queue.listJobs()).map((job) => `${job.id} ${job.status}`).sort(), [
    `${jobId(1)} pending`,
    `${jobId(2)} failed`,
    `${jobId(3)} pending`,
  ]);
  assert.equal(linesOf(file).filter((one) => one.endsWith('\r')).length, 2);
});

test('the earlier of two rows with one id and version is the job, and the other is kept as a comment', async (t) => {
  const twin = line({ id: jobId(1), payload: '{"n":2}' });
  const { queue, file } = over(t, [line({ id: jobId(1), payload: '{"n":1}' }), twin]);
  await queue.compact();
  assert.deepEqual((await queue.getJob(jobId(1)))?.payload, { n: 1 });
  assert.deepEqual(
    linesOf(file).filter((one) => one.startsWith('#')),
    [`#duplicate ${twin.replace('\tpending\t', '\t-------\t').slice(0, -1)}`],
  );
  const once = text(file);
  await queue.compact();
  assert.equal(text(file), once);
});

test('unknown columns are kept', async (t) => {
  const { queue, file } = openTest(t);
  const wide = (row: string): string => row.replace(/\t(\d+)\n$/, '\tann\t$1\n');
  writeFileSync(
    file,
    `${HEADER.replace('\tversion', '\tcustomer\tversion')}\n${wide(line({ id: jobId(1) }))}${wide(line({ id: jobId(2), status: 'completed', version: 3, finished_at: RECENT }))}`,
  );
  await queue.cancelJob(jobId(1));
  await queue.compact();
  assert.deepEqual(
    rowsOf(file)
      .map(({ id, status, customer, version }) => ({ id, status, customer, version }))
      .sort((a, b) => String(a.id).localeCompare(String(b.id))),
    [
      { id: jobId(1), status: 'cancelled', customer: 'ann', version: '2' },
      { id: jobId(2), status: 'completed', customer: 'ann', version: '3' },
    ],
  );
});

test('a compaction of a compacted file changes nothing', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 30 }, (_, n) => ({ type: 'email', payload: n })));
  await queue.processJobs({ email: (n) => n }, { maxAttempts: 1 });
  await queue.enqueue('email', 'later');
  await queue.compact();
  const once = text(file);
  await queue.compact();
  assert.equal(text(file), once);
});

test('the new file has the mode and the owner of the old one', async (t) => {
  const { queue, file } = over(t, [line({ id: jobId(1) })]);
  chmodSync(file, 0o2664);
  const root = process.getuid?.() === 0;
  if (root) chownSync(file, 1234, 4321);
  if (root) chmodSync(file, 0o2664);
  const before = statSync(file);
  await queue.compact();
  const after = statSync(file);
  assert.notEqual(after.ino, before.ino);
  assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);
});

test('a row whose strike power loss cut after the # is removed, also with an id of other letters', async (t) => {
  const id = '1größe';
  const lines = [line({ id: `#${id.slice(1)}` }), line({ id, version: 2 }), line({ id: '#hen' })];
  const { queue, file } = over(t, lines);
  await queue.compact();
  assert.deepEqual(
    linesOf(file).map((kept) => `${kept}\n`),
    lines.slice(1),
  );
});
