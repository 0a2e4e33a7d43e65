/* Adding jobs: what is kept of them, and what is refused. */
import assert from 'node:assert/strict';
import type { EnqueueOptions } from 'tsvq';
import { rejects } from '../support/errors.js';
import type { Checks } from './engine.js';
import { between, drain, fields, look } from './tools.js';

/** Texts that storage of one kind or another has changed before. */
const PAYLOADS: readonly unknown[] = [
  null,
  '',
  'null',
  0,
  -1.5e-7,
  true,
  [],
  {},
  [[[]], {}],
  { b: 1, a: 2, 10: 3, '': 4 },
  JSON.parse('{"__proto__":1,"constructor":"x","toString":"y"}'),
  'tab \t, line ends \n \r\n, backslash \\ \\n, quotes " \' `, # at the end #',
  'NUL \0, lone surrogate \ud800, bell \u0007, BOM \ufeff, U+2028 \u2028',
  'grüße, 你好, 👩‍👩‍👧',
  `long ${'ab'.repeat(20_000)}`,
];

const NAMES = ['a.b/c:d-e_f', 'grüße', 'two words', '42', 'constructor', '__proto__', '👍', 'n'.repeat(200)];

const WRONG_NAMES: readonly unknown[] = [
  '',
  ' a',
  'a ',
  '#a',
  'a\tb',
  'a\nb',
  'pending',
  'n'.repeat(201),
  7,
  undefined,
];

/** Each with what the message has to name. */
const WRONG_OPTIONS: readonly (readonly [options: unknown, named: string])[] = [
  [{ delai: 1 }, 'delai'],
  [{ delay: -1 }, 'delay'],
  [{ delay: 'soon' }, 'delay'],
  [{ delay: 1, runAt: new Date() }, 'delay'],
  [{ delay: Number.POSITIVE_INFINITY }, 'delay'],
  [{ runAt: '2030-01-31T09:00:00' }, 'runAt'],
  [{ runAt: '2030-02-31T09:00:00Z' }, 'runAt'],
  [{ runAt: 1_900_000_000_000 }, 'runAt'],
  [{ runAt: new Date(Number.NaN) }, 'runAt'],
  [{ priority: Number.NaN }, 'priority'],
  [{ priority: '1' }, 'priority'],
  [{ maxAttempts: 0 }, 'maxAttempts'],
  [{ maxAttempts: 1.5 }, 'maxAttempts'],
  [{ timeout: 0 }, 'timeout'],
  [{ timeout: '2y' }, 'timeout'],
  [{ group: '' }, 'group'],
  [{ group: '@mine' }, 'group'],
  [null, 'options'],
];

export const enqueueing: Checks = {
  'an id is 16 hex digits, and getJob gives the job as it was enqueued': async (t, engine) => {
    const queue = await engine.open(t);
    const before = Date.now();
    const id = await queue.enqueue('email', { to: 'ann@example.com' });
    assert.match(id, /^[0-9a-f]{16}$/);
    const { createdAt, runAt, ...rest } = await look(queue, id);
    between(createdAt, before, Date.now());
    assert.deepEqual(runAt, createdAt);
    const nothing = undefined;
    assert.deepEqual(
      { ...rest },
      {
        id,
        type: 'email',
        payload: { to: 'ann@example.com' },
        status: 'pending',
        attempts: 0,
        forgiven: 0,
        interruptions: 0,
        maxAttempts: nothing,
        timeout: nothing,
        priority: 0,
        group: nothing,
        dedupeKey: nothing,
        after: [],
        schedule: undefined,
        dismissed: false,
        meta: {},
        error: nothing,
        result: nothing,
        progress: nothing,
        lockedBy: nothing,
        startedAt: nothing,
        finishedAt: nothing,
      },
    );
    const options = { delay: '1h', priority: 7, maxAttempts: 4, timeout: '90s' };
    const other = await look(queue, await queue.enqueue('email', null, options));
    assert.deepEqual([other.priority, other.maxAttempts, other.timeout], [7, 4, 90_000]);
    assert.equal(Number(other.runAt) - Number(other.createdAt), 3_600_000);
  },

  'jobs added at the same time are all there, each with an id of its own': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await Promise.all(Array.from({ length: 50 }, (_, i) => queue.enqueue('work', i)));
    assert.equal(new Set(ids).size, 50);
    const jobs = await (await engine.reopen(t, queue)).listJobs();
    assert.deepEqual(
      jobs.map(({ id, payload }) => `${id} ${payload}`).sort(),
      ids.map((id, i) => `${id} ${i}`).sort(),
    );
  },

  'a payload comes back as JSON has it, to getJob and to the handler': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = await queue.enqueueMany(PAYLOADS.map((payload) => ({ type: 'work', payload })));
    const got = new Map<string, unknown>();
    await drain(queue, { work: (payload, { job }) => void got.set(job.id, payload) });
    // As text: the order of the keys matters to who signs it.
    for (const [i, id] of ids.entries()) {
      const json = JSON.stringify(PAYLOADS[i]);
      assert.equal(JSON.stringify((await look(queue, id)).payload), json);
      assert.equal(JSON.stringify(got.get(id)), json);
    }
    const dated = await queue.enqueue('work', { at: new Date(0), left: undefined });
    assert.deepEqual((await look(queue, dated)).payload, { at: '1970-01-01T00:00:00.000Z' });
  },

  'a payload that is left out is null': async (t, engine) => {
    const queue = await engine.open(t);
    const ids = [await queue.enqueue('work'), ...(await queue.enqueueMany([{ type: 'work' }]))];
    const got: unknown[] = [];
    await drain(queue, { work: (payload) => void got.push(payload) });
    assert.deepEqual(got, [null, null]);
    for (const id of ids) assert.equal((await look(queue, id)).payload, null);
  },

  'a payload that JSON cannot hold is refused by the place in it, and nothing is added': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const circle: { back?: unknown } = {};
    circle.back = circle;
    const wrong = [Number.NaN, 1n, () => {}, Symbol('s'), new Map(), new Error('e'), Promise.resolve()];
    for (const value of [...wrong, circle])
      await rejects(
        queue.enqueue('work', { list: [{ value }] }),
        'INVALID_ARGUMENT',
        'payload.list[0].value',
      );
    assert.deepEqual(await queue.listJobs(), []);
  },

  'a payload of maxPayload bytes is accepted, and one byte more is PAYLOAD_TOO_LARGE': async (t, engine) => {
    const queue = await engine.open(t, { maxPayload: 100 });
    // With its quotes; an ü has two bytes.
    const most = 'ü'.repeat(49);
    const id = await queue.enqueue('work', most);
    await rejects(queue.enqueue('work', `${most}!`), 'PAYLOAD_TOO_LARGE', '101', '100');
    await rejects(
      queue.enqueueMany([{ type: 'work' }, { type: 'work', payload: `${most}!` }]),
      'PAYLOAD_TOO_LARGE',
    );
    assert.deepEqual(
      (await queue.listJobs()).map((job) => job.id),
      [id],
    );
  },

  'a type may have any name that can be typed; others are refused': async (t, engine) => {
    const queue = await engine.open(t);
    for (const name of WRONG_NAMES)
      await rejects(queue.enqueue(name as string), 'INVALID_ARGUMENT', /^type is /);
    assert.deepEqual(await queue.listJobs(), []);
    for (const name of NAMES) await queue.enqueue(name, name);
    const got: string[] = [];
    const handlers = NAMES.map((name) => [name, (payload: string) => void got.push(payload)] as const);
    assert.equal((await drain(queue, Object.fromEntries(handlers))).completed, NAMES.length);
    assert.deepEqual(got.sort(), [...NAMES].sort());
    assert.deepEqual(Object.keys((await queue.stats()).types).sort(), [...NAMES].sort());
    for (const name of NAMES) assert.equal((await queue.listJobs({ type: name })).length, 1);
  },

  'wrong options of a job are refused by their names, and nothing is added': async (t, engine) => {
    const queue = await engine.open(t);
    for (const [options, named] of WRONG_OPTIONS) {
      await rejects(queue.enqueue('work', null, options as EnqueueOptions), 'INVALID_ARGUMENT', named);
    }
    assert.deepEqual(await queue.listJobs(), []);
  },

  'a time limit may be longer than a day': {
    needs: 'long time limit',
    steps: async (t, engine) => {
      const queue = await engine.open(t);
      const id = await queue.enqueue('work', null, { timeout: '30d' });
      await drain(queue, { work: () => {} });
      assert.deepEqual(await fields(queue, id, 'timeout', 'status'), [30 * 86_400_000, 'completed']);
    },
    refused: async (t, engine) => (await engine.open(t)).enqueue('work', null, { timeout: '30d' }),
  },

  'enqueueMany adds jobs in their order, each with its own options': async (t, engine) => {
    const queue = await engine.open(t);
    assert.deepEqual(await queue.enqueueMany([]), []);
    const jobs = Array.from({ length: 300 }, (_, i) => ({
      type: 'work',
      payload: { i },
      options: { maxAttempts: i + 1 },
    }));
    const ids = await queue.enqueueMany(jobs);
    const found = new Map((await queue.listJobs()).map((job) => [job.id, job]));
    assert.equal(found.size, 300);
    assert.deepEqual(
      ids.map((id) => [found.get(id)?.payload.i, found.get(id)?.maxAttempts]),
      jobs.map((_, i) => [i, i + 1]),
    );
    const order: number[] = [];
    await drain(queue, { work: ({ i }) => void order.push(i) });
    assert.deepEqual(
      order,
      jobs.map((_, i) => i),
    );
  },

  'enqueueMany adds none if one of the jobs is wrong, and says which': async (t, engine) => {
    const queue = await engine.open(t);
    const wrong = [
      { type: '' },
      { type: 'work', payload: 1n },
      { type: 'work', options: { delay: -1 } },
      null,
    ];
    for (const job of wrong) {
      const jobs = [{ type: 'work' }, job as { type: string }, { type: 'work' }];
      await rejects(queue.enqueueMany(jobs), 'INVALID_ARGUMENT', 'jobs[1]');
    }
    await rejects(queue.enqueueMany('work' as never), 'INVALID_ARGUMENT', 'jobs');
    assert.deepEqual(await queue.listJobs(), []);
  },

  'a queue may be opened with a durability of its own': {
    needs: 'durability',
    steps: async (t, engine) => {
      for (const durability of ['sync', 'os'] as const) {
        const queue = await engine.open(t, { durability });
        const id = await queue.enqueue('work');
        assert.deepEqual(await fields(await engine.reopen(t, queue), id, 'status'), ['pending']);
      }
    },
    refused: async (t, engine) => (await engine.open(t, { durability: 'os' })).enqueue('work'),
  },

  'wrong options of a queue are refused by their names': async (t, engine) => {
    for (const options of [{ maxPayload: 0 }, { maxPayload: '1' }, { maxPaylode: 1 }]) {
      const open = async () => engine.open(t, options as never);
      await rejects(open(), 'INVALID_ARGUMENT', Object.keys(options)[0] as string);
    }
  },
};
