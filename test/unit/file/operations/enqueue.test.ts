import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EnqueueOptions } from '../../../../lib/job/job-options.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { line, linesOf, rowsOf, statesOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

test('a job is in the file when its id is given: 16 hex digits', async (t) => {
  const { queue, file, clock } = openTest(t);
  const id = await queue.enqueue('email', { to: 'ann' });
  assert.match(id, /^[0-9a-f]{16}$/);
  const at = String(clock.now() / 1000);
  assert.deepEqual(rowsOf(file), [
    {
      id,
      type: 'email',
      payload: '{"to":"ann"}',
      status: 'pending',
      created_at: at,
      run_at: at,
      attempts: '0',
      error: '',
      result: '',
      priority: '0',
      max_attempts: '',
      forgiven: '0',
      timeout: '',
      dedupe_key: '',
      locked_by: '',
      started_at: '',
      finished_at: '',
      progress: '',
      follow_ups: '',
      group: '',
      after: '',
      meta: '',
      claim_timeout: '',
      version: '1',
    },
  ]);
});

test('a job keeps its options', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue(
    'email',
    {},
    { runAt: 1_700_000_000.25, priority: -3.5, maxAttempts: 7, timeout: '90s' },
  );
  const job = await queue.getJob(id);
  assert.deepEqual(
    [job?.runAt.getTime(), job?.priority, job?.maxAttempts, job?.timeout, job?.createdAt.getTime()],
    [1_700_000_000_250, -3.5, 7, 90_000, clock.now()],
  );
  const delayed = await queue.getJob(await queue.enqueue('email', {}, { delay: '2h' }));
  assert.equal(delayed?.runAt.getTime(), clock.now() + 7_200_000);
});

test('any JSON payload comes back as it was, and none harms another row', async (t) => {
  const { queue, file } = openTest(t, { durability: 'os' });
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (payload) => {
      const id = await queue.enqueue('email', payload);
      assert.deepEqual((await queue.getJob(id))?.payload, JSON.parse(JSON.stringify(payload)));
    }),
    {
      numRuns: 60,
      examples: [
        ['\t\n\r\0\u2028'],
        ['x\nID\tTYPE\t{}\tpending\t0\t0\t0'],
        ['"'],
        [{ __proto__: 1 }],
        [null],
        [''],
        [0],
      ],
    },
  );
  assert.equal((await queue.listJobs()).length, linesOf(file).length);
});

test('a payload may be left out', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('report');
  assert.equal((await queue.getJob(id))?.payload, null);
});

test('a payload that JSON can not hold is refused, with the path, and nothing is written', async (t) => {
  const { queue, file } = openTest(t);
  for (const [payload, ...message] of [
    [{ user: { id: 5n } }, 'payload.user.id', '5n'],
    [cycle, 'payload.self'],
    [{ list: [() => {}] }, 'payload.list[0]', 'function'],
    [{ age: Number.NaN }, 'payload.age is NaN'],
    [{ tags: new Map() }, 'payload.tags is a Map'],
    [new Set([1]), 'payload is a Set'],
    [Object.assign(new Map([[1, 2]]), { name: 'x' }), 'payload is a Map'],
    [Symbol('x'), 'payload', 'symbol'],
  ] as [unknown, ...string[]][]) {
    await rejects(queue.enqueue('email', payload), 'INVALID_ARGUMENT', ...message);
  }
  assert.equal(existsSync(file), false);
});

test('a payload over the limit is refused: how large it is, how large it may be, what to do', async (t) => {
  const { queue, file } = openTest(t, { maxPayload: 10 });
  await rejects(
    queue.enqueue('email', 'x'.repeat(9)),
    'PAYLOAD_TOO_LARGE',
    'email',
    '11 bytes',
    '10',
    'maxPayload',
  );
  await rejects(queue.enqueue('email', 'üüüüü'), 'PAYLOAD_TOO_LARGE', '12 bytes');
  assert.equal(existsSync(file), false);
  assert.ok(await queue.enqueue('email', 'x'.repeat(8)));
});

test('the limit is 1 MiB unless it is set', async (t) => {
  const { queue } = openTest(t);
  await rejects(queue.enqueue('email', 'x'.repeat(2 ** 20 - 1)), 'PAYLOAD_TOO_LARGE');
  assert.ok(await queue.enqueue('email', 'x'.repeat(2 ** 20 - 2)));
});

test('a type that is not a name is refused', async (t) => {
  const { queue, file } = openTest(t);
  for (const type of ['', 'pending', '#x', 'a\tb', 'a\nb', ' a', 5, null, undefined, {}]) {
    await rejects(queue.enqueue(type as string, {}), 'INVALID_ARGUMENT', /^type is /);
  }
  assert.equal(existsSync(file), false);
});

test('options that can not be used are refused by their names', async (t) => {
  const { queue, file } = openTest(t);
  const refuse = () => {
    throw 'no';
  };
  const refusing = new Proxy({}, { get: refuse, getPrototypeOf: refuse });
  for (const [options, message] of [
    [{ runAt: Date.now() }, 'milliseconds'],
    [{ runAt: '2030-01-01T00:00:00' }, 'runAt is "2030-01-01T00:00:00"'],
    [{ runAt: '2030-02-31T00:00:00Z' }, 'runAt is "2030-02-31T00:00:00Z"'],
    [{ runAt: '2030-04-31 00:00+02:00' }, 'runAt is'],
    [{ runAt: refusing }, 'runAt is'],
    [{ delay: 'soon' }, 'delay is "soon"'],
    [{ prio: 5 }, 'options.prio'],
    [{ maxAttempts: 0 }, 'maxAttempts is 0'],
    [{ timeout: 0 }, 'timeout is 0'],
    [{ priority: Number.NaN }, 'priority is NaN'],
    ['high', 'options is "high"'],
    [null, 'options is null'],
  ] as [EnqueueOptions, string][]) {
    await rejects(queue.enqueue('email', {}, options), 'INVALID_ARGUMENT', message);
  }
  assert.equal(existsSync(file), false);
});

// ---- many ----

test('many jobs are one append and one sync, and their ids come in their order', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 'first');
  calls.length = 0;
  const ids = await queue.enqueueMany(
    Array.from({ length: 1200 }, (_, n) => ({ type: 'email', payload: n, options: { priority: n } })),
  );
  assert.equal(calls.filter((call) => isAppend(call, file)).length, 1);
  assert.equal(calls.filter(({ name }) => name === 'fdatasync').length, 1);
  assert.equal(new Set(ids).size, 1200);
  const jobs = (await queue.listJobs()).slice(1);
  assert.deepEqual(
    jobs.map(({ id }) => id),
    ids,
  );
  assert.deepEqual(
    jobs.map(({ payload, priority }) => [payload, priority]),
    ids.map((_, n) => [n, n]),
  );
});

test('calls made at the same time share a commit, and none waits for a lock of its own', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 'first');
  calls.length = 0;
  const ids = await Promise.all(Array.from({ length: 300 }, (_, n) => queue.enqueue('email', n)));
  assert.equal(new Set(ids).size, 300);
  assert.ok(calls.filter(({ name }) => name === 'fdatasync').length <= 2);
  assert.ok(calls.filter((call) => isAppend(call, file)).length <= 2);
  assert.deepEqual(
    (await queue.listJobs()).slice(1).map(({ id }) => id),
    ids,
  );
});

test('jobs that are added while the disk is busy go into the next commit', async (t) => {
  const { fs, fault, calls } = faultyFs();
  const { queue } = openTest(t, { fs });
  await queue.enqueue('email', 'first');
  calls.length = 0;
  const late: Promise<string>[] = [];
  fault.do = (call, real) => {
    if (call.name === 'fdatasync' && late.length === 0)
      for (let n = 0; n < 100; n++) late.push(queue.enqueue('email', n));
    return real();
  };
  await queue.enqueue('email', 'second');
  await Promise.all(late);
  assert.equal(calls.filter(({ name }) => name === 'fdatasync').length, 2);
});

test('an empty list of jobs gives an empty list of ids, and touches nothing', async (t) => {
  const { queue, file } = openTest(t);
  assert.deepEqual(await queue.enqueueMany([]), []);
  assert.equal(existsSync(file), false);
});

test('many jobs are checked as a whole before anything is written, and the error says which one is wrong', async (t) => {
  const { queue, file } = openTest(t, { maxPayload: 100 });
  const good = { type: 'email', payload: {} };
  for (const [bad, code, ...message] of [
    [{ type: 'email', payload: { id: 5n } }, 'INVALID_ARGUMENT', 'jobs[2].payload.id is the BigInt 5n'],
    [{ type: 'email', payload: 'x'.repeat(100) }, 'PAYLOAD_TOO_LARGE', 'jobs[2].payload'],
    [{ type: 'a\tb', payload: {} }, 'INVALID_ARGUMENT', 'jobs[2].type'],
    [{ type: 'email', payload: {}, options: { delay: -1 } }, 'INVALID_ARGUMENT', 'delay is -1'],
    [{ type: 'email', delay: '10m' }, 'INVALID_ARGUMENT', 'jobs[2].delay is "10m"'],
    [null, 'INVALID_ARGUMENT', 'jobs[2] is null', '{type, payload, options}'],
    ['email', 'INVALID_ARGUMENT', 'jobs[2] is "email"', '{type, payload, options}'],
  ] as const) {
    await rejects(queue.enqueueMany([good, good, bad as typeof good, good]), code, ...message);
  }
  for (const jobs of [null, undefined, 5, {}, 'abc']) {
    await rejects(queue.enqueueMany(jobs as unknown as []), 'INVALID_ARGUMENT', 'jobs is');
  }
  assert.equal(existsSync(file), false);
});

test('an error in the options of one of many jobs says which one', async (t) => {
  const { queue } = openTest(t);
  await rejects(
    queue.enqueueMany([{ type: 'a' }, { type: 'b', options: { delay: -1 } }]),
    'INVALID_ARGUMENT',
    'jobs[1]',
  );
});

test('the ids of the jobs that are in come with the error of a full disk', async (t) => {
  const { fs, fault } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('email', 0);
  fault.do = (call, real) => {
    if (isAppend(call, file)) throw systemError('ENOSPC');
    return real();
  };
  const error = await rejects(queue.enqueueMany([{ type: 'a' }, { type: 'b' }]), 'DISK_FULL');
  assert.deepEqual(error.written, []);
  assert.equal(statesOf(file).length, 1);
});

test('other callers get their turn while many jobs are checked', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { fs });
  let before: number | undefined;
  setImmediate(() => {
    before = calls.length;
  });
  await queue.enqueueMany(Array.from({ length: 1000 }, (_, n) => ({ type: 'email', payload: n })));
  assert.equal(before, 0);
});

// ---- injection ----

test('no input makes a job that was not enqueued, or another job unreadable', async (t) => {
  const { queue, file } = openTest(t);
  const evil = `x\n${line({ id: 'evil' })}\r\n\0\t#torn\n#`;
  const ids = [
    await queue.enqueue('email', evil),
    await queue.enqueue('email', { [evil]: evil }),
    await queue.enqueue('bad', evil),
    await queue.enqueue('last', 1),
  ];
  await queue.processJobs(
    {
      email: () => evil,
      bad: () => {
        throw new Error(evil);
      },
    },
    { maxAttempts: 1 },
  );
  const jobs = await queue.listJobs();
  assert.deepEqual(new Set(jobs.map(({ id }) => id)), new Set(ids));
  const [first, second, third, last] = await Promise.all(ids.map((id) => queue.getJob(id)));
  assert.equal(first?.result, evil);
  assert.deepEqual(second?.payload, { [evil]: evil });
  assert.ok(third?.error?.startsWith(`Error: ${evil.replace('\0', '\uFFFD')}`));
  assert.equal(last?.status, 'pending');
  assert.equal(text(file).includes('\0'), false);
  assert.equal(rowsOf(file).length, 4);
});

test('a clock that is set back does no harm', async (t) => {
  const clock = new FakeClock(5_000_000);
  const { queue, file } = openTest(t, { clock });
  const id = await queue.enqueue('email', {});
  const earlier = openTest(t, { file, clock: new FakeClock(1_000_000) });
  assert.equal((await earlier.queue.processJobs({ email: () => {} })).claimed, 0);
  assert.equal((await earlier.queue.getJob(id))?.status, 'pending');
});

for (const jobs of [499, 500, 1200]) {
  test(`${jobs} jobs are those in the array at the time of the call, and are in the file before a later close`, async (t) => {
    const { queue, file } = openTest(t);
    const buffer = Array.from({ length: jobs }, (_, n) => ({ type: 'email', payload: n as unknown }));
    const added = queue.enqueueMany(buffer);
    buffer.length = 0;
    buffer.push({ type: 'email', payload: 'the next one' });
    const closed = queue.close();
    assert.equal((await added).length, jobs);
    await closed;
    const payloads = (await openTest(t, { file }).queue.listJobs()).map(({ payload }) => payload);
    assert.deepEqual(
      payloads,
      Array.from({ length: jobs }, (_, n) => n),
    );
  });
}
