import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../../lib/job/clock.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { runScript } from '../../../support/processes.js';
import { HEADER, linesOf, text } from '../../../support/queue-file.js';
import { fullDisk, openTest } from '../../../support/queues.js';
import { deferred, settle, until } from '../../../support/waiting.js';

test('a lingering worker picks up what is enqueued while it waits, here or elsewhere, and then goes', async (t) => {
  const { queue, clock, file } = openTest(t);
  const other = openTest(t, { file, clock }).queue;
  const ran: unknown[] = [];
  const working = queue.processJobs({ email: (n) => void ran.push(n) }, { linger: '55s' });
  let over = false;
  working.then(() => {
    over = true;
  });
  await queue.enqueue('email', 1);
  await clock.advanceUntil('the first ran', () => ran.length === 1);
  await other.enqueue('email', 2);
  await clock.advanceUntil('the second ran', () => ran.length === 2);
  assert.equal(over, false);
  await clock.advanceUntil('it has gone', () => over, 5000);
  assert.deepEqual([(await working).completed, ran], [2, [1, 2]]);
});

test('it is told by the file system: a job starts at once, not at the next look', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueue('email', 0);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await until('it waits', () => ran.length === 1);
  await settle();
  const from = clock.now();
  await openTest(t, { file, clock }).queue.enqueue('email', 1);
  await until('it ran', () => {
    // It may still be resting after its last look.
    clock.advance(0.01);
    return ran.length === 2;
  });
  assert.ok(clock.now() - from < 400, 'before the next look');
  stop.abort();
  await working;
});

test('it is told by the file system of a folder that was made after it had begun, too', async (t) => {
  const { queue, clock, file } = openTest(t, { file: join(temporaryFolder(t), 'data', 'queue.tsv') });
  const other = openTest(t, { file, clock }).queue;
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await clock.pass(2_000);
  await other.enqueue('email', 0);
  await clock.advanceUntil('it has looked', () => ran.length === 1);
  for (let n = 1; n <= 3; n++) {
    await settle();
    const from = clock.now();
    await other.enqueue('email', n);
    await until('it ran', () => {
      clock.advance(0.01);
      return ran.length === n + 1;
    });
    assert.ok(clock.now() - from < 400, 'before the next look');
  }
  stop.abort();
  await working;
});

test('a job that was cancelled while it waited for its time is missed by no handler', async (t) => {
  const { queue, clock } = openTest(t);
  const warnings: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: () => {} },
    { linger: '1h', signal: stop.signal, logger: ({ message }) => warnings.push(message) },
  );
  const id = await queue.enqueue('report', 0, { delay: '10s' });
  await clock.pass(2_000);
  await queue.cancelJob(id);
  await clock.pass(10_000);
  stop.abort();
  assert.deepEqual([warnings, (await working).unhandled], [[], {}]);
});

test('where the system has no watches left, it looks twice a second', async (t) => {
  const { fs, fault } = faultyFs((call, real) => {
    if (call.name === 'watch') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    return real();
  });
  const { queue, clock, file } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await until('it waits', () => ran.length === 1);
  await settle();
  await openTest(t, { file, clock }).queue.enqueue('email', 1);
  clock.advance(1000);
  await until('it ran', () => ran.length === 2);
  stop.abort();
  await working;
  assert.ok(fault);
});

test('a job that becomes due while it waits starts on time', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', 'later', { delay: '30s' });
  const ran: number[] = [];
  const start = clock.now();
  const working = queue.processJobs({ email: () => void ran.push(clock.now() - start) }, { linger: '55s' });
  await clock.advanceUntil('it ran', () => ran.length === 1, 100);
  assert.ok((ran[0] as number) >= 30_000 && (ran[0] as number) < 31_000, String(ran[0]));
  let over = false;
  working.then(() => {
    over = true;
  });
  await clock.advanceUntil('it has gone', () => over, 5000);
});

test('a failed job is tried again by the same worker, when its wait is over', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const times: number[] = [];
  const working = queue.processJobs(
    {
      email: (_, { job }) => {
        times.push(clock.now() / 1000);
        if (job.attempts < 3) throw new Error('no');
      },
    },
    { linger: '55s', backoff: ['5s', '20s'] },
  );
  let over = false;
  working.then(() => {
    over = true;
  });
  await until('the first has failed', () => times.length === 1);
  await clock.advanceUntil('it has gone', () => over, 200);
  assert.equal((await queue.getJob(id))?.status, 'completed');
  const [first = 0, second = 0, third = 0] = times;
  assert.ok(second - first >= 5 && second - first < 6, times.join());
  assert.ok(third - second >= 20 && third - second < 21, times.join());
});

test('a delayed job that is cancelled and retried is due at once, also for a worker that has long known it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const delays = Array.from({ length: 20 }, (_, n) => 10 + ((n * 7) % 20));
  const [, ...ids] = await queue.enqueueMany([
    { type: 'email', payload: 0 },
    ...delays.map((minutes) => ({ type: 'email', payload: minutes, options: { delay: `${minutes}m` } })),
  ]);
  const ran: number[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '2h', signal: stop.signal },
  );
  await until('it knows the jobs', () => ran.length === 1);
  const other = openTest(t, { file, clock }).queue;
  const retried = delays.filter((_, n) => n % 3 === 0);
  for (const minutes of retried) {
    const id = ids[delays.indexOf(minutes)] as string;
    await other.cancelJob(id);
    await other.retryJob(id);
  }
  await clock.pass(5000);
  stop.abort();
  await working;
  assert.deepEqual(
    ran.sort((a, b) => a - b),
    [0, ...retried].sort((a, b) => a - b),
  );
});

test('a job that another worker has put off does not hide the jobs behind it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const [, first = ''] = await queue.enqueueMany([
    { type: 'email', payload: 0 },
    { type: 'email', payload: 1, options: { delay: '10s' } },
    { type: 'email', payload: 2, options: { delay: '20s' } },
    { type: 'email', payload: 3, options: { delay: '30s' } },
  ]);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '2h', signal: stop.signal },
  );
  await until('it knows the jobs', () => ran.length === 1);
  // As if another had run it, and it had failed, and waits for its next attempt.
  const [row = ''] = linesOf(file).filter((one) => one.startsWith(first));
  const fields = row.split('\t');
  fields[5] = String(clock.now() / 1000 + 3600);
  fields[fields.length - 1] = '3';
  appendFileSync(file, `${fields.join('\t')}\n`);
  await clock.pass(35_000);
  stop.abort();
  await working;
  assert.deepEqual(ran, [0, 2, 3]);
});

test('an endless worker stops when it is told to, and takes no lock while there is nothing to do', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, clock } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  const stop = new AbortController();
  let done = 0;
  const options = { linger: Number.POSITIVE_INFINITY, signal: stop.signal };
  const working = queue.processJobs({ email: () => void done++ }, options);
  await clock.advanceUntil('the job is done', () => done === 1);
  await clock.pass(1000);
  calls.length = 0;
  await clock.pass(60_000, 500);
  stop.abort();
  assert.equal((await working).completed, 1);
  const locks = calls.filter(({ name, path }) => name === 'unlink' && path.includes('.lock/owner.')).length;
  assert.ok(locks <= 1, `${locks} times in a minute`);
});

test('it leaves the time of its looks while it lingers', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', 0);
  const stop = new AbortController();
  const working = queue.processJobs({ email: () => {} }, { linger: '1h', signal: stop.signal });
  const from = clock.now();
  await clock.pass(120_000, 500);
  assert.ok(Number((await queue.stats()).lastTick) > from + 60_000);
  stop.abort();
  await working;
});

test('a queue that is made while a worker waits for it is seen', async (t) => {
  const { queue, clock, file } = openTest(t);
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: '1h', signal: stop.signal },
  );
  await new Promise(setImmediate);
  await openTest(t, { file, clock }).queue.enqueue('email', 1);
  await clock.advanceUntil('it ran', () => ran.length === 1);
  stop.abort();
  await working;
});

test('a worker inside a web process starts a job within milliseconds of its enqueue', async (t) => {
  // On the real clock: what counts is that nothing waits for a timer.
  const { queue } = openTest(t, { clock: systemClock });
  const stop = new AbortController();
  let started = 0;
  const working = queue.processJobs(
    { email: () => void started++ },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
  );
  await queue.enqueue('email', 0);
  await until('the first ran', () => started === 1);
  const waits: number[] = [];
  for (let n = 2; n <= 6; n++) {
    const before = performance.now();
    await queue.enqueue('email', n);
    await until('it ran', () => started === n);
    waits.push(performance.now() - before);
  }
  stop.abort();
  await working;
  // The look twice a second would be 250 ms on average; a loaded machine may delay one or the other.
  assert.ok(Math.min(...waits) < 200, waits.join());
});

test('beside a job that runs, one that may have killed its worker waits without stopping the process', async (t) => {
  // In a process of its own: a worker that spins would stop the tests as well.
  const printed = await runScript(
    t,
    `import { mkdtempSync, rmSync } from 'node:fs';
    import { openQueue } from 'lib/index.js';
    import { writeQueue, line, jobId } from 'lib/../test/support/queue-file.js';
    const folder = mkdtempSync('/tmp/tsvq-spin-');
    writeQueue(folder + '/queue.tsv',
      line({ id: jobId(1), type: 'slow', priority: 5 }),
      line({ id: jobId(2), type: 'poison', attempts: 1, version: 3, meta: '{"@lone":true}' }),
      line({ id: jobId(3), type: 'quick' }));
    const queue = openQueue(folder + '/queue.tsv');
    const ran = [];
    const summary = await queue.processJobs({
      slow: () => new Promise((resolve) => setTimeout(resolve, 300)),
      poison: () => void ran.push('poison'),
      quick: () => void ran.push('quick'),
    }, { concurrency: 3, logger: () => {} });
    console.log(summary.completed, ran.sort().join());
    rmSync(folder, { recursive: true });`,
    { timeout: 15_000 },
  );
  assert.equal(printed, '3 poison,quick\n');
});

test('a clock that is set back makes no worker linger longer', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', {});
  let over = false;
  const working = queue.processJobs({ email: () => {} }, { linger: '55s' }).then(() => {
    over = true;
  });
  await clock.pass(10_000);
  clock.set(-3_600_000);
  await clock.pass(50_000);
  assert.ok(over);
  await working;
});

test('asking again and again, without a pause, keeps nobody in the same process from working', async (t) => {
  const { queue } = openTest(t, { clock: systemClock });
  const stop = new AbortController();
  const options = { linger: Number.POSITIVE_INFINITY, signal: stop.signal };
  const working = queue.processJobs(
    { email: () => new Promise((resolve) => setImmediate(resolve)) },
    options,
  );
  const id = await queue.enqueue('email', 0);
  while ((await queue.getJob(id))?.status !== 'completed') {}
  let turn = false;
  setImmediate(() => {
    turn = true;
  });
  while (!turn) await queue.processJobs({});
  stop.abort();
  await working;
});

test('a clock that is set back puts jobs off, and no job is forgotten over it', async (t) => {
  const { queue, clock } = openTest(t);
  const stop = new AbortController();
  const ran = new Set<unknown>();
  const working = queue.processJobs(
    { email: (n) => void ran.add(n) },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
  );
  await queue.enqueue('email', 'before');
  await clock.advanceUntil('it ran', () => ran.size === 1);
  clock.set(-60_000);
  await queue.enqueue('email', 'delayed', { delay: '2s' });
  await queue.enqueue('email', 'due');
  await clock.advanceUntil('the one that is due ran', () => ran.has('due'));
  assert.ok(!ran.has('delayed'));
  await clock.advanceUntil('the delayed one ran', () => ran.has('delayed'));
  // One small step after each.
  for (let n = 0; n < 30; n++) {
    await queue.enqueue('email', n);
    clock.set(-3);
    await settle();
  }
  await clock.advanceUntil('all ran', () => ran.size === 33);
  stop.abort();
  await working;
});

test('a worker that stays goes on after trouble that lasts, and takes a job with it that has ended', async (t) => {
  const { disk, queue, clock } = fullDisk(t);
  const stop = new AbortController();
  const events: string[] = [];
  const ran: unknown[] = [];
  const working = queue.processJobs(
    {
      email: (n) => {
        disk.isFull = true;
        ran.push(n);
      },
    },
    {
      linger: Number.POSITIVE_INFINITY,
      signal: stop.signal,
      logger: ({ event, message }) => events.push(message ?? event),
    },
  );
  const id = await queue.enqueue('email', 1);
  await clock.advanceUntil('there was trouble for minutes', () => events.length >= 12, 5_000);
  assert.match(events.at(-1) ?? '', /^a commit failed, and is tried again: no room/);
  disk.isFull = false;
  await clock.advanceUntil(
    'it is recorded',
    async () => (await queue.getJob(id))?.status === 'completed',
    5_000,
  );
  stop.abort();
  assert.deepEqual([(await working).completed, ran], [1, [1]]);
});

test('after long trouble, a worker that is told to stop has its tries, and its handlers their grace time', async (t) => {
  const { disk, queue, clock } = fullDisk(t);
  const ids = [await queue.enqueue('quick'), await queue.enqueue('slow')];
  const stop = new AbortController();
  const gate = deferred();
  let isAborted = false;
  const warnings: unknown[] = [];
  const working = queue.processJobs(
    {
      quick: () => {
        disk.isFull = true;
      },
      slow: (_, { signal }) => {
        signal.addEventListener('abort', () => {
          isAborted = true;
        });
        return gate.promise;
      },
    },
    {
      concurrency: 2,
      linger: Number.POSITIVE_INFINITY,
      grace: '1h',
      signal: stop.signal,
      logger: (event) => warnings.push(event),
    },
  );
  await clock.advanceUntil('there was trouble for minutes', () => warnings.length >= 12, 5_000);
  stop.abort();
  await clock.pass(8_000);
  assert.equal(isAborted, false);
  disk.isFull = false;
  gate.resolve();
  let completed = 0;
  working.then((summary) => {
    completed = summary.completed;
  });
  await clock.advanceUntil('it has gone', () => completed > 0, 1_000);
  assert.equal(completed, 2);
  for (const id of ids) assert.equal((await queue.getJob(id))?.status, 'completed');
});

test('a worker in trouble with nothing to lose goes when its time is over', async (t) => {
  const { disk, queue, clock } = fullDisk(t);
  await queue.enqueue('quick');
  disk.isFull = true;
  const start = clock.now();
  let end = 0;
  const working = queue
    .processJobs({ quick: () => {} }, { linger: '440s', logger: () => {} })
    .catch(() => {})
    .finally(() => {
      end = clock.now();
    });
  await clock.advanceUntil('it has gone', () => end > 0, 1_000);
  await working;
  assert.ok(end - start >= 440_000 && end - start < 445_000, `after ${end - start} ms`);
});

test('a due job that has no handler is counted once, however often others have tried it', async (t) => {
  const { queue, clock, file } = openTest(t);
  const stop = new AbortController();
  const ran: unknown[] = [];
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    { linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: () => {} },
  );
  const other = openTest(t, { file, clock }).queue;
  await other.enqueueMany([{ type: 'report' }, { type: 'report' }]);
  let tries = 0;
  const fails = (): never => {
    tries++;
    throw new Error('again');
  };
  // It stays, too, and so compacts nothing meanwhile.
  const failing = other.processJobs(
    { report: fails },
    {
      linger: Number.POSITIVE_INFINITY,
      signal: stop.signal,
      maxAttempts: 9,
      backoff: [1000],
      logger: () => {},
    },
  );
  for (let n = 1; n <= 4; n++) {
    await clock.advanceUntil('both were tried', () => tries >= 2 * n, 100);
    await queue.enqueue('email', n);
    await clock.advanceUntil('it was looked at', () => ran.length === n, 10);
  }
  stop.abort();
  await failing;
  assert.deepEqual((await working).unhandled, { report: 2 });
});

test('a disk that can not read a job when it is due is told of, and asked again', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, clock } = openTest(t, { fs });
  const ids = [
    await queue.enqueue('email', 0, { delay: '10s' }),
    await queue.enqueue('email', 1, { delay: '10s' }),
  ];
  const warnings: unknown[] = [];
  const ran: unknown[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    { email: (n) => void ran.push(n) },
    {
      linger: '1h',
      signal: stop.signal,
      logger: ({ event, message }) => event === 'warning' && warnings.push(message),
    },
  );
  await clock.pass(9000);
  const firstRow = HEADER.length + 1;
  let failures = 0;
  fault.do = (call, real) => {
    // The rows of both, and nothing else, begin there.
    if (call.name !== 'readSync' || call.args[3] !== firstRow || failures > 0) return real();
    failures++;
    throw systemError('EIO');
  };
  await clock.advanceUntil('both ran', () => ran.length === 2);
  assert.deepEqual(ran, [0, 1]);
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]), /EIO/);
  stop.abort();
  await working;
  assert.deepEqual(await Promise.all(ids.map(async (id) => (await queue.getJob(id))?.status)), [
    'completed',
    'completed',
  ]);
});

test('where a job that is due can not be read, those that run come to their end, and are recorded', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, clock, file } = openTest(t, { fs });
  const a = await queue.enqueue('email', 'a');
  const b = await queue.enqueue('email', 'b', { delay: '1s' });
  const warnings: unknown[] = [];
  const { promise, resolve } = deferred();
  let over = false;
  const working = queue
    .processJobs(
      { email: () => promise },
      {
        concurrency: 2,
        linger: '20s',
        logger: ({ event, message }) => event === 'warning' && warnings.push(message),
      },
    )
    .finally(() => {
      over = true;
    });
  await clock.advanceUntil('it runs', async () => (await queue.getJob(a))?.status === 'processing');
  const at = text(file).indexOf(b);
  fault.do = (call, real) => {
    if (call.name === 'readSync' && call.args[3] === at) throw systemError('EIO');
    return real();
  };
  await clock.pass(10_000);
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]), /^could not read what is due: .*EIO/);
  resolve();
  await clock.advanceUntil('it has gone', () => over);
  assert.equal((await working).completed, 1);
  fault.do = undefined;
  assert.deepEqual(
    [(await queue.getJob(a))?.status, (await queue.getJob(b))?.status],
    ['completed', 'pending'],
  );
});
