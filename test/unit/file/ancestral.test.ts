import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { COLUMNS } from '../../../lib/file/format/columns.js';
import { FakeClock } from '../../support/fake-clock.js';
import { temporaryFolder } from '../../support/folders.js';
import {
  COLUMN_NAMES,
  jobId,
  line,
  linesOf,
  NINE,
  rowsOf,
  statesOf,
  text,
} from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';

/*
 * dbbasic-queue writes these files: nine columns, fractional times of Python, payloads of json.dumps with their
 * spaces, unescaped error texts, and jobs that a crash left `processing` for ever.
 */
const WAITING =
  'f00dfeed00000001\temail\t{"to": "ann@example.com", "n": [1, 2.5, null]}\tpending\t1893455000.1234567\t1893455000.1234567\t0\t\t';
const RUNNING = 'f00dfeed00000002\temail\t{"to": "bob"}\tprocessing\t1893400000\t1893400000.5\t1\t\t';
const RETRIED =
  'f00dfeed00000003\temail\t{}\tpending\t1893455000\t1893455100\t2\tFileNotFoundError: C:\\temp\\new\\report.txt\t';
const FAILED =
  'f00dfeed00000004\treport\t{"month": "2029-12"}\tfailed\t1893450000\t1893450000\t3\tbad \\ luck\t';
const DONE =
  'f00dfeed00000005\treport\t{"month": "2029-11"}\tcompleted\t1893450000\t1893450000\t1\t\t{"rows": 12}';
const CANCELLED = 'f00dfeed00000006\treport\t{}\tcancelled\t1893450000\t1893459999\t0\tCancelled by user\t';
const FUTURE = 'f00dfeed00000007\temail\t{}\tpending\t1893455000\t1993455000.75\t0\t\t';
const ALL = [WAITING, RUNNING, RETRIED, FAILED, DONE, CANCELLED, FUTURE];

const id = (row: string): string => row.slice(0, 16);

function ancestral(t: TestContext, rows: string[] = ALL) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, `${[NINE, ...rows].join('\n')}\n`);
  return openTest(t, { file, clock: new FakeClock(1_893_456_000_000) });
}

test('a file of dbbasic-queue is read as it is, and not changed by reading', async (t) => {
  const { queue, file } = ancestral(t);
  const before = text(file);
  const jobs = await queue.listJobs();
  assert.deepEqual(
    jobs.map((job) => `${job.id} ${job.status}`),
    ALL.map((row) => `${id(row)} ${row.split('\t')[3]}`),
  );
  assert.deepEqual(jobs[0]?.payload, { to: 'ann@example.com', n: [1, 2.5, null] });
  assert.equal(jobs[0]?.runAt.getTime(), 1_893_455_000_123);
  assert.deepEqual(jobs[4]?.result, { rows: 12 });
  assert.equal(jobs[5]?.error, 'Cancelled by user');
  assert.deepEqual([jobs[2]?.attempts, jobs[2]?.forgiven, jobs[2]?.maxAttempts], [2, 0, undefined]);
  assert.equal((await queue.stats()).due, 2);
  assert.equal(text(file), before);
});

test('a tick with nothing to do does not change it', async (t) => {
  const { queue, file } = ancestral(t, [FUTURE, DONE]);
  const before = text(file);
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
  assert.equal(text(file), before);
});

test('the first write gives it the other columns, and every job is still what it was', async (t) => {
  const { queue, file, clock } = ancestral(t);
  const before = await queue.listJobs();
  const added = await queue.enqueue('email', {});
  assert.equal(text(file).split('\n')[0], COLUMN_NAMES);
  const after = await queue.listJobs();
  assert.deepEqual(
    after
      .filter((job) => job.id !== added)
      .map(({ finishedAt, ...job }) => job)
      .sort((a, b) => a.id.localeCompare(b.id)),
    before.map(({ finishedAt, ...job }) => job).sort((a, b) => a.id.localeCompare(b.id)),
  );
  for (const job of after) {
    const final = ['completed', 'failed', 'cancelled'].includes(job.status);
    assert.equal(job.finishedAt?.getTime(), final ? clock.now() : undefined, job.status);
  }
  for (const row of rowsOf(file)) assert.equal(row.version, '1');
});

test('an error text with backslashes reads the same before and after', async (t) => {
  const { queue } = ancestral(t);
  const error = 'FileNotFoundError: C:\\temp\\new\\report.txt';
  assert.equal((await queue.getJob(id(RETRIED)))?.error, error);
  await queue.enqueue('email', {});
  assert.equal((await queue.getJob(id(RETRIED)))?.error, error);
  assert.equal((await queue.getJob(id(FAILED)))?.error, 'bad \\ luck');
});

test('a worker drains it in place', async (t) => {
  const { queue, file, clock } = ancestral(t);
  const ran: string[] = [];
  const handlers = {
    email: (payload: unknown, { job }: { job: { id: string; attempts: number } }) => {
      ran.push(`${job.id}:${job.attempts} ${JSON.stringify(payload)}`);
      return 'sent';
    },
  };
  await queue.processJobs(handlers);
  const states = (): string[] => statesOf(file).sort();
  assert.deepEqual(ran, [
    `${id(WAITING)}:1 {"to":"ann@example.com","n":[1,2.5,null]}`,
    `${id(RETRIED)}:3 {}`,
    // What a crash left running runs alone.
    `${id(RUNNING)}:2 {"to":"bob"}`,
  ]);
  assert.deepEqual(states(), [
    `${id(WAITING)} completed`,
    `${id(RUNNING)} completed`,
    `${id(RETRIED)} completed`,
    `${id(FAILED)} failed`,
    `${id(DONE)} completed`,
    `${id(CANCELLED)} cancelled`,
    `${id(FUTURE)} pending`,
  ]);
  assert.equal(await queue.retryJob(id(FAILED)), true);
  clock.advance(1000);
  assert.equal((await queue.processJobs({ report: () => 0 })).completed, 1);
});

test('a job that may still be running there is left alone', async (t) => {
  const running = RUNNING.replace('1893400000\t1893400000.5', '1893455900\t1893455900.5');
  const { queue } = ancestral(t, [running, WAITING]);
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 1);
  assert.equal((await queue.getJob(id(running)))?.status, 'processing');
});

test('cancel and retry work on it at once', async (t) => {
  const { queue } = ancestral(t);
  assert.equal(await queue.cancelJob(id(WAITING)), true);
  assert.equal(await queue.cancelJob(id(DONE)), false);
  assert.equal(await queue.retryJob(id(FAILED)), true);
  const job = await queue.getJob(id(FAILED));
  assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', 3, 3]);
});

test('unreadable lines, comments, CRLF and a missing last newline survive the first write', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const bad = 'f00dfeed00000008\temail\t{"note": "a\ttab"}\tpending\t1\t1\t0\t\t';
  writeFileSync(file, `${[NINE, '# a note', WAITING, bad, FAILED].join('\r\n')}\r\n${DONE}`);
  const { queue } = openTest(t, { file, clock: new FakeClock(1_893_456_000_000) });
  await queue.enqueue('email', {});
  const lines = linesOf(file);
  assert.ok(lines.includes('# a note\r'));
  assert.ok(lines.includes(`${bad}\r`));
  assert.deepEqual((await queue.listJobs()).map((job) => job.status).sort(), [
    'completed',
    'failed',
    'pending',
    'pending',
  ]);
  assert.deepEqual((await queue.getJob(id(DONE)))?.result, { rows: 12 });
});

test('the earlier of two rows with one id is the job, and the other is kept as a comment', async (t) => {
  const { queue, file } = ancestral(t, [WAITING, WAITING.replace('\tpending\t', '\tcompleted\t')]);
  await queue.enqueue('email', {});
  assert.equal((await queue.getJob(id(WAITING)))?.status, 'pending');
  const kept = linesOf(file).filter((row) => row.startsWith('#'));
  assert.equal(kept.length, 1);
  assert.match(kept[0] as string, /f00dfeed00000001/);
});

test('its columns may stand in another order, with others among them', async (t) => {
  const names = [
    'id',
    'result',
    'status',
    'type',
    'note',
    'payload',
    'created_at',
    'attempts',
    'run_at',
    'error',
  ];
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(
    file,
    `${names.join('\t')}\nf00dfeed00000001\t\tpending\temail\tkeep me\t{"a": 1}\t5\t1\t6\t\n`,
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.processJobs({ email: (payload) => payload })).completed, 1);
  const [row] = rowsOf(file);
  assert.deepEqual(
    [row?.note, row?.status, row?.result, row?.attempts, row?.version],
    ['keep me', 'completed', '{"a":1}', '2', '3'],
  );
  const header = text(file).split('\n')[0]?.split('\t') ?? [];
  assert.deepEqual(header.slice(0, names.length), names);
  assert.equal(header.length, COLUMNS.length + 1);
  assert.equal(header.at(-1), 'version');
});

test('a file whose first column is another one works like any other, or is refused, and is not damaged', async (t) => {
  for (const names of [
    ['status', 'id', 'type', 'payload', 'created_at', 'run_at', 'attempts', 'error', 'result'],
    ['note', ...NINE.split('\t')],
    [...NINE.split('\t').filter((name) => name !== 'status'), 'status'],
  ]) {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const [first = '', second = ''] = [1, 2].map((n) =>
      names
        .map(
          (name) =>
            ({
              id: `f00dfeed0000000${n}`,
              type: 'email',
              payload: '{}',
              status: 'pending',
              created_at: '5',
              run_at: '5',
              attempts: '0',
            })[name] ?? '',
        )
        .join('\t'),
    );
    const before = `${names.join('\t')}\n${first}\n${second}\n`;
    writeFileSync(file, before);
    const { queue } = openTest(t, { file });
    const summary = await queue.processJobs({ email: () => 'sent' }).catch((error) => error);
    if (summary.code === 'NOT_A_QUEUE') {
      assert.equal(text(file), before);
      continue;
    }
    assert.equal(summary.completed, 2, names[0]);
    assert.deepEqual(
      rowsOf(file).map(({ id, status }) => `${id} ${status}`),
      ['f00dfeed00000001 completed', 'f00dfeed00000002 completed'],
    );
    assert.equal(await queue.retryJob('f00dfeed00000001'), false);
  }
});

test('two workers that find it at the same time drain it once', async (t) => {
  const rows = Array.from({ length: 40 }, (_, n) =>
    WAITING.replace('f00dfeed00000001', n.toString(16).padStart(16, '0')),
  );
  const { queue, file, clock } = ancestral(t, rows);
  const other = openTest(t, { file, clock }).queue;
  const ran: string[] = [];
  const handlers = { email: (_: unknown, { job }: { job: { id: string } }) => void ran.push(job.id) };
  await Promise.all([queue.processJobs(handlers), other.processJobs(handlers), other.enqueue('report', {})]);
  assert.deepEqual(ran.sort(), rows.map(id).sort());
  assert.equal(statSync(file).size, Buffer.byteLength(text(file)));
});

test('a line with a row of other columns in it is kept while the file gains its columns', async (t) => {
  const nine = NINE.split('\t');
  const file = join(temporaryFolder(t), 'queue.tsv');
  const [together, other] = [`ab12${line({ id: jobId(8) }, nine)}`, `a piece of ${line({ id: jobId(7) })}`];
  writeFileSync(file, `${NINE}\n${line({ id: 'x1' }, nine)}${together}${other}`);
  const { queue } = openTest(t, { file });
  await queue.compact();
  for (const kept of [together, other]) assert.ok(text(file).includes(kept.trimEnd()), text(file));
});
