import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from '../../../lib/file/doctor/inspect.js';
import { temporaryFolder } from '../../support/folders.js';
import { HEADER, jobId, line, linesOf, rowsOf, text, writeQueue } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';

test('a job whose id a person made up of other letters works like any other', async (t) => {
  const day = 24 * 3_600_000;
  const filler = Array.from({ length: 900 }, (_, n) =>
    line({
      id: jobId(n + 1),
      payload: '"0123456789"',
      status: 'completed',
      version: 3,
      finished_at: 1_893_455_999,
    }),
  );
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    ...filler,
    line({ id: 'größe', status: 'failed', version: 3, finished_at: 1_893_455_999 }),
    line({ id: 'ширина' }),
    'ширина\tdamaged\n',
    line({ id: 'höhe', status: 'completed', version: 3, finished_at: 1_893_455_999 }),
    'höhe\tdamaged\n',
  );
  const { queue, store, clock } = openTest(t, { file });
  await queue.compact();
  assert.match(text(file), /# finished jobs end at byte/);
  assert.equal((await queue.stats()).total, 903);
  assert.equal(await queue.retryJob('größe'), true);
  await queue.compact();
  assert.deepEqual(
    rowsOf(file).flatMap(({ id, status }) => (id === 'größe' ? [status] : [])),
    ['pending'],
    'what was superseded is gone',
  );
  assert.deepEqual((await inspect(store)).map(({ kind, id }) => [kind, id]).sort(), [
    ['held', 'höhe'],
    ['held', 'ширина'],
    ['unreadable', 'höhe'],
    ['unreadable', 'ширина'],
  ]);
  clock.advance(9 * day);
  await queue.compact();
  assert.equal((await queue.getJob('höhe'))?.status, 'completed', 'what is held is not archived');
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
});

test('an id that is not UTF-8, or begins with a byte order mark, is unreadable, and reported', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const odd = [line({ id: 'caf\xe9' }), line({ id: '\xef\xbb\xbfbom' })];
  writeFileSync(file, Buffer.from([`${HEADER}\n`, ...odd, line({ id: jobId(1) })].join(''), 'latin1'));
  const { queue, store } = openTest(t, { file });
  const before = linesOf(file);
  assert.deepEqual(
    (await inspect(store)).map(({ kind, line: at, message }) => [kind, at, message]),
    [
      ['unreadable', 3, 'its id is not UTF-8, or begins with a byte order mark; it is kept and ignored'],
      ['unreadable', 4, 'its id is not UTF-8, or begins with a byte order mark; it is kept and ignored'],
    ],
  );
  assert.deepEqual(
    (await queue.listJobs()).map(({ id }) => id),
    [jobId(1)],
  );
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
  await queue.compact();
  assert.deepEqual(linesOf(file).sort().slice(1), before.slice(0, 2).sort());
});
