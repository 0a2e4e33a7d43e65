import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { followUpId } from '../../../../lib/file/format/follow-ups.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import {
  COLUMN_NAMES,
  HEADER,
  jobId,
  line,
  linesOf,
  NINE,
  rowsOf,
  statesOf,
  text,
  writeQueue,
} from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';

const DAY = 24 * 3_600_000;
/** A moment, in seconds, that the tests' clock has just left behind. */
const RECENT = 1_893_455_999;

/** A queue over a file of these lines. */
function over(t: TestContext, lines: string[], options: TestOptions = {}) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, ...lines);
  return { ...openTest(t, { file, ...options }), archive: join(dirname(file), 'archive') };
}

const folderOf = (file: string): string[] => readdirSync(dirname(file)).sort();

test('superseded rows go, struck or not, and of each job its newest row stays as it was', async (t) => {
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
    recovered: 0,
    bytesBefore: Buffer.byteLength(`${HEADER}\n${before.join('\n')}\n`),
    bytesAfter: statSync(file).size,
  });
  assert.deepEqual(linesOf(file).sort(), [before[2], before[3], before[4]].sort());
  assert.deepEqual(folderOf(file), ['queue.tsv']);
});

test('a job that finished before there were calendars is archived like any other old one', async (t) => {
  const times = ['-1e20', '-100000000000', '-1', '0'];
  const { queue, archive } = over(
    t,
    times.map((finished_at, n) => line({ id: jobId(n), status: 'completed', finished_at })),
  );
  assert.equal((await queue.compact()).archived, times.length);
  assert.deepEqual(readdirSync(archive), ['queue-1970-01.tsv']);
  for (const n of times.keys())
    assert.equal((await queue.getJob(jobId(n), { archive: true }))?.status, 'completed');
});

test('follow-ups that a hand wrote make no row that is none, and are kept as they are', async (t) => {
  const good = { type: 'email', payload: '1', createdAt: 1, runAt: 1, priority: 0 };
  const columns = [
    JSON.stringify([{ ...good, type: 'a\tb\nevil\temail' }]),
    JSON.stringify([{ ...good, payload: '1\t\n2' }]),
    JSON.stringify([{ ...good, payload: 1 }]),
    JSON.stringify([{ ...good, priority: '0\n' }]),
    JSON.stringify([{ ...good, maxAttempts: '1\t' }]),
    JSON.stringify([{ ...good, maxAttempts: 1, timeout: '1\n' }]),
    JSON.stringify([{ type: 'email' }]),
    JSON.stringify([good, null]),
    '[{"type":"email"',
    '{}',
  ];
  const rows = columns.map((follow_ups, n) =>
    line({ id: jobId(n), status: 'completed', version: 3, finished_at: RECENT, follow_ups }),
  );
  const { queue, file } = over(t, rows);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await queue.compact().then(({ kept, recovered }) => [kept, recovered]), [
      rows.length,
      0,
    ]);
    assert.equal(linesOf(file).join('\n'), rows.join('').trimEnd());
  }
});

test('a line that is no row of an older file is none when the file gets new columns', async (t) => {
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

test('CRLF and spaces at the ends of lines stay, and so does what they are', async (t) => {
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

test('of two rows with one id and version the earlier is the job, and the other is kept as a comment', async (t) => {
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

test('columns that nobody knows are carried along', async (t) => {
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

test('jobs that a completion carries and a crash cut off are made, once, and the column is emptied', async (t) => {
  const id = jobId(1);
  const job = { type: 'thumb', payload: '{"n":1}', createdAt: 5000, runAt: 6000, priority: 2 };
  const followUps = JSON.stringify([
    job,
    { ...job, payload: '{"n":2}', maxAttempts: 7, timeout: 1500 },
    { ...job, payload: '{"n":3}' },
  ]);
  const there = followUpId(id, 4, 0);
  const { queue, file } = over(t, [
    line({
      id,
      status: 'completed',
      attempts: 4,
      version: 3,
      finished_at: RECENT,
      follow_ups: followUps,
    }),
    // The first of them made it into the file, and has run since.
    line({ id: there, type: 'thumb', status: 'completed', version: 3, finished_at: RECENT }),
  ]);
  assert.deepEqual(await queue.compact().then(({ kept, recovered }) => [kept, recovered]), [4, 2]);
  assert.equal((await queue.getJob(there))?.status, 'completed');
  const second = await queue.getJob(followUpId(id, 4, 1));
  assert.deepEqual(
    [
      second?.type,
      second?.payload,
      second?.status,
      second?.createdAt.getTime(),
      second?.runAt.getTime(),
      second?.priority,
      second?.maxAttempts,
      second?.timeout,
    ],
    ['thumb', { n: 2 }, 'pending', 5000, 6000, 2, 7, 1500],
  );
  assert.deepEqual((await queue.getJob(followUpId(id, 4, 2)))?.payload, { n: 3 });
  assert.ok(rowsOf(file).every((row) => row.follow_ups === ''));
  assert.equal((await queue.compact()).recovered, 0);
  assert.equal(rowsOf(file).length, 4);
});

test('follow-ups that a person spoilt make no job, and no error', async (t) => {
  for (const followUps of ['{', 'null', '5', '[null,5,{"type":7}]', '{"type":"x"}']) {
    const { queue } = over(t, [
      line({
        id: jobId(1),
        status: 'completed',
        version: 2,
        finished_at: RECENT,
        follow_ups: followUps,
      }),
    ]);
    const { kept, recovered } = await queue.compact();
    assert.deepEqual({ kept, recovered }, { kept: 1, recovered: 0 }, followUps);
  }
});

test('a held job whose line is repaired much later does not have its follow-ups made a second time', async (t) => {
  const id = jobId(1);
  const followUps = JSON.stringify([
    { type: 'thumb', payload: '1', createdAt: 5000, runAt: 6000, priority: 0 },
  ]);
  const completed = line({
    id,
    status: 'completed',
    attempts: 1,
    version: 3,
    finished_at: RECENT,
    follow_ups: followUps,
  });
  const child = followUpId(id, 1, 0);
  const bulk = Array.from({ length: 400 }, (_, n) =>
    line({
      id: jobId(1000 + n),
      status: 'completed',
      version: 3,
      finished_at: RECENT,
      payload: JSON.stringify('x'.repeat(200)),
    }),
  );
  const damaged = `${id}\tdamaged\n`;
  const { queue, file } = over(t, [
    ...bulk,
    completed,
    line({ id: child, type: 'thumb', payload: '1' }),
    damaged,
  ]);
  const runs: string[] = [];
  const handlers = { thumb: (_: unknown, { job }: { job: { id: string } }) => void runs.push(job.id) };
  await queue.processJobs(handlers);
  await queue.compact();
  assert.deepEqual(runs, [child]);
  // A person takes the damaged line out.
  writeFileSync(file, text(file).replace(damaged, ''));
  const again = openTest(t, { file });
  await again.queue.compact();
  await again.queue.processJobs(handlers);
  await again.queue.compact();
  await again.queue.processJobs(handlers);
  assert.deepEqual(runs, [child]);
});

// ---- what has become old ----

const finished = (n: number, at: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({ id: jobId(n), status: 'completed', version: 3, finished_at: at / 1000, ...fields });

test('finished jobs past their retention time move to the archive of their month; nothing else does', async (t) => {
  const clock = new FakeClock(Date.UTC(2030, 2, 10));
  const lines = [
    finished(1, Date.UTC(2030, 1, 27)),
    finished(2, Date.UTC(2030, 2, 1), { status: 'failed', error: 'bad' }),
    finished(3, Date.UTC(2030, 2, 2), { status: 'cancelled' }),
    finished(4, Date.UTC(2030, 2, 4)),
    line({ id: jobId(5), run_at: 5 }),
    line({ id: jobId(6), status: 'processing', version: 2, started_at: 5 }),
  ];
  const { queue, file, archive } = over(t, lines, { clock });
  const { kept, archived } = await queue.compact();
  assert.deepEqual({ kept, archived }, { kept: 3, archived: 3 });
  assert.deepEqual(readdirSync(archive).sort(), ['queue-2030-02.tsv', 'queue-2030-03.tsv']);
  assert.equal(text(join(archive, 'queue-2030-02.tsv')), `${HEADER}\n${lines[0]}`);
  assert.equal(text(join(archive, 'queue-2030-03.tsv')), `${HEADER}\n${lines[1]}${lines[2]}`);
  assert.deepEqual(statesOf(file).sort(), [
    `${jobId(4)} completed`,
    `${jobId(5)} pending`,
    `${jobId(6)} processing`,
  ]);
});

test('an archived job is found on demand, with all that it had', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', { to: 'Zoë' });
  await queue.processJobs({ email: () => [0, null] });
  clock.advance(8 * DAY);
  await queue.compact();
  assert.equal(await queue.getJob(id), undefined);
  const job = await queue.getJob(id, { archive: true });
  assert.deepEqual(
    [job?.id, job?.status, job?.payload, job?.result],
    [id, 'completed', { to: 'Zoë' }, [0, null]],
  );
  assert.equal((await queue.stats()).total, 0);
});

test('retention 0 archives what is finished, Infinity nothing', async (t) => {
  const lines = [finished(1, Date.UTC(2029, 0, 1)), line({ id: jobId(2) })];
  const none = over(t, lines, { retention: 0 });
  assert.equal((await none.queue.compact()).archived, 1);
  const all = over(t, lines, { retention: Number.POSITIVE_INFINITY });
  assert.equal((await all.queue.compact()).archived, 0);
  assert.equal(existsSync(all.archive), false);
});

test('a torn tail of the archive does not swallow the next job', async (t) => {
  const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
  mkdirSync(archive);
  const name = join(archive, 'queue-2029-01.tsv');
  writeFileSync(name, `${HEADER}\n${line({ id: jobId(9) })}${line({ id: jobId(8) }).slice(0, 30)}`);
  await queue.compact();
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  assert.equal((await queue.getJob(jobId(9), { archive: true }))?.status, 'pending');
  assert.equal(await queue.getJob(jobId(8), { archive: true }), undefined);
  assert.match(linesOf(name)[1] as string, /\t#torn$/);
});

test('an archive whose header a crash cut is completed', async (t) => {
  for (const part of ['', 'id\tty', HEADER]) {
    const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
    mkdirSync(archive);
    writeFileSync(join(archive, 'queue-2029-01.tsv'), part);
    await queue.compact();
    assert.equal(text(join(archive, 'queue-2029-01.tsv')), `${HEADER}\n${finished(1, Date.UTC(2029, 0, 1))}`);
  }
});

test('an archive with other columns stays as it is, and a further file is begun', async (t) => {
  const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
  mkdirSync(archive);
  const other = `${NINE}\n${line({ id: jobId(9), status: 'completed' }, NINE.split('\t'))}`;
  writeFileSync(join(archive, 'queue-2029-01.tsv'), other);
  await queue.compact();
  assert.equal(text(join(archive, 'queue-2029-01.tsv')), other);
  assert.deepEqual(readdirSync(archive).sort(), ['queue-2029-01.2.tsv', 'queue-2029-01.tsv']);
  assert.equal((await queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  assert.equal((await queue.getJob(jobId(9), { archive: true }))?.status, 'completed');
});

test('an archive that its user may not write stays as it is, and a further file is begun', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1))], { fs });
  mkdirSync(archive);
  const closed = join(archive, 'queue-2029-01.tsv');
  writeFileSync(closed, 'of another\n');
  fault.do = (call, real) => {
    if (call.name === 'open' && call.path === closed) throw systemError('EACCES');
    return real();
  };
  assert.equal((await queue.compact()).archived, 1);
  assert.deepEqual(readdirSync(archive).sort(), ['queue-2029-01.2.tsv', 'queue-2029-01.tsv']);
});

test('the archives of two queues in one folder are told apart', async (t) => {
  const a = over(t, [finished(1, Date.UTC(2029, 0, 1))]);
  const file = join(dirname(a.file), 'queue-2029.tsv');
  writeQueue(file, finished(2, Date.UTC(2029, 0, 1)));
  const b = openTest(t, { file });
  await Promise.all([a.queue.compact(), b.queue.compact()]);
  assert.equal(await a.queue.getJob(jobId(2), { archive: true }), undefined);
  assert.equal(await b.queue.getJob(jobId(1), { archive: true }), undefined);
  assert.equal((await b.queue.getJob(jobId(2), { archive: true }))?.id, jobId(2));
});

test('a crash between archive and rename leaves a job in both, and is nobody to notice', async (t) => {
  const { queue, file, archive } = over(t, [finished(1, Date.UTC(2029, 0, 1)), line({ id: jobId(2) })]);
  const before = readFileSync(file);
  await queue.compact();
  writeFileSync(file, before);
  const again = openTest(t, { file });
  assert.equal((await again.queue.getJob(jobId(1)))?.status, 'completed');
  await again.queue.compact();
  assert.equal((await again.queue.getJob(jobId(1), { archive: true }))?.status, 'completed');
  assert.deepEqual(statesOf(file), [`${jobId(2)} pending`]);
  assert.equal(linesOf(join(archive, 'queue-2029-01.tsv')).length, 2);
});

test('a worker archives by itself what is past its time', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueue('email', 1);
  await queue.processJobs({ email: () => {} });
  clock.advance(9 * DAY);
  await queue.enqueue('email', 2);
  await queue.processJobs({ email: () => {} });
  assert.equal(rowsOf(file).length, 1);
});

// ---- when it fails ----

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

test('a short write of the new file is no new file', async (t) => {
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

test('who was passed over during a compaction does not rename', async (t) => {
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

test('a row of an id of other letters of which power loss left only the # of its strike is removed', async (t) => {
  const id = '1größe';
  const lines = [line({ id: `#${id.slice(1)}` }), line({ id, version: 2 }), line({ id: '#hen' })];
  const { queue, file } = over(t, lines);
  await queue.compact();
  assert.deepEqual(
    linesOf(file).map((kept) => `${kept}\n`),
    lines.slice(1),
  );
});
