import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { HEADER, statesOf, text } from '../../../support/queue-file.js';
import { fullDisk, openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/*
 * What a worker does while the disk fails.
 */

test('a lingering worker goes on after long trouble, and records a job that has ended', async (t) => {
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

test('a worker that is told to stop after long trouble has its tries, and its handlers their grace time', async (t) => {
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

test('a worker in trouble that has nothing to record ends when its time is over', async (t) => {
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

test('a due job that can not be read is reported, and read again', async (t) => {
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

test('running jobs end and are recorded although a due job can not be read', async (t) => {
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
  assert.match(String(warnings[0]), /^could not read the due jobs: .*EIO/);
  resolve();
  await clock.advanceUntil('it has gone', () => over);
  assert.equal((await working).completed, 1);
  fault.do = undefined;
  assert.deepEqual(
    [(await queue.getJob(a))?.status, (await queue.getJob(b))?.status],
    ['completed', 'pending'],
  );
});

test('a result that finds no room is written again, and its handler does not run again', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, clock, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  let runs = 0;
  let refused = 0;
  const working = queue.processJobs(
    {
      email: () => {
        runs++;
        fault.do = (call, real) => {
          if (isAppend(call, file) && refused++ < 2) throw systemError('ENOSPC');
          return real();
        };
        return 'sent';
      },
    },
    { logger: () => {} },
  );
  let over = false;
  working.finally(() => {
    over = true;
  });
  await clock.advanceUntil('the worker is done', () => over);
  assert.equal((await working).completed, 1);
  assert.deepEqual([runs, refused > 2, (await queue.getJob(id))?.result], [1, true, 'sent']);
});

test('a disk that stays full ends the worker with the reason; the job is taken back later', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, clock, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  const working = queue.processJobs(
    {
      email: () => {
        fault.do = (call, real) => {
          if (isAppend(call, file)) throw systemError('ENOSPC');
          return real();
        };
      },
    },
    { logger: () => {} },
  );
  let over = false;
  const checked = rejects(working, 'DISK_FULL').finally(() => {
    over = true;
  });
  await clock.advanceUntil('the worker gave up', () => over);
  await checked;
  fault.do = undefined;
  assert.equal((await queue.getJob(id))?.status, 'processing');
});

test('a failed sync of a claim starts no handler', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.enqueue('email', {});
  let runs = 0;
  fault.do = (call, real) =>
    call.name === 'fdatasync' || call.name === 'fsync' ? Promise.reject(systemError('EIO')) : real();
  await rejects(queue.processJobs({ email: () => void runs++ }, { logger: () => {} }), 'SYNC_FAILED');
  assert.equal(runs, 0);
});

test('a claim is durable before its handler starts', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('email', {});
  calls.length = 0;
  await queue.processJobs({
    email: (_, { job }) => {
      const names = calls.map((call) => (isAppend(call, file) ? 'append' : call.name));
      assert.ok(names.indexOf('append') < names.indexOf('fdatasync'));
      assert.ok(text(file).includes(`${id}\temail\t{}\tprocessing\t`));
      assert.deepEqual(statesOf(file), [`${id} processing`]);
      assert.equal(job.status, 'processing');
    },
  });
  assert.deepEqual(statesOf(file), [`${id} completed`]);
});
