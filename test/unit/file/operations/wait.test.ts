import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  type ErrorCode,
  JobCancelledError,
  JobFailedError,
  PermanentError,
  TsvqError,
  WaitTimeoutError,
} from 'tsvq';
import { type FileSystem, systemFs } from '../../../../lib/file/disk/fs.js';
import { systemClock } from '../../../../lib/job/clock.js';
import { rejects } from '../../../support/errors.js';
import { systemError } from '../../../support/faulty-fs.js';
import { jobId, line, saveAs, writeQueue } from '../../../support/queue-file.js';
import { openTest, type TestOptions, type TestQueue } from '../../../support/queues.js';
import { settle } from '../../../support/waiting.js';

const quiet = { logger: () => {} };

/** A queue on the system's clock, whose changes are told by the system. */
const live = (t: TestContext, options: TestOptions = {}): TestQueue =>
  openTest(t, { clock: systemClock, ...options });

/** A file system that counts the watches that begin and end. */
function countingWatches(watch: FileSystem['watch'] = systemFs.watch) {
  const watches = { begun: 0, ended: 0 };
  const fs: FileSystem = {
    ...systemFs,
    watch: (folder, changed) => {
      watches.begun++;
      const end = watch(folder, changed);
      return () => {
        watches.ended++;
        end();
      };
    },
  };
  return { watches, fs };
}

/** Notes the outcome of a wait. */
function outcome(waiting: Promise<unknown>): { is: () => unknown; promise: Promise<unknown> } {
  let found: unknown = 'none';
  const promise = waiting.then(
    (result) => {
      found = result;
      return result;
    },
    (error: TsvqError) => {
      found = error.code;
      return error.code;
    },
  );
  return { is: () => found, promise };
}

test('a job that has completed gives its result at once, without a watch', async (t) => {
  const { watches, fs } = countingWatches();
  const { queue } = openTest(t, { fs });
  const id = await queue.enqueue('sum', [1, 2]);
  await queue.processJobs({ sum: (numbers) => (numbers as number[]).reduce((a, b) => a + b) });
  assert.equal(await queue.waitForJob(id), 3);
  assert.equal(await queue.waitForJob(id, { timeout: 0 }), 3);
  await queue.compact();
  assert.equal(await queue.waitForJob(id), 3, 'in the sealed part');
  assert.equal(watches.begun, 0);
});

test('a wait ends with the job, in the process that runs it and in others', async (t) => {
  const { queue, file } = live(t);
  const other = live(t, { file });
  const id = await queue.enqueue('sum');
  const waiting = [queue, other.queue].map((each) => each.waitForJob(id));
  await queue.processJobs({ sum: () => ({ total: 7 }) });
  assert.deepEqual(await Promise.all(waiting), [{ total: 7 }, { total: 7 }]);
});

test('a job without a result gives undefined', async (t) => {
  const { queue } = live(t);
  const id = await queue.enqueue('email');
  const waiting = queue.waitForJob(id);
  await queue.processJobs({ email: () => {} });
  assert.equal(await waiting, undefined);
});

test('an end between the first look and the watch is seen', async (t) => {
  let onWatch = (): void => {};
  const { fs } = countingWatches(() => {
    onWatch();
    return () => {};
  });
  // No time passes, so nothing but the look after the watch can see the end.
  const { queue, file } = openTest(t, { fs });
  writeQueue(file, line({ id: jobId(1), status: 'processing', version: 2 }));
  const end = line({ id: jobId(1), status: 'completed', result: '5', finished_at: 1001, version: 3 });
  onWatch = () => writeFileSync(file, readFileSync(file, 'utf8') + end);
  assert.equal(await queue.waitForJob(jobId(1)), 5);
});

test('a job that is archived while it is waited for gives its result', async (t) => {
  const { queue, file } = live(t, { retention: 0 });
  const id = await queue.enqueue('sum');
  const waiting = live(t, { file }).queue.waitForJob(id);
  await queue.processJobs({ sum: () => 7 });
  await queue.compact();
  assert.equal(await waiting, 7);
  assert.equal(await queue.getJob(id), undefined);
  assert.equal(await queue.waitForJob(id), 7, 'in the archive before the call');
});

test('a wait goes on in the file that takes the name', async (t) => {
  const { queue, file } = live(t);
  const id = await queue.enqueue('sum');
  const waiting = queue.waitForJob(id);
  await queue.compact();
  saveAs(
    file,
    readFileSync(file, 'utf8') +
      line({ id, type: 'sum', status: 'completed', result: '"by hand"', finished_at: 1001, version: 9 }),
  );
  assert.equal(await waiting, 'by hand');
});

test('a thousand waits share one watch, and the last one ends it', async (t) => {
  const { watches, fs } = countingWatches();
  const { queue } = live(t, { fs });
  const ids = await queue.enqueueMany(Array.from({ length: 500 }, (_, i) => ({ type: 'echo', payload: i })));
  const waiting = [...ids, ...ids].map((id) => queue.waitForJob(id));
  await queue.processJobs({ echo: (payload) => payload }, { concurrency: 50 });
  const results = await Promise.all(waiting);
  assert.deepEqual(
    results,
    [...ids, ...ids].map((_, i) => i % 500),
  );
  // A worker that doesn't linger has none.
  assert.deepEqual(watches, { begun: 1, ended: 1 });
  const again = await queue.enqueue('echo', 'again');
  const last = queue.waitForJob(again);
  await queue.processJobs({ echo: (payload) => payload });
  assert.equal(await last, 'again');
  assert.deepEqual(watches, { begun: 2, ended: 2 });
});

test('without a watch the file is read every half second', async (t) => {
  const { fs } = countingWatches(() => {
    throw systemError('ENOSPC');
  });
  const { queue, clock } = openTest(t, { fs });
  const id = await queue.enqueue('sum');
  const waiting = outcome(queue.waitForJob(id));
  await settle();
  await queue.processJobs({ sum: () => 7 });
  await settle();
  assert.equal(waiting.is(), 'none');
  await clock.advanceUntil('the file is read', () => waiting.is() === 7);
});

test('a job that fails for good rejects with its last error, one that is tried again does not', async (t) => {
  const { queue } = live(t);
  const id = await queue.enqueue('sum', null, { maxAttempts: 3 });
  const waiting = queue.waitForJob(id).catch((thrown: unknown) => thrown);
  const backoff = { kind: 'fixed', delay: 0 } as const;
  let attempts = 0;
  const fail = (): never => {
    throw new RangeError(`no ${++attempts}\nand more`);
  };
  const summary = await queue.processJobs({ sum: fail }, { ...quiet, backoff });
  assert.deepEqual([summary.retried, summary.failed], [2, 1]);
  const error = await waiting;
  assert.ok(error instanceof JobFailedError && error instanceof TsvqError);
  assert.deepEqual([error.code, error.id, error.type, error.attempts], ['JOB_FAILED', id, 'sum', 3]);
  assert.equal(error.message, `job ${id} (sum) failed after 3 attempts: RangeError: no 3`);
  assert.match(error.lastError as string, /^RangeError: no 3\nand more\n +at /);
});

test('a job that completes at its third attempt gives the result', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('sum');
  const waiting = outcome(queue.waitForJob(id, { timeout: Number.POSITIVE_INFINITY }));
  let attempts = 0;
  const working = queue.processJobs(
    {
      sum: () => {
        if (++attempts < 3) throw new Error('not yet');
        return attempts;
      },
    },
    { ...quiet, linger: '10m', maxTime: '10m' },
  );
  await clock.advanceUntil('the wait ends', () => waiting.is() !== 'none');
  assert.equal(waiting.is(), 3);
  await queue.close();
  await working;
});

test('a cancelled job rejects', async (t) => {
  const { queue } = live(t);
  const id = await queue.enqueue('sum');
  const waiting = queue.waitForJob(id).catch((thrown: unknown) => thrown);
  await queue.cancelJob(id);
  for (const error of [await waiting, await queue.waitForJob(id).catch((thrown: unknown) => thrown)]) {
    assert.ok(error instanceof JobCancelledError && error instanceof TsvqError);
    assert.deepEqual([error.code, error.id, error.attempts], ['JOB_CANCELLED', id, 0]);
    assert.equal(error.message, `job ${id} (sum) was cancelled`);
  }
});

test('a wait ends when its time is over, and says what the job was', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('sum');
  for (const [timeout, ms] of [
    [0, 0],
    ['1m', 60_000],
    [undefined, 30_000],
  ] as const) {
    const start = clock.now();
    const waiting = queue.waitForJob(id, { timeout }).catch((thrown: unknown) => thrown);
    const ended = outcome(waiting);
    await clock.advanceUntil('the time is over', () => ended.is() !== 'none');
    const error = await waiting;
    assert.ok(error instanceof WaitTimeoutError && error instanceof TsvqError);
    assert.deepEqual([error.code, error.job.id, error.job.status], ['WAIT_TIMEOUT', id, 'pending']);
    assert.match(error.message, new RegExp(`${id} \\(sum\\) is pending after a wait of ${ms} ms`));
    assert.ok(clock.now() - start >= ms && clock.now() - start <= ms + 500, `${clock.now() - start}`);
  }
  assert.equal((await queue.getJob(id))?.status, 'pending');
});

test('Infinity waits for as long as it takes, and one wait ends without the others', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('sum');
  const short = outcome(queue.waitForJob(id, { timeout: '1m' }));
  const long = outcome(queue.waitForJob(id, { timeout: Number.POSITIVE_INFINITY }));
  await settle();
  await clock.pass(3_600_000, 60_000);
  assert.deepEqual([short.is(), long.is()], ['WAIT_TIMEOUT', 'none']);
  await queue.processJobs({ sum: () => 7 });
  await clock.advanceUntil('the wait ends', () => long.is() !== 'none');
  assert.equal(long.is(), 7);
});

test('an unknown job rejects at once, with or without a file', async (t) => {
  const { queue, file } = openTest(t);
  await rejects(queue.waitForJob('x'), 'JOB_NOT_FOUND', 'there is no job x in', file);
  await queue.enqueue('sum');
  for (const id of ['', 'x', '__proto__', '\n', 'y'.repeat(5000)])
    await rejects(queue.waitForJob(id), 'JOB_NOT_FOUND', file);
});

test('a job that is forgotten or purged while it is waited for rejects', async (t) => {
  for (const leave of ['forgetJob', 'purge'] as const) {
    const { queue, clock, file } = openTest(t);
    const other = openTest(t, { file, clock });
    const id = await queue.enqueue('sum', null, { delay: '1h' });
    const waiting = outcome(queue.waitForJob(id, { timeout: '1h' }));
    await settle();
    if (leave === 'purge') await other.queue.purge({ status: 'pending' });
    else {
      // Between two looks.
      await other.queue.cancelJob(id);
      await other.queue.forgetJob(id);
    }
    await clock.advanceUntil('the wait ends', () => waiting.is() !== 'none');
    assert.ok(['JOB_NOT_FOUND', 'JOB_CANCELLED'].includes(waiting.is() as string), String(waiting.is()));
    if (leave === 'purge') assert.equal(waiting.is(), 'JOB_NOT_FOUND');
  }
});

test('a wait outlasts the moment in which a person saves the file in place', async (t) => {
  for (const between of ['', `${'x'.repeat(20)}\n`]) {
    const { queue, clock, file } = openTest(t);
    const id = await queue.enqueue('sum');
    const waiting = outcome(queue.waitForJob(id));
    await settle();
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, between);
    await clock.pass(250, 50);
    assert.equal(waiting.is(), 'none');
    writeFileSync(
      file,
      before + line({ id, status: 'completed', result: '7', finished_at: 1001, version: 2 }),
    );
    await clock.advanceUntil('the wait ends', () => waiting.is() !== 'none');
    assert.equal(waiting.is(), 7);
  }
});

test('a file that stays unreadable ends the wait with its error', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('sum');
  const waiting = outcome(queue.waitForJob(id, { timeout: Number.POSITIVE_INFINITY }));
  await settle();
  writeFileSync(file, 'no queue\n');
  await clock.advanceUntil('the wait ends', () => waiting.is() !== 'none');
  assert.equal(waiting.is(), 'NOT_A_QUEUE');
});

test('an aborted signal ends the wait with its reason', async (t) => {
  const { queue } = live(t);
  const id = await queue.enqueue('sum');
  const reason = new Error('the client is gone');
  const controller = new AbortController();
  const waiting = queue.waitForJob(id, { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(queue.waitForJob(id, { signal: controller.signal }), reason);
  await assert.rejects(queue.waitForJob(id, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.equal((await queue.getJob(id))?.status, 'pending');
});

test('closing the queue ends its waits at once', async (t) => {
  const { watches, fs } = countingWatches();
  const { queue } = live(t, { fs });
  const id = await queue.enqueue('sum');
  const waiting = [queue.waitForJob(id), queue.waitForJob(id, { timeout: Number.POSITIVE_INFINITY })];
  const all = Promise.allSettled(waiting);
  await settle();
  await queue.close();
  for (const each of await all) {
    assert.equal(each.status, 'rejected');
    await rejects(Promise.reject(each.reason), 'CLOSED', id, 'goes on');
  }
  assert.equal(watches.begun, watches.ended);
  await rejects(queue.waitForJob(id), 'CLOSED');
});

test('a schedule has no end to wait for', async (t) => {
  const { queue } = openTest(t);
  await queue.schedule('nightly', { type: 'report', every: '1d' });
  const [{ id } = { id: '' }] = await queue.listSchedules();
  await rejects(queue.waitForJob(id), 'INVALID_ARGUMENT', 'schedule');
});

test('arguments are checked', async (t) => {
  const { queue } = openTest(t);
  const wrong: unknown[] = [{ timeout: -1 }, { timeout: 'soon' }, { signal: {} }, { until: 5 }];
  const INVALID: ErrorCode = 'INVALID_ARGUMENT';
  for (const options of wrong) await rejects(queue.waitForJob('x', options as object), INVALID);
  await rejects(queue.waitForJob(5 as unknown as string), INVALID);
  const ids = await queue.enqueueMany([{ type: 'a' }, { type: 'a' }]);
  await queue.processJobs({ a: () => 1 });
  assert.deepEqual(await Promise.all(ids.map(queue.waitForJob as (id: string) => Promise<unknown>)), [1, 1]);
});

test('a wait in a handler of the same queue does not hold up the worker', async (t) => {
  const { queue } = live(t);
  const child = await queue.enqueue('child', null, { priority: -1 });
  const parent = await queue.enqueue('parent');
  const result = queue.waitForJob(parent);
  const handlers = {
    parent: async () => ({ child: await queue.waitForJob(child) }),
    child: () => {
      if (child === '') throw new PermanentError('never');
      return 5;
    },
  };
  await queue.processJobs(handlers, { concurrency: 2 });
  assert.deepEqual(await result, { child: 5 });
});
