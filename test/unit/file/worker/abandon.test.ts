/*
 * A process that dies of an exception records it in its jobs.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Handlers, PermanentError, RetryAfterError, type WorkerEvent } from '../../../../lib/index.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { rowsOf } from '../../../support/queue-file.js';
import { fullDisk, openTest } from '../../../support/queues.js';
import { deferred, settle } from '../../../support/waiting.js';

const BOOM = new Error('boom');

/** Handlers whose jobs run until the test ends. */
function endless(t: TestContext) {
  const started: string[] = [];
  const over = deferred();
  // What is under way in this process counts in the next test as well.
  t.after(() => over.resolve());
  let isAborted = false;
  const handlers: Handlers = {
    job: (_, { job, signal }) => {
      started.push(job.id);
      signal.addEventListener('abort', () => {
        isAborted = true;
      });
      return over.promise;
    },
  };
  return { handlers, started, isAborted: () => isAborted };
}

const states = (file: string) =>
  rowsOf(file).map(({ status, attempts, forgiven, error }) => [
    status,
    Number(attempts),
    Number(forgiven),
    error?.split('\\n')[0],
  ]);

test('the one job that runs fails with the exception, others stay as they were, and processJobs rejects with it', async (t) => {
  const { queue, file } = openTest(t);
  const { handlers, started, isAborted } = endless(t);
  await queue.enqueueMany([{ type: 'job' }, { type: 'job' }]);
  const events: WorkerEvent[] = [];
  const working = queue.processJobs(handlers, { logger: (event) => events.push(event) });
  await settle();
  assert.equal(started.length, 1);
  await queue.abandon(BOOM);
  assert.deepEqual(states(file).sort(), [
    ['pending', 0, 0, ''],
    ['pending', 1, 0, 'Error: boom'],
  ]);
  await assert.rejects(working, (error) => error === BOOM);
  assert.deepEqual(
    events.map(({ event, error }) => [event, error?.split('\n')[0]]),
    [['retried', 'Error: boom']],
  );
  assert.equal(isAborted(), false, 'an abort could make handlers throw more');
  await rejects(queue.processJobs(handlers), 'CLOSED');
  await queue.abandon(BOOM);
});

for (const error of [new PermanentError('no such user'), new RetryAfterError('busy', '1d')])
  test(`a ${error.name} that nothing caught decides nothing, because it may be of a job that is over`, async (t) => {
    const { queue, file, clock } = openTest(t);
    await queue.enqueue('job');
    const working = queue.processJobs(endless(t).handlers, { backoff: ['1m'] });
    await settle();
    await queue.abandon(error);
    await assert.rejects(working);
    const [job] = rowsOf(file);
    assert.deepEqual(
      [job?.status, job?.attempts, job?.forgiven || '0', job?.meta || ''],
      ['pending', '1', '0', ''],
    );
    assert.ok(Number(job?.run_at) * 1000 - clock.now() < 70_000, 'it waits by the backoff');
    const [first, second] = job?.error?.split('\\n') ?? [];
    assert.match(String(first), new RegExp(`^${error.name}: `));
    assert.match(String(second), /^nothing caught this, and it ended the process/);
    assert.doesNotMatch(String(job?.error), /asked to wait/);
  });

test('a PermanentError that nothing caught after a time limit decides nothing, and the note stays', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueue('job', {}, { timeout: '1m' });
  const working = queue.processJobs(endless(t).handlers);
  await settle();
  clock.advance(60_000);
  await settle();
  await queue.abandon(new PermanentError('no such user'));
  await assert.rejects(working);
  assert.equal(rowsOf(file)[0]?.status, 'pending');
  assert.match(String(rowsOf(file)[0]?.error), /time limit: no such user.*nothing caught this/);
});

for (const error of [
  null,
  undefined,
  'text',
  5,
  Object.create(null),
  Object.assign(new Error('full'), { code: 'ENOSPC' }),
])
  test(`processJobs rejects with ${typeof error} as it is`, async (t) => {
    const { queue } = openTest(t);
    await queue.enqueue('job');
    const working = queue.processJobs(endless(t).handlers);
    await settle();
    await queue.abandon(error);
    await assert.rejects(working, (thrown) => thrown === error);
  });

test('several jobs that run are forgiven; a job that was claimed and not started is given back', async (t) => {
  const { queue, file, clock } = openTest(t);
  const handlers: Handlers = { ...endless(t).handlers, fast: () => clock.advance(1) };
  // Fast ones first, so that it claims ahead.
  await queue.enqueueMany(Array.from({ length: 200 }, () => ({ type: 'fast', options: { priority: 1 } })));
  await queue.enqueueMany(Array.from({ length: 50 }, () => ({ type: 'job' })));
  const working = queue.processJobs(handlers, { concurrency: 2, maxAttempts: 1 });
  await settle();
  const claimed = rowsOf(file).filter(({ status }) => status === 'processing').length;
  assert.ok(claimed > 2, 'none is claimed ahead, and the test shows nothing');
  await queue.abandon(BOOM);
  await assert.rejects(working);
  const jobs = rowsOf(file).filter(({ type }) => type === 'job');
  assert.ok(jobs.every(({ status, attempts, forgiven }) => status === 'pending' && attempts === forgiven));
  const blamed = jobs.filter(({ error }) => error !== '').map(({ error }) => error);
  assert.equal(blamed.length, 2);
  for (const error of blamed)
    assert.match(
      error as string,
      /^worker died during attempt 1, beside 1 other jobs \(forgiven\); it ended by Error: boom\\n/,
    );
});

test('a handler of another queue may be the cause as well', async (t) => {
  const [one, two] = [openTest(t), openTest(t)];
  for (const { queue } of [one, two]) await queue.enqueue('job');
  const working = [one, two].map(({ queue }) => queue.processJobs(endless(t).handlers));
  await settle();
  await Promise.all([
    one.queue.abandon(BOOM),
    two.queue.abandon(BOOM),
    ...working.map((call) => assert.rejects(call)),
  ]);
  for (const { file } of [one, two]) assert.match(rowsOf(file)[0]?.error as string, /^worker died/);
});

test('a handler that ignored its abort and was recorded before may be the cause as well', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueueMany([{ type: 'job', options: { timeout: '1m', priority: 1 } }, { type: 'job' }]);
  const working = queue.processJobs(endless(t).handlers, { logger: () => {} });
  await settle();
  clock.advance(60_000);
  clock.advance(10_000);
  await settle();
  await queue.abandon(BOOM);
  await assert.rejects(working);
  assert.match(rowsOf(file).find(({ timeout }) => timeout === '')?.error as string, /^worker died/);
});

test('a commit that is under way has its claims given back, and its results kept', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueueMany([{ type: 'done' }, { type: 'job' }, { type: 'job' }]);
  const disk = deferred();
  const syncing = deferred();
  const done = () => {
    // The next sync is that of its outcome, and of the next claim.
    fault.do = (call, real) => {
      if (call.name !== 'fdatasync') return real();
      syncing.resolve();
      return disk.promise.then(real);
    };
  };
  const working = queue.processJobs({ ...endless(t).handlers, done });
  await syncing.promise;
  const abandoned = queue.abandon(BOOM);
  disk.resolve();
  await assert.rejects(working, (error) => error === BOOM);
  await abandoned;
  assert.deepEqual(
    rowsOf(file)
      .map(({ status }) => status)
      .sort(),
    ['completed', 'pending', 'pending'],
  );
  for (const { attempts, forgiven } of rowsOf(file).filter(({ type }) => type === 'job'))
    assert.equal(attempts, forgiven);
});

test('a commit that fails after the exception is tried again', async (t) => {
  const { queue, file, disk, clock } = fullDisk(t);
  await queue.enqueue('job');
  const working = queue.processJobs(endless(t).handlers, { logger: () => {} });
  await settle();
  disk.isFull = true;
  const abandoned = queue.abandon(BOOM);
  await settle();
  disk.isFull = false;
  clock.advance(1000);
  await abandoned;
  await assert.rejects(working, (error) => error === BOOM);
  assert.deepEqual(states(file), [['pending', 1, 0, 'Error: boom']]);
});

test('a result that can not be written is waited for no longer than five seconds', async (t) => {
  const { queue, disk, clock } = fullDisk(t);
  await queue.enqueue('job');
  const working = queue.processJobs(endless(t).handlers, { logger: () => {} });
  working.catch(() => {});
  await settle();
  disk.isFull = true;
  let isOver = false;
  const abandoned = queue.abandon(BOOM).then(() => {
    isOver = true;
  });
  await settle();
  assert.equal(isOver, false);
  clock.advance(5000);
  await abandoned;
  disk.isFull = false;
  for (let i = 0; i < 8; i++) {
    clock.advance(5000);
    await settle();
  }
  await assert.rejects(working, (error) => error === BOOM);
});

test('processJobs rejects with the exception although the disk fails', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.enqueue('job');
  const working = queue.processJobs(endless(t).handlers, { logger: () => {} });
  working.catch(() => {});
  await settle();
  fault.do = (call, real) => {
    if (call.name === 'fdatasync' || call.name === 'fsync') throw systemError('EIO');
    return real();
  };
  await queue.abandon(BOOM);
  await assert.rejects(working, (error) => error === BOOM);
  fault.do = undefined as never;
});

test('a worker that has not begun begins nothing', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('job');
  const { handlers, started } = endless(t);
  const working = queue.processJobs(handlers);
  const abandoned = queue.abandon(BOOM);
  await assert.rejects(working, (error) => error === BOOM);
  await abandoned;
  assert.deepEqual([started, states(file)], [[], [['pending', 0, 0, '']]]);
});

test('a job that a shutdown has aborted is given back', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueue('job');
  const shutdown = new AbortController();
  const working = queue.processJobs(endless(t).handlers, { signal: shutdown.signal });
  await settle();
  shutdown.abort();
  clock.advance(10_000);
  await queue.abandon(BOOM);
  await assert.rejects(working, (error) => error === BOOM);
  assert.deepEqual(states(file), [['pending', 1, 1, '']]);
});

test('a worker that declares schedules and is just beginning ends by the exception of the process', async (t) => {
  const { queue } = openTest(t);
  const schedules = { hourly: { type: 'job', every: '1h' } } as const;
  const working = queue.processJobs({ job: () => {} }, { linger: '1h', schedules });
  const abandoned = queue.abandon(BOOM);
  await assert.rejects(working, (error) => error === BOOM);
  await abandoned;
});

test('abandon does nothing without a call of processJobs, and after close', async (t) => {
  const { queue } = openTest(t);
  await queue.abandon(BOOM);
  await queue.close();
  await queue.abandon(BOOM);
});
