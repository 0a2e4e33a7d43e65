import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermanentError, RetryAfterError } from '../../../../lib/job/errors.js';
import type { WorkerEvent, WorkerOptions } from '../../../../lib/job/options.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { jobId, line, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const fails = (error: unknown) => () => {
  throw error;
};

// ---- results ----

for (const [name, value, kept = value] of [
  ['0', 0],
  ['false', false],
  ['an empty string', ''],
  ['an empty list', []],
  ['an empty object', {}],
  ['null', null],
  ['nothing', undefined],
  ['a text with tabs and line ends', 'a\tb\nc\\'],
  ['a Date, in its form of JSON', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['-0, as JSON has it', -0, 0],
] as [string, unknown, unknown?][]) {
  test(`the result is kept: ${name}`, async (t) => {
    for (const handler of [() => value, async () => value]) {
      const { queue, file } = openTest(t);
      const id = await queue.enqueue('email', {});
      assert.equal((await queue.processJobs({ email: handler })).completed, 1);
      const job = await queue.getJob(id);
      assert.equal(job?.status, 'completed');
      assert.deepEqual(job?.result, kept);
      assert.equal(rowsOf(file)[0]?.result === '', value === undefined);
    }
  });
}

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
for (const [name, value, why] of [
  ['a BigInt', { total: 5n }, 'result.total is the BigInt 5n'],
  ['a cycle', cycle, 'result.self'],
  ['a function', () => {}, 'function'],
  ['NaN', { rate: Number.NaN }, 'result.rate is NaN'],
  ['a Map', new Map(), 'Map'],
  ['more than the limit', 'x'.repeat(2000), '2002 bytes'],
  [
    'what throws when it is looked at',
    {
      get x() {
        throw null;
      },
    },
    'result',
  ],
] as [string, unknown, string][]) {
  test(`a job that succeeded is not run again for its result: ${name}`, async (t) => {
    const { queue, clock } = openTest(t, { maxPayload: 1000 });
    const id = await queue.enqueue('email', {});
    let runs = 0;
    const events: WorkerEvent[] = [];
    const handlers = {
      email: async () => {
        runs++;
        return value;
      },
    };
    const { completed, failed, retried } = await queue.processJobs(handlers, {
      logger: (event) => events.push(event),
    });
    clock.advance(3_600_000);
    await queue.processJobs(handlers);
    assert.deepEqual({ completed, failed, retried, runs }, { completed: 1, failed: 0, retried: 0, runs: 1 });
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'completed');
    const { warning = '' } = (job?.result ?? {}) as { warning?: string };
    assert.ok(warning.includes(why), warning);
    const warnings = events.filter(({ event }) => event === 'warning');
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.message?.includes(id), warnings[0]?.message);
  });
}

test('a completed job has no error of an earlier attempt, no owner, and its times', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  await queue.processJobs({ email: fails(new Error('first')) });
  clock.advance(120_000);
  await queue.processJobs({ email: () => clock.advance(1500) });
  const job = await queue.getJob(id);
  assert.deepEqual(
    [job?.status, job?.attempts, job?.error, job?.lockedBy, job?.finishedAt?.getTime()],
    ['completed', 2, undefined, undefined, clock.now()],
  );
  assert.equal(job?.startedAt?.getTime(), clock.now() - 1500);
});

// ---- failures ----

test('a job that fails waits for its next attempt with its error, and fails for good when none are left', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const seen: unknown[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { claimed, retried, failed } = await queue.processJobs({
      email: fails(new Error(`no ${attempt}`)),
    });
    const job = await queue.getJob(id);
    seen.push([
      claimed,
      retried,
      failed,
      job?.status,
      job?.attempts,
      job?.error?.split('\n')[0],
      (Number(job?.runAt) - clock.now()) / 1000,
    ]);
    clock.advance(240_000);
  }
  assert.deepEqual(seen, [
    [1, 1, 0, 'pending', 1, 'Error: no 1', 120],
    [1, 1, 0, 'pending', 2, 'Error: no 2', 240],
    [1, 0, 1, 'failed', 3, 'Error: no 3', 0],
  ]);
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
});

test('a job that waits is not started before its time', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email', {});
  await queue.processJobs({ email: fails(new Error('no')) });
  clock.advance(119_999);
  assert.equal((await queue.processJobs({ email: () => {} })).claimed, 0);
  clock.advance(1);
  assert.equal((await queue.processJobs({ email: () => {} })).completed, 1);
});

test("a job's own limit of attempts wins over the worker's", async (t) => {
  const { queue, clock } = openTest(t);
  const [once = '', often = '', plain = ''] = await queue.enqueueMany([
    { type: 'email', options: { maxAttempts: 1 } },
    { type: 'email', options: { maxAttempts: 4 } },
    { type: 'email' },
  ]);
  for (let n = 0; n < 5; n++) {
    await queue.processJobs({ email: fails(new Error('no')) }, { maxAttempts: 2 });
    clock.advance(3_600_000);
  }
  const attempts = await Promise.all(
    [once, often, plain].map(async (id) => (await queue.getJob(id))?.attempts),
  );
  assert.deepEqual(attempts, [1, 4, 2]);
});

for (const [name, error] of [
  ['PermanentError', new PermanentError('the address is gone')],
  [
    'an error of that name from another copy of the package',
    Object.assign(new Error('the address is gone'), { name: 'PermanentError' }),
  ],
] as const) {
  test(`${name} fails a job for good at its first attempt`, async (t) => {
    const { queue } = openTest(t);
    const id = await queue.enqueue('email', {});
    assert.equal((await queue.processJobs({ email: fails(error) })).failed, 1);
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, job?.attempts], ['failed', 1]);
    assert.match(job?.error ?? '', /^PermanentError: the address is gone\n +at /);
  });
}

test('the time that a RetryAfterError asks for may be a duration, and one that has passed is now', async (t) => {
  for (const [delay, wait] of [
    ['10m', 600_000],
    [-5, 0],
    [1e20, 365.25 * 24 * 3_600_000],
  ] as const) {
    t.mock.method(Math, 'random', () => 0);
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    await queue.processJobs({ email: fails(new RetryAfterError('busy', delay)) }, { maxAttempts: 2 });
    // What is due at once has been tried again at once.
    const job = await queue.getJob(id);
    assert.deepEqual(
      [job?.status, Number(job?.runAt) - clock.now()],
      [wait > 0 ? 'pending' : 'failed', wait],
    );
  }
});

test('a RetryAfterError that asks for no time waits as long as the default backoff, and its worker says so', async (t) => {
  for (const delay of [Number.NaN, 'soon', undefined as unknown as number]) {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {});
    const events: WorkerEvent[] = [];
    const logger = (event: WorkerEvent): void => void events.push(event);
    await queue.processJobs({ email: fails(new RetryAfterError('busy', delay)) }, { logger, backoff: [0] });
    const job = await queue.getJob(id);
    assert.deepEqual([job?.status, Number(job?.runAt) - clock.now()], ['pending', 120_000], String(delay));
    const warning = events.find(({ event }) => event === 'warning');
    assert.match(warning?.message ?? '', /the delay of a RetryAfterError is/);
  }
});

for (const [name, backoff, waits] of [
  ['the default', undefined, [120, 240, 480]],
  ['a formula', { base: '1s', factor: 3, max: '10s' }, [3, 9, 10]],
  ['a table', ['5s', '1m'], [5, 60, 60]],
  ['a function', (attempts: number) => attempts * 1000, [1, 2, 3]],
] as [string, WorkerOptions['backoff'], number[]][]) {
  test(`the waits between attempts follow ${name}`, async (t) => {
    const { queue, clock } = openTest(t);
    const id = await queue.enqueue('email', {}, { maxAttempts: 10 });
    for (const wait of waits) {
      await queue.processJobs({ email: fails(new Error('no')) }, backoff === undefined ? {} : { backoff });
      assert.equal(Number((await queue.getJob(id))?.runAt) - clock.now(), wait * 1000);
      clock.advance(wait * 1000);
    }
  });
}

test('a backoff function that fails costs neither the job nor the worker: the default is used, with a warning', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email', {});
  const messages: (string | undefined)[] = [];
  await queue.processJobs(
    { email: fails(new Error('no')) },
    { backoff: fails(new Error('my mistake')), logger: ({ message }) => messages.push(message) },
  );
  assert.equal(Number((await queue.getJob(id))?.runAt) - clock.now(), 120_000);
  assert.ok(messages.some((message) => message?.includes('my mistake')));
});

test('not even after a thousand attempts does the default wait for ever', async (t) => {
  const { queue, clock, file } = openTest(t);
  writeQueue(file, line({ id: jobId(1), attempts: 1100, max_attempts: 2000 }));
  const { claimed } = await queue.processJobs(
    { email: fails(new Error('no')) },
    { backoff: fails(new Error('my mistake')), logger: () => {} },
  );
  assert.equal(claimed, 1);
  const runAt = (await queue.getJob(jobId(1)))?.runAt.getTime() ?? 0;
  assert.equal(runAt, clock.now() + 365.25 * 24 * 3_600_000);
});

test('a backoff that can not be used is refused, whether a job is due or not', async (t) => {
  const { queue } = openTest(t);
  const refused = (): Promise<unknown> =>
    rejects(
      queue.processJobs({ email: () => {} }, { backoff: 'soon' as unknown as [] }),
      'INVALID_ARGUMENT',
      'backoff',
    );
  await refused();
  const id = await queue.enqueue('email', {});
  await refused();
  assert.equal((await queue.getJob(id))?.attempts, 0);
});

test('whatever a handler throws fails its attempt, and no other', async (t) => {
  for (const thrown of [
    undefined,
    null,
    5,
    'text',
    { code: 1 },
    Object.create(null),
    Symbol('x'),
    new Error('x'.repeat(1e5)),
    new Proxy({}, { get: fails(new Error('no')) }),
  ]) {
    const { queue } = openTest(t);
    const [bad = '', good = ''] = await queue.enqueueMany([{ type: 'bad' }, { type: 'good' }]);
    const summary = await queue.processJobs({ bad: fails(thrown), good: () => 1 });
    assert.deepEqual([summary.retried, summary.completed], [1, 1]);
    const job = await queue.getJob(bad);
    assert.ok(job?.status === 'pending' && job.error && job.error.length < 10_000);
    assert.equal((await queue.getJob(good))?.status, 'completed');
  }
});

test('a handler may return what only looks like a promise', async (t) => {
  const { queue } = openTest(t);
  const ids = await queue.enqueueMany(['a', 'b', 'c', 'd'].map((type) => ({ type })));
  const thenable = (
    settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void,
  ): unknown =>
    // biome-ignore lint/suspicious/noThenProperty: that is what this is about.
    ({ then: settle });
  await queue.processJobs({
    a: () => thenable((resolve) => resolve(5)),
    b: () => thenable((_, reject) => reject(new Error('no'))),
    // biome-ignore lint/suspicious/noThenProperty: a field of a result may have any name.
    c: () => ({ then: 'afterwards' }),
    // biome-ignore lint/suspicious/noThenProperty: a function may have one as well.
    d: () => Object.assign(() => {}, { then: (resolve: (value: unknown) => void) => resolve(6) }),
  });
  const [a, b, c, d] = await Promise.all(ids.map((id) => queue.getJob(id)));
  assert.deepEqual(
    [a?.result, b?.status, JSON.stringify(c?.result), d?.result],
    [5, 'pending', '{"then":"afterwards"}', 6],
  );
});

test('the file keeps the message and the first frames of the stack, in one field', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('email', {});
  await queue.processJobs({ email: fails(new Error('line one\nline two\twith a tab')) });
  const [row] = rowsOf(file);
  assert.match(row?.error ?? '', /^Error: line one\\nline two\\twith a tab\\n {4}at /);
  const error = (await queue.getJob(id))?.error ?? '';
  assert.match(error, /^Error: line one\nline two\twith a tab\n {4}at /);
  assert.ok(error.split('\n').length <= 5);
});

// ---- the log ----

test('each thing that happens is told to the logger, with what one wants to know of it', async (t) => {
  const { queue, clock } = openTest(t);
  const [ok = '', no = '', bad = ''] = await queue.enqueueMany([
    { type: 'ok' },
    { type: 'no' },
    { type: 'bad' },
  ]);
  const events: WorkerEvent[] = [];
  await queue.processJobs(
    {
      ok: () => clock.advance(250),
      no: fails(new Error('not now')),
      bad: fails(new PermanentError('never')),
    },
    { logger: (event) => events.push(event) },
  );
  assert.deepEqual(
    events.map(({ error, runAt, ...rest }) => ({
      ...rest,
      error: error?.split('\n')[0],
      runAt: runAt?.getTime(),
    })),
    [
      { event: 'completed', id: ok, type: 'ok', attempt: 1, ms: 250, error: undefined, runAt: undefined },
      {
        event: 'retried',
        id: no,
        type: 'no',
        attempt: 1,
        ms: 0,
        error: 'Error: not now',
        runAt: clock.now() + 120_000,
      },
      {
        event: 'failed',
        id: bad,
        type: 'bad',
        attempt: 1,
        ms: 0,
        error: 'PermanentError: never',
        runAt: undefined,
      },
    ],
  );
});

test('a logger that fails loses no job', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const summary = await queue.processJobs({ email: () => {} }, { logger: fails(new Error('no log')) });
  assert.equal(summary.completed, 2);
});

test('nor does one that is asynchronous: a rejection that nobody handles would end the process', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const logger = async () => {
    throw new Error('no log');
  };
  assert.equal((await queue.processJobs({ email: () => {} }, { logger })).completed, 2);
  await new Promise(setImmediate);
});

// ---- a disk that fails in between ----

test('a result that finds no room is tried again, and its handler is not', async (t) => {
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
