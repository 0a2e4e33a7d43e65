/*
 * A worker that dies of an uncaught exception records it in the jobs that ran.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isThorough } from '../support/samples.js';
import { CLI } from './cli-process.js';
import { projectOf, WORKERS } from './every-worker.js';

const TIMER = "() => new Promise(() => setTimeout(() => { throw new Error('boom'); }))";
const REJECTION = "() => new Promise(() => { Promise.reject(new Error('boom')); })";
/** Of many, as forEach with an async function makes them. */
const MANY = "() => new Promise(() => [1, 2, 3].forEach(async (n) => { throw new Error('boom ' + n); }))";
/** When three have begun, the first of them throws; alone, the others do what they should. */
const TOGETHER = `(() => {
  let begun = 0;
  return ({ n }) => new Promise((resolve) => {
    begun++;
    if (process.env.ALONE ? n === 1 : begun === 3) setTimeout(() => { throw new Error('boom'); });
    if (n !== 1 && process.env.ALONE) resolve();
  });
})()`;

/** What is thrown, and what is told of it. */
const THROWN = [
  ['null', /null/],
  ['undefined', /undefined/],
  ["'a string'", /a string/],
  ['{ reason: 7 }', /reason: 7/],
  ['Object.create(null)', /null prototype/],
  ["Object.defineProperty(new Error('x'), 'stack', { get() { throw new Error('hostile'); } })", /./],
  ["Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'write' })", /no room/],
  ["Object.assign(new Error('mine'), { code: 'LOCK_TIMEOUT' })", /mine/],
] as const;

/** Short, so it tells each. */
const DOCUMENTED = 'the web process of docs/operations.md';

const show = (file: string, id: string): string =>
  spawnSync(process.execPath, [CLI, 'show', id, '--file', file], { encoding: 'utf8' }).stdout;

// In the nightly form each worker has every case; otherwise they share the cases.
for (const [n, name] of Object.keys(WORKERS).entries())
  describe(name, { concurrency: 2 }, () => {
    for (const [what, handler] of Object.entries({
      'a throw in a timer': TIMER,
      'an unhandled rejection': REJECTION,
      'many rejections at once': MANY,
    }).filter((_, i) => isThorough || (n + i) % 2 === 0))
      test(`${what} fails the attempt of the job that ran, and ends it with 1`, async (t) => {
        const { file, queue, type, run } = projectOf(t, name, handler);
        const id = await queue.enqueue(type, {}, { priority: 1 });
        const last = await queue.enqueue(type, {}, { maxAttempts: 1, delay: '1h' });
        const others = await queue.enqueueMany([{ type }, { type: 'another' }]);
        const before = Date.now();
        const { code, stderr } = await run();
        assert.equal(code, 1);
        assert.match(stderr, /Error: boom/);
        assert.match(stderr, /at .*\.m?js/);
        if (name !== DOCUMENTED || what !== 'many rejections at once')
          assert.equal(stderr.match(/Error: boom/g)?.length, 1, stderr);
        const job = await queue.getJob(id);
        assert.deepEqual(
          [job?.status, job?.attempts, job?.forgiven, job?.lockedBy],
          ['pending', 1, 0, undefined],
        );
        assert.match(
          String(job?.error),
          /^Error: boom( 1)?\nnothing caught this, and it ended the process.*\n +at /,
        );
        assert.ok(Number(job?.runAt) > before + 20_000, 'it waits for its next attempt');
        assert.match(show(file, id), /Error: boom/);
        for (const other of [last, ...others]) {
          const { status, attempts = 0, forgiven = 0, error } = (await queue.getJob(other)) ?? {};
          assert.deepEqual([status, attempts - forgiven, error], ['pending', 0, undefined]);
        }
        assert.equal(existsSync(`${file}.lock`), false, 'the lock was left');
      });

    // The rest is the library's; two workers show that both kinds of module have it.
    if (n > 1 && !isThorough) return;

    test('the job has failed at the last attempt', async (t) => {
      const { queue, type, run } = projectOf(t, name, TIMER);
      const id = await queue.enqueue(type, {}, { maxAttempts: 1 });
      assert.equal((await run()).code, 1);
      const job = await queue.getJob(id);
      assert.deepEqual([job?.status, job?.attempts], ['failed', 1]);
      assert.match(String(job?.error), /boom/);
    });

    test('forgives each of several running jobs, which says why, and runs alone next', async (t) => {
      const { file, queue, type, run } = projectOf(t, name, TOGETHER, 3);
      const ids = await queue.enqueueMany(
        [1, 2, 3].map((n) => ({ type, payload: { n }, options: { maxAttempts: 1 } })),
      );
      const waiting = await queue.enqueue(type, { n: 4 });
      assert.equal((await run()).code, 1);
      for (const id of ids) {
        const job = await queue.getJob(id);
        assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', 1, 1]);
        assert.match(
          String(job?.error),
          /^worker died during attempt 1, beside 2 other jobs \(forgiven\); it ended by Error: boom\n/,
        );
        assert.match(show(file, id), /boom/);
      }
      const after = await queue.getJob(waiting);
      assert.equal(Number(after?.attempts) - Number(after?.forgiven), 0);
      // The culprit runs alone, and takes none with it.
      const codes = [];
      for (let i = 0; i < 3; i++) codes.push((await run('ALONE=1 "$@"')).code);
      assert.deepEqual(codes.filter((code) => code === 1).length, 1);
      const states = await Promise.all([...ids, waiting].map(async (id) => (await queue.getJob(id))?.status));
      assert.deepEqual(states, ['failed', 'completed', 'completed', 'completed']);
      assert.match(String((await queue.getJob(ids[0] as string))?.error), /^Error: boom/);
    });

    test('during a shutdown', async (t) => {
      const handler = `() => new Promise(() => {
        process.kill(process.pid, 'SIGTERM');
        process.once('SIGTERM', () => setTimeout(() => { throw new Error('boom'); }, 50));
      })`;
      const { queue, type, run } = projectOf(t, name, handler);
      const id = await queue.enqueue(type);
      assert.equal((await run()).code, 1);
      const job = await queue.getJob(id);
      assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', 1, 0]);
      assert.match(String(job?.error), /boom/);
    });
  });

for (const [n, name] of [
  'workers/queue_worker.js',
  'queue work',
  'the worker of queue init, in CommonJS',
].entries())
  describe(`${name}, whatever is thrown`, { concurrency: 2 }, () => {
    for (const [i, [thrown, expected]] of THROWN.entries())
      for (const how of ['setTimeout(() => { throw x; })', 'Promise.reject(x)'].filter(
        (_, h) => isThorough || (n + i + h) % 5 === 0,
      ))
        test(`${thrown} by ${how}`, async (t) => {
          const { queue, type, run } = projectOf(
            t,
            name,
            `() => new Promise(() => { const x = ${thrown}; ${how}; })`,
          );
          const id = await queue.enqueue(type);
          const { code, stderr } = await run();
          assert.equal(code, 1, stderr);
          const job = await queue.getJob(id);
          assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', 1, 0]);
          assert.match(String(job?.error), expected);
        });
  });

test('an exception is recorded although stderr is broken', { skip: !existsSync('/dev/full') }, async (t) => {
  for (const how of ['"$@" 2> /dev/full', '"$@" 2>&-', '"$@" 2> >(exec true)']) {
    const { queue, type, run } = projectOf(t, 'workers/queue_worker.js', TIMER);
    const id = await queue.enqueue(type);
    assert.equal((await run(how)).code, 1);
    assert.match(String((await queue.getJob(id))?.error), /boom/);
  }
});

test('an exception that comes when no job runs changes no job', async (t) => {
  const { queue, type, run } = projectOf(
    t,
    'workers/queue_worker.js',
    "() => { setTimeout(() => { throw new Error('late'); }, 500); }",
  );
  const id = await queue.enqueue(type);
  assert.equal((await run()).code, 1);
  assert.equal((await queue.getJob(id))?.status, 'completed');
});

test('a rejection is left to the handlers if they listen for it', async (t) => {
  const handler = `(process.on('unhandledRejection', () => {}), async () => {
    Promise.reject(new Error('boom'));
    await new Promise((resolve) => setTimeout(resolve, 50));
  })`;
  for (const name of Object.keys(WORKERS)) {
    const { queue, type, run } = projectOf(t, name, handler);
    const id = await queue.enqueue(type);
    assert.equal((await run()).code, 0, name);
    assert.equal((await queue.getJob(id))?.status, 'completed', name);
  }
});
