import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RetryAfterError } from '../../../../lib/job/errors.js';
import type { WorkerEvent, WorkerOptions } from '../../../../lib/job/options.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, rowsOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * A handler throws a RetryAfterError. Time stands still here unless it is moved.
 */

const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 1) / 1000;

/** One job whose handler throws the same each time, until it is told otherwise. */
function busy(t: TestContext, fields: Parameters<typeof line>[0] = {}) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1), ...fields }));
  const { queue, clock } = openTest(t, { file });
  const work = (error: unknown, options: WorkerOptions = {}) =>
    queue.processJobs(
      {
        email: () => {
          if (error !== undefined) throw error;
        },
      },
      { logger: () => {}, ...options },
    );
  const job = async () => {
    const found = await queue.getJob(jobId(1));
    assert.ok(found);
    return found;
  };
  return { queue, clock, file, work, job };
}

const asked = (delay: number | string): RetryAfterError => new RetryAfterError('busy', delay);

/** No spread, unless the test says so. */
const withoutSpread = (t: TestContext): void => void t.mock.method(Math, 'random', () => 0);

test('a wait that a handler asked for costs no attempt, not even the last one', async (t) => {
  withoutSpread(t);
  const { clock, work, job } = busy(t, { max_attempts: 1 });
  for (let n = 1; n <= 20; n++) {
    assert.equal((await work(asked('1h'))).retried, 1);
    const { status, attempts, forgiven, runAt } = await job();
    assert.deepEqual(
      [status, attempts, forgiven, runAt.getTime()],
      ['pending', n, n, clock.now() + 3_600_000],
    );
    clock.advance(3_600_000);
  }
  assert.equal((await work(undefined)).completed, 1);
});

test('an error of that name from another copy of the package asks for a wait as well', async (t) => {
  const { work, job } = busy(t, { max_attempts: 1 });
  await work(Object.assign(new Error('busy'), { name: 'RetryAfterError', delay: '90s' }));
  assert.deepEqual([(await job()).status, (await job()).forgiven], ['pending', 1]);
});

test('waits count from a day after the first one, and still set the time of the next attempt', async (t) => {
  withoutSpread(t);
  const { clock, work, job } = busy(t, { max_attempts: 2 });
  const seen: unknown[] = [];
  // At 0, 8, 16, 24 and 32 hours: the first three are over within a day.
  for (let n = 1; n <= 4; n++) {
    await work(asked('8h'));
    const { status, attempts, forgiven, runAt } = await job();
    seen.push([status, attempts, forgiven, (runAt.getTime() - clock.now()) / 3_600_000]);
    clock.advance(8 * 3_600_000);
  }
  assert.deepEqual(seen, [
    ['pending', 1, 1, 8],
    ['pending', 2, 2, 8],
    ['pending', 3, 3, 8],
    ['pending', 4, 3, 8],
  ]);
  assert.equal((await work(asked('8h'))).failed, 1);
  assert.match((await job()).error ?? '', /counted as an attempt/);
});

test('the bound is an option: 0 counts every wait, Infinity none', async (t) => {
  withoutSpread(t);
  for (const [maxRetryAfter, delay, forgiven] of [
    [0, 1000, 0],
    ['10s', 10_000, 1],
    ['10s', 10_001, 0],
    [undefined, DAY, 1],
    [undefined, DAY + 1, 0],
    [Number.POSITIVE_INFINITY, '300d', 1],
  ] as const) {
    const { clock, work, job } = busy(t);
    await work(asked(delay), { maxRetryAfter });
    const found = await job();
    assert.deepEqual([found.status, found.forgiven], ['pending', forgiven], `${maxRetryAfter} ${delay}`);
    if (typeof delay === 'number') assert.equal(found.runAt.getTime(), clock.now() + delay);
  }
});

for (const [name, delay] of [
  ['none', 0],
  ['one that has passed', -5],
  ['no time', 'soon'],
  ['no number', Number.NaN],
  ['a negative duration', '-1h'],
] as const) {
  test(`a wait counts as an attempt that is ${name}`, async (t) => {
    const { clock, work, job } = busy(t);
    for (let n = 0; n < 3; n++) {
      await work(asked(delay));
      clock.advance(DAY);
    }
    const { status, attempts, forgiven } = await job();
    assert.deepEqual([status, attempts, forgiven], ['failed', 3, 0]);
  });
}

test('a wait is spread over a tenth of it, a second at the least, and never shorter than asked for', async (t) => {
  const random = t.mock.method(Math, 'random', () => 0);
  for (const [delay, share, wait] of [
    [2000, 0, 2000],
    [2000, 0.999, 2999],
    [60_000, 0, 60_000],
    [60_000, 0.5, 63_000],
    ['100s', 0.999, 109_990],
    [1, 0.5, 501],
  ] as const) {
    random.mock.mockImplementation(() => share);
    const { clock, work, job } = busy(t);
    await work(asked(delay));
    assert.equal((await job()).runAt.getTime() - clock.now(), wait, `${delay} ${share}`);
  }
});

test('jobs that are turned away together do not come back together', async (t) => {
  const { queue, clock } = openTest(t);
  const ids = await queue.enqueueMany(Array.from({ length: 50 }, () => ({ type: 'email' })));
  await queue.processJobs({
    email: () => {
      throw asked('2s');
    },
  });
  const waits = await Promise.all(
    ids.map(async (id) => Number((await queue.getJob(id))?.runAt) - clock.now()),
  );
  assert.ok(waits.every((wait) => wait >= 2000 && wait <= 3000));
  assert.ok(new Set(waits).size > 25, `${new Set(waits).size} moments`);
});

test('the error says that the job was asked to wait, and whether that counts; so does the log', async (t) => {
  const { clock, work, job } = busy(t);
  const events: WorkerEvent[] = [];
  await work(asked('90s'), { logger: (event) => events.push(event) });
  const first = (await job()).error ?? '';
  assert.match(first, /^RetryAfterError: busy\n/);
  assert.match(first, /\nasked to wait 90 s: not counted as an attempt$/);
  assert.deepEqual(
    events.map(({ event, error }) => [event, error]),
    [['retried', first]],
  );
  clock.advance(DAY);
  await work(asked('90s'));
  assert.match(
    (await job()).error ?? '',
    /\nasked to wait 90 s: counted as an attempt \(waits in a row count beyond 86400 s, the maxRetryAfter of the worker\)$/,
  );
});

test('the row notes since when, and forgets it when the job completes, fails otherwise, or is retried', async (t) => {
  withoutSpread(t);
  const meta = '{"b":1,"2":2}';
  const noted = `{"b":1,"2":2,"@askedToWaitSince":${NOW}}`;
  const { queue, clock, file, work } = busy(t, { meta, max_attempts: 2 });
  const now = (): string | undefined => rowsOf(file)[0]?.meta;
  await work(asked('1h'));
  assert.equal(now(), noted);
  clock.advance(3_600_000);
  await work(asked('1h'));
  assert.equal(now(), noted);
  clock.advance(3_600_000);
  await work(new Error('broken'));
  assert.equal(now(), meta);
  clock.advance(3_600_000);
  await work(asked('1h'));
  assert.equal(now(), `{"b":1,"2":2,"@askedToWaitSince":${clock.now() / 1000}}`);
  await queue.cancelJob(jobId(1));
  await queue.retryJob(jobId(1));
  assert.equal(now(), meta);
  await work(asked('1h'));
  clock.advance(3_600_000);
  assert.equal((await work(undefined)).completed, 1);
  assert.equal(now(), meta);
});

test('the meta of a row without notes does not change when its job ends', async (t) => {
  for (const meta of ['', '{ "a": 1 }', 'by hand']) {
    const { file, work, clock } = busy(t, { meta });
    await work(new Error('no'));
    assert.equal(rowsOf(file)[0]?.meta, meta);
    clock.advance(DAY);
    await work(undefined);
    assert.equal(rowsOf(file)[0]?.meta, meta);
  }
});

test('a wait counts if nothing can be noted, because it would never reach its bound', async (t) => {
  withoutSpread(t);
  for (const meta of ['by hand', '[1]', `{"a":"${'x'.repeat(4080)}"}`]) {
    const { file, clock, work, job } = busy(t, { meta, max_attempts: 2 });
    await work(asked('1h'));
    const { status, forgiven, runAt } = await job();
    assert.deepEqual([status, forgiven, runAt.getTime()], ['pending', 0, clock.now() + 3_600_000]);
    assert.equal(rowsOf(file)[0]?.meta, meta);
    clock.advance(3_600_000);
    assert.equal((await work(asked('1h'))).failed, 1);
    assert.equal(rowsOf(file)[0]?.meta, meta);
  }
});

test('a noted time in the future, after the clock was set back, counts as now', async (t) => {
  withoutSpread(t);
  const { file, work } = busy(t, { meta: '{"@askedToWaitSince":9000000000}' });
  await work(asked('1h'));
  assert.equal(rowsOf(file)[0]?.meta, `{"@askedToWaitSince":${NOW}}`);
});
