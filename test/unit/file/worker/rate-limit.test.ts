import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import type { WorkerEvent, WorkerOptions } from '../../../../lib/job/options.js';
import type { HandlerEntries } from '../../../../lib/runner/handler.js';
import { faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { openTest, type TestQueue } from '../../../support/queues.js';

/*
 * A rate limit delays the claims of a type or group, over all workers. The jobs aren't touched, and others don't wait.
 */

const many = (count: number, type = 'email', options = {}) =>
  Array.from({ length: count }, (_, payload) => ({ type, payload, options }));

/** Runs a worker to its end on a clock that goes on; returns when jobs started, in ms after its start. */
async function startsOf(
  { queue, clock }: TestQueue,
  entries: (handler: () => void) => Partial<HandlerEntries>,
  options: WorkerOptions = {},
  step = 10,
): Promise<number[]> {
  const begin = clock.now();
  const starts: number[] = [];
  const handler = (): void => void starts.push(clock.now() - begin);
  let isOver = false;
  const working = queue.processJobs(entries(handler), { logger: () => {}, ...options }).finally(() => {
    isOver = true;
  });
  await clock.advanceUntil('the worker has returned', () => isOver, step);
  await working;
  return starts;
}

/** Checks that starts are as far apart as a limit says, and not much further. */
function areApart(starts: readonly number[], wanted: readonly number[]): void {
  assert.equal(starts.length, wanted.length, starts.join());
  for (const [i, at] of starts.entries()) {
    const least = wanted[i] as number;
    assert.ok(at >= least && at <= least + 60 + 10 * i, `${starts.join()} instead of ${wanted.join()}`);
  }
}

test('jobs start as far apart as the rate says', async (t) => {
  const test = openTest(t);
  await test.queue.enqueueMany(many(6));
  const rateLimit = { max: 5, per: '1s' };
  const starts = await startsOf(test, (handler) => ({ email: { handler, rateLimit } }), { concurrency: 6 });
  areApart(starts, [0, 200, 400, 600, 800, 1000]);
});

test('with a burst, that many start at once after a pause', async (t) => {
  const test = openTest(t);
  await test.queue.enqueueMany(many(7));
  const rateLimit = { max: 5, per: '1s', burst: 5 };
  const starts = await startsOf(test, (handler) => ({ email: { handler, rateLimit } }), { concurrency: 9 });
  areApart(starts, [0, 0, 0, 0, 0, 200, 400]);
});

test('two types with limits wait each for itself, and a type without one does not wait', async (t) => {
  const test = openTest(t);
  const { queue, clock } = test;
  await queue.enqueueMany([...many(3), ...many(2, 'report'), ...many(4, 'plain')]);
  const begin = clock.now();
  const starts: Record<string, number[]> = { email: [], report: [], plain: [] };
  const started = (type: string) => () => void starts[type]?.push(clock.now() - begin);
  await startsOf(test, () => ({
    email: { handler: started('email'), rateLimit: { max: 1, per: '1s' } },
    report: { handler: started('report'), rateLimit: { max: 1, per: '3s' } },
    plain: started('plain'),
  }));
  areApart(starts.email ?? [], [0, 1000, 2000]);
  areApart(starts.report ?? [], [0, 3000]);
  areApart(starts.plain ?? [], [0, 0, 0, 0]);
});

test('a tick each minute without linger reaches one job in ten seconds', async (t) => {
  const test = openTest(t);
  await test.queue.enqueueMany(many(20));
  const rateLimit = { max: 1, per: '10s' };
  const begin = test.clock.now();
  const starts: number[] = [];
  for (let minute = 0; minute < 3; minute++) {
    const tick = test.clock.now() - begin;
    const entries = (handler: () => void) => ({ email: { handler, rateLimit } });
    for (const at of await startsOf(test, entries, {}, 100)) starts.push(tick + at);
    await test.clock.pass(begin + (minute + 1) * 60_000 - test.clock.now(), 1000);
  }
  assert.equal(starts.filter((at) => at < 60_000).length, 6, starts.join());
  assert.ok(starts.length >= 17, starts.join());
  for (const [i, at] of starts.entries())
    if (i > 0) assert.ok(at - (starts[i - 1] as number) >= 10_000, starts.join());
});

test('a worker whose next start comes after its first minute returns, and holds nothing', async (t) => {
  const test = openTest(t);
  const [id] = await test.queue.enqueueMany(many(2));
  const rateLimit = { max: 1, per: '1h' };
  const entries = (handler: () => void) => ({ email: { handler, rateLimit } });
  assert.equal((await startsOf(test, entries)).length, 1);
  const begin = test.clock.now();
  assert.deepEqual(await startsOf(test, entries), []);
  assert.ok(test.clock.now() - begin < 2000);
  const { pending, processing } = await test.queue.stats();
  assert.deepEqual([pending, processing, (await test.queue.getJob(id as string))?.attempts], [1, 0, 1]);
});

test('a worker that waits for a rate returns at once when it is told to stop', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueueMany(many(2));
  const stop = new AbortController();
  let ran = 0;
  const email = { handler: () => void ran++, rateLimit: { max: 1, per: '50s' } };
  const working = queue.processJobs({ email }, { signal: stop.signal });
  await clock.pass(3000);
  stop.abort();
  assert.deepEqual([(await working).completed, ran], [1, 1]);
});

test('a job that waits has used up no attempt, and can be cancelled and retried', async (t) => {
  const test = openTest(t);
  const { queue, clock } = test;
  const [first, second, third] = (await queue.enqueueMany(many(3))) as [string, string, string];
  let isOver = false;
  const ran: string[] = [];
  const email = {
    handler: (_: unknown, { job }: { job: { id: string } }) => void ran.push(job.id),
    rateLimit: { max: 1, per: '5s' },
  };
  const working = queue.processJobs({ email }, { logger: () => {} }).finally(() => {
    isOver = true;
  });
  await clock.pass(2000);
  assert.equal((await queue.getJob(second))?.attempts, 0);
  assert.deepEqual([await queue.cancelJob(second), await queue.retryJob(second)], [true, true]);
  await clock.advanceUntil('it has returned', () => isOver, 100);
  await working;
  assert.deepEqual(ran, [first, third, second]);
  assert.equal((await queue.getJob(second))?.attempts, 1);
});

test('each attempt counts, a retry too', async (t) => {
  const test = openTest(t);
  await test.queue.enqueue('email', 0);
  const rateLimit = { max: 1, per: '2s' };
  const starts = await startsOf(
    test,
    (handler) => ({
      email: {
        handler: () => {
          handler();
          throw new Error('no');
        },
        rateLimit,
        backoff: { kind: 'fixed', delay: 1 },
      },
    }),
    { linger: '10s' },
  );
  areApart(starts, [0, 2000, 4000]);
});

test('each group has the rate for itself, and jobs without a group have none', async (t) => {
  const test = openTest(t);
  const { queue, clock } = test;
  for (const group of ['a', 'b', 'c']) await queue.enqueueMany(many(3, 'webhook', { group }));
  await queue.enqueueMany(many(3, 'webhook'));
  const begin = clock.now();
  const starts = new Map<string | undefined, number[]>();
  const handler = (_: unknown, { job }: { job: { group: string | undefined } }) =>
    void starts.set(job.group, [...(starts.get(job.group) ?? []), clock.now() - begin]);
  const events: WorkerEvent[] = [];
  await startsOf(test, () => ({ webhook: { handler, rateLimit: { max: 1, per: '1s', by: 'group' } } }), {
    concurrency: 4,
    logger: (event) => events.push(event),
  });
  for (const group of ['a', 'b', 'c']) areApart(starts.get(group) ?? [], [0, 1000, 2000]);
  areApart(starts.get(undefined) ?? [], [0, 0, 0]);
  const told = events.filter(({ event }) => event === 'rate_limited');
  assert.deepEqual(told.map(({ type, group }) => [type, group]).sort(), [
    ['webhook', 'a'],
    ['webhook', 'b'],
    ['webhook', 'c'],
  ]);
  assert.ok(told.every(({ runAt }) => Number(runAt) > begin));
});

test('limited jobs with priority do not hold up one without a limit', async (t) => {
  const test = openTest(t);
  const { queue, clock } = test;
  await queue.enqueueMany(many(10_000, 'email', { priority: 9 }));
  await queue.enqueue('plain', 0);
  const begin = clock.now();
  let plain = Number.NaN;
  const stop = new AbortController();
  const handlers = {
    email: { handler: () => {}, rateLimit: { max: 1, per: '10s' } },
    plain: () => {
      plain = clock.now() - begin;
      stop.abort();
    },
  };
  await queue.processJobs(handlers, { signal: stop.signal });
  assert.ok(plain < 100, String(plain));
});

test('a clock that is set back by an hour, or was ahead, does not stop the jobs', async (t) => {
  const test = openTest(t);
  const { queue, clock } = test;
  const rateLimit = { max: 1, per: '1s' };
  const entries = (handler: () => void) => ({ email: { handler, rateLimit } });
  await queue.enqueueMany(many(1));
  await startsOf(test, entries);
  clock.set(-3_600_000);
  await queue.enqueueMany(many(2));
  areApart(await startsOf(test, entries), [0, 1000]);
  clock.set(3_600_000);
  await queue.enqueueMany(many(2));
  areApart(await startsOf(test, entries), [0, 1000]);
});

test('groups that wait start as well after the clock was set back meanwhile', async (t) => {
  const test = openTest(t);
  const { queue, clock } = test;
  const runAt = new Date(clock.now() - 7_200_000);
  await queue.enqueueMany(many(2, 'webhook', { group: 'a', runAt }));
  let ran = 0;
  const webhook = { handler: () => void ran++, rateLimit: { max: 1, per: '30s', by: 'group' as const } };
  const stop = new AbortController();
  const working = queue.processJobs({ webhook }, { linger: '1h', signal: stop.signal, logger: () => {} });
  await clock.pass(1000);
  assert.equal(ran, 1);
  clock.set(-3_600_000);
  await clock.pass(2000);
  assert.equal(ran, 2);
  stop.abort();
  await working;
});

test('a start that was written, and whose claim was not, is wasted; none is too many', async (t) => {
  const { fs, fault } = faultyFs();
  const test = openTest(t, { fs });
  const { queue, file } = test;
  await queue.enqueueMany(many(2));
  let failures = 0;
  fault.do = (call, real) => {
    if (failures > 0 || !isAppend(call, file)) return real();
    failures++;
    throw systemError('ENOSPC');
  };
  const rateLimit = { max: 1, per: '2s' };
  const starts = await startsOf(test, (handler) => ({ email: { handler, rateLimit } }), { linger: '10s' });
  assert.equal(failures, 1);
  areApart(starts, [2000, 4000]);
});

test('a limits file that can not be used stops the limited jobs with one warning, and only these', async (t) => {
  const test = openTest(t);
  const { queue, clock, file } = test;
  mkdirSync(`${file}.limits`);
  await queue.enqueueMany([...many(1), ...many(2, 'plain')]);
  const events: WorkerEvent[] = [];
  const ran: string[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    {
      email: { handler: () => void ran.push('email'), rateLimit: { max: 1, per: '1s' } },
      plain: () => void ran.push('plain'),
    },
    { linger: '1h', signal: stop.signal, logger: (event) => events.push(event) },
  );
  await clock.pass(5000);
  assert.deepEqual(ran, ['plain', 'plain']);
  const warnings = events.filter(({ event }) => event === 'warning').map(({ message }) => message);
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]), /^jobs with a rate limit wait: .*queue\.tsv\.limits/);
  rmSync(`${file}.limits`, { recursive: true });
  await clock.pass(1000);
  assert.deepEqual(ran, ['plain', 'plain', 'email']);
  stop.abort();
  await working;
});

test('a limits file that can not be written stops the limited jobs with one warning, and only these', async (t) => {
  const { fs, fault } = faultyFs();
  const test = openTest(t, { fs });
  const { queue, clock, file } = test;
  let failures = 0;
  fault.do = ({ name, path }, real) => {
    if (name !== 'writeSync' || path !== `${file}.limits`) return real();
    failures++;
    throw systemError('EDQUOT');
  };
  await queue.enqueueMany([...many(1), ...many(2, 'plain'), ...many(2, 'one')]);
  const warnings: string[] = [];
  const ran: string[] = [];
  const stop = new AbortController();
  const working = queue.processJobs(
    {
      email: { handler: () => void ran.push('email'), rateLimit: { max: 1, per: '1s' } },
      one: { handler: () => void ran.push('one'), concurrency: 1 },
      plain: () => void ran.push('plain'),
    },
    {
      ...{ linger: '1h', signal: stop.signal, concurrency: 3 },
      logger: ({ event, message }) => void (event === 'warning' && warnings.push(String(message))),
    },
  );
  await clock.pass(5000);
  assert.deepEqual(ran.sort(), ['one', 'one', 'plain', 'plain']);
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]), /^jobs with a rate limit wait: .*queue\.tsv\.limits/);
  assert.ok(failures <= 6, `${failures} tries in five seconds`);
  fault.do = undefined;
  await clock.pass(2000);
  assert.equal(ran.at(-1), 'email');
  stop.abort();
  await working;
});
