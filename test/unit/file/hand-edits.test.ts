import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultyFs } from '../../support/faulty-fs.js';
import { temporaryFolder } from '../../support/folders.js';
import { fileOf, HEADER, jobId, line, linesOf, rowsOf, saveAs, text } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';
import { until } from '../../support/waiting.js';

test('a file saved with CRLF keeps working, and grows with LF', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(
    file,
    `${HEADER}\n${line({ id: jobId(1) })}${line({ id: jobId(2), status: 'failed', version: 3, error: 'bad' })}`.replaceAll(
      '\n',
      '\r\n',
    ),
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.processJobs({ email: () => 'sent' })).completed, 1);
  assert.equal((await queue.getJob(jobId(1)))?.result, 'sent');
  assert.equal(await queue.retryJob(jobId(2)), true);
  assert.equal((await queue.getJob(jobId(2)))?.error, 'bad');
  const id = await queue.enqueue('email', {});
  assert.deepEqual(
    (await queue.listJobs({ status: 'pending' })).map((job) => job.id).sort(),
    [jobId(2), id].sort(),
  );
});

test('spaces at the ends of lines are not part of a field', async (t) => {
  const file = fileOf(
    t,
    line({ id: jobId(1) }).replace('\n', '   \n'),
    line({ id: jobId(2), version: 2 }).replace('\n', ' \n'),
  );
  const { queue } = openTest(t, { file });
  assert.equal(await queue.cancelJob(jobId(2)), true);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
  assert.deepEqual(
    rowsOf(file).map(({ id, status, version }) => [id, status, version]),
    [
      [jobId(2), 'cancelled', '3'],
      [jobId(1), 'completed', '3'],
    ],
  );
});

test('a file saved without its last LF loses nothing: the next tick runs the job of that line', async (t) => {
  const file = fileOf(
    t,
    line({ id: jobId(1), status: 'failed', version: 3 }),
    line({ id: jobId(2) }).slice(0, -1),
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.processJobs({ email: () => 'sent' })).completed, 1);
  assert.equal((await queue.getJob(jobId(2)))?.result, 'sent');
});

test('a copied row makes no second job: the earlier row counts, and a compaction keeps the other as a comment', async (t) => {
  const file = fileOf(t, line({ id: jobId(1), payload: '1' }), line({ id: jobId(1), payload: '2' }));
  const { queue } = openTest(t, { file });
  const payloads: unknown[] = [];
  await queue.processJobs({ email: (payload) => void payloads.push(payload) });
  assert.deepEqual(payloads, [1]);
  assert.equal((await queue.listJobs()).length, 1);
  for (let round = 0; round < 3; round++) {
    await queue.compact();
    assert.equal(
      linesOf(file).filter((row) => row.startsWith('#duplicate') && row.includes('\t2\t')).length,
      1,
      `after ${round + 1} compactions`,
    );
  }
});

test('a job that a person wrote into the file runs', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('email', 1);
  appendFileSync(file, line({ id: 'by-hand', payload: '"mine"' }));
  const payloads: unknown[] = [];
  await queue.processJobs({ email: (payload) => void payloads.push(payload) });
  assert.deepEqual(payloads, ['mine', 1]);
  assert.equal((await queue.getJob('by-hand'))?.status, 'completed');
});

test('a status that a person changed with sed counts, also for a process that has the file open', async (t) => {
  const { queue, file } = openTest(t);
  const [first = '', second = ''] = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  await queue.listJobs();
  execFileSync('sed', ['-i', '-e', `s/^\\(${first}.*\\)\\tpending\\t/\\1\\tcancelled\\t/`, file]);
  assert.equal((await queue.getJob(first))?.status, 'cancelled');
  assert.equal(await queue.cancelJob(first), false);
  const summary = await queue.processJobs({ email: () => {} });
  assert.equal(summary.completed, 1);
  assert.equal((await queue.getJob(second))?.status, 'completed');
});

test('a deleted line is a deleted job', async (t) => {
  const { queue, file } = openTest(t);
  const [first = '', second = ''] = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  await queue.listJobs();
  saveAs(file, text(file).replace(new RegExp(`^${first}.*\n`, 'm'), ''));
  assert.equal(await queue.getJob(first), undefined);
  assert.equal(await queue.cancelJob(first), false);
  assert.equal(await queue.cancelJob(second), true);
});

test('lines in another order are the same jobs', async (t) => {
  const { queue, file } = openTest(t);
  const ids = await queue.enqueueMany(Array.from({ length: 10 }, (_, n) => ({ type: 'email', payload: n })));
  await queue.cancelJob(ids[3] as string);
  const [header = '', ...lines] = text(file).split('\n').slice(0, -1);
  saveAs(file, `${[header, ...lines.sort().reverse()].join('\n')}\n`);
  const jobs = await queue.listJobs();
  assert.deepEqual(new Set(jobs.map(({ id }) => id)), new Set(ids));
  assert.equal(jobs.find(({ id }) => id === ids[3])?.status, 'cancelled');
});

test('a held job runs when the line that could not be read is repaired', async (t) => {
  const file = fileOf(
    t,
    line({ id: jobId(1) }),
    `${line({ id: jobId(1), version: 2, status: 'pending', priority: 5 }).slice(0, -1)}\toops\n`,
  );
  const { queue } = openTest(t, { file });
  const summary = await queue.processJobs({ email: () => {} });
  assert.deepEqual([summary.claimed, (await queue.getJob(jobId(1)))?.status], [0, 'pending']);
  saveAs(file, text(file).replace('\toops', ''));
  const priorities: number[] = [];
  await queue.processJobs({ email: (_, { job }) => void priorities.push(job.priority) });
  assert.deepEqual(priorities, [5]);
});

test('a line that becomes unreadable during a claim holds the job', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  // After the worker has picked the job, before it has the lock.
  let added = false;
  fault.do = (call, real) => {
    if (!added && call.name === 'open' && call.path.includes('/owner.')) {
      added = true;
      appendFileSync(file, `${id}\tsomebody's half edit\n`);
    }
    return real();
  };
  let ran = 0;
  await queue.processJobs({ email: () => void ran++ });
  assert.deepEqual([added, ran], [true, 0]);
});

test('a held job is not taken from a dead worker, because its damaged row may say how it ended', async (t) => {
  const file = fileOf(
    t,
    line({
      id: jobId(1),
      status: 'processing',
      version: 2,
      attempts: 3,
      started_at: 1000,
      locked_by: 'a.b.c.1.1.x',
    }),
    `${jobId(1)}\tdamaged\n`,
    line({ id: jobId(2) }),
  );
  const { queue } = openTest(t, { file });
  const summary = await queue.processJobs({ email: () => {} });
  assert.deepEqual([summary.rescued, summary.completed], [0, 1]);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'processing');
});

test('a payload that is no longer JSON fails its job for good, and no other', async (t) => {
  const file = fileOf(
    t,
    line({ id: jobId(1), payload: '{"to": ' }),
    line({ id: jobId(2), payload: '{"to":1}' }),
  );
  const { queue } = openTest(t, { file });
  const summary = await queue.processJobs({ email: () => {} });
  assert.deepEqual([summary.failed, summary.completed, summary.retried], [1, 1, 0]);
  assert.match((await queue.getJob(jobId(1)))?.error ?? '', /payload/);
  assert.equal((await queue.getJob(jobId(1)))?.payload, '{"to": ');
});

test('a payload with a number that JavaScript would change fails its job for good, and no handler gets another number', async (t) => {
  const payload = '{"user_id":175928847299117063}';
  const file = fileOf(t, line({ id: jobId(1), payload }), line({ id: jobId(2), payload: '{"user_id":17}' }));
  const { queue } = openTest(t, { file });
  const given: unknown[] = [];
  const summary = await queue.processJobs({ email: (got) => void given.push(got) });
  assert.deepEqual([summary.failed, summary.completed, summary.retried], [1, 1, 0]);
  assert.deepEqual(given, [{ user_id: 17 }]);
  const job = await queue.getJob(jobId(1));
  assert.match(
    job?.error ?? '',
    /^PermanentError: in the file, payload\.user_id is 175928847299117063, .* write it as a string/,
  );
  assert.equal(job?.payload, payload);
});

test('malformed numbers do not stop the queue', async (t) => {
  const file = fileOf(
    t,
    line({
      id: jobId(1),
      run_at: 'soon',
      attempts: 'many',
      priority: 'high',
      max_attempts: 'x',
      timeout: 'y',
      forgiven: 'z',
      created_at: '',
    }),
    line({ id: jobId(2), run_at: '', attempts: '', priority: '' }),
    line({ id: jobId(3), run_at: '1e3', attempts: '01', priority: '+5' }),
  );
  const { queue } = openTest(t, { file });
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 3);
});

test('comments do not make a lingering worker compact again and again', async (t) => {
  const { fs, calls } = faultyFs();
  const file = fileOf(
    t,
    ...Array.from({ length: 4000 }, (_, n) => `# note ${n} ${'x'.repeat(90)}\n`),
    line({ id: jobId(1) }),
  );
  const { queue, clock } = openTest(t, { file, fs });
  const stop = new AbortController();
  const working = queue.processJobs({ email: () => {} }, { linger: '1h', signal: stop.signal });
  await until('the job is done', async () => (await queue.getJob(jobId(1)))?.status === 'completed');
  const from = clock.now();
  await clock.advanceUntil('half a minute has passed', () => clock.now() > from + 30_000, 1000);
  stop.abort();
  await working;
  const compactions = calls.filter(({ name }) => name === 'rename').length;
  assert.ok(compactions <= 2, `${compactions} compactions`);
});
