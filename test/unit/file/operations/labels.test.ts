import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryAfterError } from '../../../../lib/job/errors.js';
import type { Job } from '../../../../lib/job/job.js';
import { rejects } from '../../../support/errors.js';
import { fileOf, jobId, line, rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/* Labels: what a caller gives a job as `meta`, for people, filters and handlers. */

const DEEP = { team: 'billing', trace: { id: 'a\tb\n"c"', spans: [1, 2.5, { on: true }] }, none: null };

test('labels are kept in the file as JSON, and shown by getJob, listJobs and to the handler', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('work', 1, { meta: DEEP });
  assert.equal(rowsOf(file)[0]?.meta, JSON.stringify(DEEP));
  const seen: Job['meta'][] = [];
  await queue.processJobs({ work: (_, { job }) => void seen.push(job.meta) });
  assert.deepEqual(seen, [DEEP]);
  assert.deepEqual((await queue.getJob(id))?.meta, DEEP);
  assert.deepEqual(
    (await queue.listJobs()).map(({ meta }) => meta),
    [DEEP],
  );
});

test('a job without labels has none, and no field', async (t) => {
  const { queue, file } = openTest(t);
  const ids = [await queue.enqueue('work'), await queue.enqueue('work', 1, { meta: {} })];
  for (const id of ids) assert.deepEqual((await queue.getJob(id))?.meta, {});
  assert.deepEqual(
    rowsOf(file).map(({ meta }) => meta),
    ['', ''],
  );
});

test('labels are those at the time of the call', async (t) => {
  const { queue } = openTest(t);
  const meta = { team: 'billing' };
  const adding = queue.enqueue('work', 1, { meta });
  meta.team = 'sales';
  assert.deepEqual((await queue.getJob(await adding))?.meta, { team: 'billing' });
});

test('names that objects have themselves are labels like any other', async (t) => {
  const { queue } = openTest(t);
  const json = '{"__proto__":1,"constructor":"x","toString":[]}';
  const id = await queue.enqueue('work', 1, { meta: JSON.parse(json) });
  await queue.enqueue('work', 2);
  assert.equal(JSON.stringify((await queue.getJob(id))?.meta), json);
  const fitting = await queue.listJobs({ meta: JSON.parse(json) });
  assert.deepEqual(
    fitting.map((job) => job.id),
    [id],
  );
  assert.deepEqual(await queue.listJobs({ meta: { valueOf: 1 } }), []);
});

test('a list has the jobs that have each of the labels, with the same value', async (t) => {
  const { queue } = openTest(t);
  for (const [payload, meta] of [
    [1, { team: 'billing', tries: 3 }],
    [2, { team: 'billing', tries: '3' }],
    [3, { tries: 3, trace: { a: [1, { b: 2 }] } }],
    [4, undefined],
  ] as const)
    await queue.enqueue('work', payload, { meta });
  for (const [filter, payloads] of [
    [{}, [1, 2, 3, 4]],
    [{ team: 'billing' }, [1, 2]],
    [{ tries: 3 }, [1, 3]],
    [{ team: 'billing', tries: 3 }, [1]],
    [{ trace: { a: [1, { b: 2 }] } }, [3]],
    [{ trace: { a: [1] } }, []],
    [{ team: 'sales' }, []],
    [{ none: null }, []],
  ] as const)
    assert.deepEqual(
      (await queue.listJobs({ meta: filter })).map(({ payload }) => payload),
      payloads,
      JSON.stringify(filter),
    );
  const narrowed = await queue.listJobs({ meta: { team: 'billing' }, type: 'work', limit: 1 });
  assert.deepEqual(
    narrowed.map(({ payload }) => payload),
    [1],
  );
});

for (const [what, meta, ...named] of [
  ['a name of the queue', { '@x': 1 }, 'meta["@x"] is 1', '@'],
  ['an array', ['a'], 'meta is ["a"]'],
  ['a text', 'team=billing', 'meta is "team=billing"'],
  ['null', null, 'meta is null'],
  ['NaN', { a: { b: Number.NaN } }, 'meta.a.b is NaN'],
  ['a function', { a: () => 1 }, 'meta.a is'],
  ['a Map', { a: new Map() }, 'meta.a is'],
] as const)
  test(`labels that are refused, and add nothing: ${what}`, async (t) => {
    const { queue } = openTest(t);
    await rejects(queue.enqueue('work', 1, { meta: meta as never }), 'INVALID_ARGUMENT', ...named);
    const second = { type: 'work', options: { meta: meta as never } };
    await rejects(queue.enqueueMany([{ type: 'work' }, second]), 'INVALID_ARGUMENT', `jobs[1].${named[0]}`);
    assert.deepEqual(await queue.listJobs(), []);
  });

test('labels of 3 KiB of JSON are kept, and longer ones are refused: how long they are, and what to do', async (t) => {
  const { queue } = openTest(t);
  // Three bytes each, beside {"a":""} and one more.
  const long = { a: `${'€'.repeat(1021)}x` };
  assert.equal(Buffer.byteLength(JSON.stringify(long)), 3072);
  const id = await queue.enqueue('work', 1, { meta: long });
  assert.deepEqual((await queue.getJob(id))?.meta, long);
  await rejects(
    queue.enqueue('work', 1, { meta: { a: `${long.a}x` } }),
    'INVALID_ARGUMENT',
    'meta is 3073 bytes as JSON; the limit is 3072. Put it into the payload.',
  );
  assert.equal((await queue.listJobs()).length, 1);
});

test('labels stay through failures, waits and retries, whatever the queue notes among them', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('work', 1, { meta: DEEP, maxAttempts: 1 });
  const labels = async (): Promise<unknown> => (await queue.getJob(id))?.meta;
  const attempt = (error: Error): Promise<unknown> =>
    queue.processJobs({
      work: (_, { job }) => {
        assert.deepEqual(job.meta, DEEP);
        throw error;
      },
    });
  await attempt(new RetryAfterError('busy', '1h'));
  assert.match(rowsOf(file).at(-1)?.meta ?? '', /"@askedToWaitSince":/);
  assert.deepEqual(await labels(), DEEP);
  await queue.cancelJob(id);
  assert.equal(await queue.retryJob(id), true);
  assert.equal(rowsOf(file).at(-1)?.meta, JSON.stringify(DEEP));
  await attempt(new Error('no'));
  assert.deepEqual([(await queue.getJob(id))?.status, await labels()], ['failed', DEEP]);
  assert.equal(await queue.retryJob(id), true);
  await queue.processJobs({ work: () => 'done' });
  assert.deepEqual([(await queue.getJob(id))?.status, await labels()], ['completed', DEEP]);
  await queue.compact();
  assert.deepEqual(await labels(), DEEP);
  assert.equal(rowsOf(file)[0]?.meta, JSON.stringify(DEEP));
});

test('notes of the queue are no labels, neither shown nor found', async (t) => {
  const meta = '{"team":"billing","@interruptions":2,"@later":"x"}';
  const { queue } = openTest(t, { file: fileOf(t, line({ id: jobId(1), meta })) });
  const job = await queue.getJob(jobId(1));
  assert.deepEqual([job?.meta, job?.interruptions], [{ team: 'billing' }, 2]);
  assert.deepEqual(await queue.listJobs({ meta: { '@interruptions': 2 } }), []);
});

for (const field of ['team=billing', '["team"]', '"team"', 'null', '{"team":'])
  test(`a hand edit that leaves no JSON object shows no labels, and stays as it is: ${field}`, async (t) => {
    const file = fileOf(t, line({ id: jobId(1), meta: field }));
    const { queue } = openTest(t, { file });
    assert.deepEqual((await queue.getJob(jobId(1)))?.meta, {});
    assert.deepEqual(await queue.listJobs({ meta: { team: 'billing' } }), []);
    await queue.processJobs({ email: (_, { job }) => assert.deepEqual(job.meta, {}) });
    assert.equal((await queue.getJob(jobId(1)))?.status, 'completed');
    assert.equal(rowsOf(file).at(-1)?.meta, field);
  });

test('a follow-up has labels of its own, and none of its parent', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('parent', 1, { meta: { team: 'billing' } });
  const shown: unknown[] = [];
  await queue.processJobs({
    parent: (_, { enqueue }) => {
      enqueue('child', 'labelled', { meta: DEEP });
      enqueue('child', 'plain');
      assert.throws(() => enqueue('child', 'wrong', { meta: { '@x': 1 } }), { code: 'INVALID_ARGUMENT' });
    },
    child: (payload, { job }) => void shown.push([payload, job.meta]),
  });
  assert.deepEqual(shown, [
    ['labelled', DEEP],
    ['plain', {}],
  ]);
  assert.deepEqual((await queue.listJobs({ meta: { team: 'billing' } })).map(({ type }) => type).sort(), [
    'child',
    'parent',
  ]);
});

test('labels are compared by their values, whatever the order of names, and only own ones count', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('job', 1, { meta: { at: { x: 1, y: [2] } } });
  const found = async (meta: object) => (await queue.listJobs({ meta: meta as never })).map((job) => job.id);
  assert.deepEqual(await found({ at: { y: [2], x: 1 } }), [id]);
  assert.deepEqual(await found({ at: { y: [3], x: 1 } }), []);
  assert.deepEqual(await found(JSON.parse('{"__proto__":{}}') as object), []);
});
