import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { openQueue } from 'tsvq';
import { inspect } from '../../lib/file/doctor/inspect.js';
import { backup } from '../../lib/file/moving/backup.js';
import { Store } from '../../lib/file/store.js';
import { resolveQueueOptions } from '../../lib/job/queue-options.js';
import { journaled, startChild, workFolder } from '../fixtures/children.js';
import { read } from '../support/pages.js';
import { HEADER, jobId, line, rowsOf, text } from '../support/queue-file.js';
import { records, runOn } from './cli-process.js';
import { of } from './queue-of-rows.js';

const storeOf = (file: string): Store => new Store(file, resolveQueueOptions({ anyFileSystem: true }));

test('a backup taken while processes add and run jobs, and compact, has every acknowledged job', {
  timeout: 180_000,
}, async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const queue = openQueue(file, { anyFileSystem: true });
  // Enough that a copy takes longer than a commit, and finished ones that a compaction moves to the front.
  const more = Array.from({ length: 2000 }, (_, i) => ({
    type: 'idle',
    payload: { i, text: 'x'.repeat(300) },
    options: { delay: '1d' },
  }));
  await queue.enqueueMany(more);
  const producers = [1, 2].map((n) => ({ journal: join(folder, `added-${n}`) }));
  const children = producers.map(({ journal }) => startChild(t, 'enqueuer.js', { file, journal, each: 150 }));
  const workers = [1, 2].map((n) =>
    startChild(t, 'worker.js', { file, journal: join(folder, `worked-${n}`), ticks: 'until told' }),
  );
  for (const child of children) await child.said('ready');
  for (const child of children) child.tell('begin');
  let areDone = false;
  const done = Promise.all(children.map((child) => child.done())).then(() => {
    areDone = true;
  });
  let compactions = 0;
  const compacting = (async () => {
    for (; !areDone; compactions++) await queue.compact();
  })();
  const store = storeOf(file);
  const sizes = new Set<number>();
  for (let n = 0; n < 4 || !areDone; n++) {
    const acked = producers.flatMap(({ journal }) => (existsSync(journal) ? journaled(journal, 'ack') : []));
    const copy = join(folder, 'backups', `${n}.tsv`);
    mkdirSync(dirname(copy), { recursive: true });
    const made = await backup(store, copy);
    sizes.add(made?.bytes ?? 0);
    const ids = new Set(rowsOf(copy).map(({ id }) => id));
    assert.equal([...rowsOf(copy)].filter(({ type }) => type === 'idle').length, 2000);
    assert.deepEqual(
      acked.filter((ack) => !ids.has(ack.split(' ')[0] ?? ack)),
      [],
      `backup ${n}, of ${acked.length} acknowledged jobs`,
    );
    const looked = storeOf(copy);
    assert.deepEqual(await inspect(looked), [], `backup ${n}`);
    await looked.close();
  }
  await done;
  await compacting;
  for (const worker of workers) worker.tell('stop');
  for (const worker of workers) await worker.done();
  assert.ok(sizes.size > 2 && compactions > 2, `${sizes.size} sizes, ${compactions} compactions`);
  await Promise.all([queue.close(), store.close()]);
});

test('the copy has what belongs to the queue, its mode, and its archive if wanted; it is a queue', async (t) => {
  const { file, queue } = of(t, line({ id: jobId(1) }), line({ id: jobId(2), type: 'report' }));
  chmodSync(file, 0o620);
  assert.equal((await queue('pause', 'report')).code, 0);
  writeFileSync(`${file}.limits`, 'email\t\t2000.5\n');
  mkdirSync(join(dirname(file), 'archive'));
  const archived = `${HEADER}\n${line({ id: jobId(3), status: 'completed', finished_at: 1000, version: 3 })}`;
  writeFileSync(join(dirname(file), 'archive', 'queue-2020-01.tsv'), archived);
  const folder = join(dirname(file), 'backup');
  mkdirSync(folder);
  const copy = join(folder, 'mine.tsv');
  const { code, stdout } = await queue('backup', copy, '--archive', '--json');
  assert.deepEqual(
    [code, records(stdout)],
    [0, [{ file: copy, bytes: statSync(file).size, archiveFiles: 1 }]],
  );
  assert.deepEqual(readdirSync(folder).sort(), ['archive', 'mine.tsv', 'mine.tsv.limits', 'mine.tsv.paused']);
  for (const [end, from] of [
    ['', file],
    ['.paused', `${file}.paused`],
    ['.limits', `${file}.limits`],
  ])
    assert.equal(text(copy + end), text(from as string));
  assert.equal(statSync(copy).mode & 0o777, 0o620);
  const asQueue = runOn(t, copy);
  assert.equal((await asQueue('doctor')).code, 0);
  assert.match((await asQueue('export', '--archive', '--plain')).stdout, new RegExp(`^${jobId(3)}\t`, 'm'));
  assert.match((await asQueue('status')).stdout, /report/);
  // An archive that had no pauses leaves none of an older backup.
  assert.equal((await queue('resume', 'report')).code, 0);
  assert.equal((await queue('backup', copy, '--force', '--archive')).code, 0);
  assert.equal(existsSync(`${copy}.paused`), existsSync(`${file}.paused`));
});

test('a backup whose name ends in .gz is compressed', async (t) => {
  const { file, queue } = of(t, line({ id: jobId(1), payload: JSON.stringify('x'.repeat(3_000_000)) }));
  const copy = join(dirname(file), 'copy.tsv.gz');
  assert.equal((await queue('backup', copy)).code, 0);
  assert.equal(gunzipSync(readFileSync(copy)).toString(), text(file));
  assert.ok(statSync(copy).size < 100_000);
});

test('refuses an existing file without --force, a folder, a missing folder, and the queue itself', async (t) => {
  const { file, queue } = of(t, line({ id: jobId(1) }));
  const folder = dirname(file);
  const taken = join(folder, 'taken');
  writeFileSync(taken, 'mine');
  linkSync(file, join(folder, 'link'));
  writeFileSync(join(folder, 'half.paused'), 'mine');
  const before = text(file);
  for (const [path, said, ...args] of [
    [taken, /taken exists; name another file, or give --force/],
    [file, /belongs to the queue itself/, '--force'],
    [`${file}.paused`, /belongs to the queue itself/, '--force'],
    [`${file}.lock`, /belongs to the queue itself/, '--force'],
    [join(folder, 'link'), /belongs to the queue itself/, '--force'],
    [folder, /is not a file/, '--force'],
    [join(folder, 'none', 'x'), /in a folder that does not exist/],
    [join(folder, 'half'), /half\.paused exists/],
  ] as const) {
    const refused = await queue('backup', path, ...args);
    assert.deepEqual([refused.code, refused.stdout], [2, ''], path);
    assert.match(refused.stderr, said);
  }
  assert.deepEqual([text(file), text(taken)], [before, 'mine']);
  assert.deepEqual(readdirSync(folder).sort(), ['half.paused', 'link', 'queue.tsv', 'taken']);
  const missing = runOn(t, join(folder, 'no.tsv'));
  assert.equal((await missing('backup', join(folder, 'x'))).code, 3);
});

test('a backup is put back under the lock, as the guide says', async (t) => {
  const { file, queue } = of(t, line({ id: jobId(1) }), line({ id: jobId(2) }));
  const copy = join(dirname(file), 'copy.tsv');
  assert.equal((await queue('backup', copy)).code, 0);
  assert.equal((await queue('cancel', jobId(1))).code, 0);
  assert.equal((await queue('add', 'later')).code, 0);
  const restore = `cp -p ${copy} "$QUEUE_FILE.new" && mv "$QUEUE_FILE.new" "$QUEUE_FILE"`;
  assert.ok(
    read('docs/operations.md').includes(
      `queue lock -- sh -c '${restore.replace(copy, '/backup/queue.tsv')}'`,
    ),
  );
  // A process that has the queue open goes on in the restored one.
  const open = openQueue(file, { anyFileSystem: true });
  assert.equal((await open.listJobs()).length, 3);
  const mode = statSync(file).mode;
  assert.equal((await queue('lock', '--', 'sh', '-c', restore)).code, 0);
  assert.deepEqual(
    (await open.listJobs()).map(({ id, status }) => `${id} ${status}`),
    [1, 2].map((n) => `${jobId(n)} pending`),
  );
  const id = await open.enqueue('more');
  assert.ok(rowsOf(file).some((row) => row.id === id));
  assert.equal(statSync(file).mode, mode);
  assert.equal((await queue('doctor')).stdout, 'ok\n');
  await open.close();
});
