import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, type TestContext, test } from 'node:test';
import { copiedProject, emptyQueue } from './empty-queue.js';
import { serve, startWorker } from './worker-process.js';

/*
 * What the worker script does with signals, and with handlers that ignore its abort.
 */

describe('signals', () => {
  /** A receiver that answers when told to. */
  async function slowReceiver(t: TestContext) {
    const requests: [IncomingMessage, ServerResponse][] = [];
    const arrivals = new EventEmitter();
    const url = await serve(t, (...request) => {
      requests.push(request);
      arrivals.emit('arrival');
    });
    /** The next request, which is this worker's. */
    const requestOf = async (worker: ReturnType<typeof startWorker>) => {
      const arrival = requests.length > 0 ? undefined : once(arrivals, 'arrival');
      const early = worker.ended.then((run) => assert.fail(`it ended first: ${JSON.stringify(run)}`));
      await Promise.race([arrival, early]);
      return requests.shift() as [IncomingMessage, ServerResponse];
    };
    return { url, requestOf };
  }

  test('SIGTERM lets running jobs finish, and starts no more', async (t) => {
    const { file, queue } = emptyQueue(t);
    const { url, requestOf } = await slowReceiver(t);
    const [running, waiting] = await queue.enqueueMany(
      [1, 2].map(() => ({ type: 'webhook', payload: { url } })),
    );
    const worker = startWorker({ QUEUE_FILE: file });
    const [, response] = await requestOf(worker);
    worker.child.kill('SIGTERM');
    await worker.complained('SIGTERM');
    response.end();
    const { code, events } = await worker.ended;
    assert.equal(code, 0);
    assert.deepEqual(
      events.map(({ event, id }) => ({ event, id })),
      [{ event: 'completed', id: running }],
    );
    assert.equal((await queue.getJob(waiting ?? ''))?.attempts, 0);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal}: a job that outlasts the grace time is given back, and not charged for it`, async (t) => {
      const { file, queue } = emptyQueue(t);
      const { url, requestOf } = await slowReceiver(t);
      const id = await queue.enqueue('webhook', { url });
      const worker = startWorker({ QUEUE_FILE: file, QUEUE_GRACE: '100ms' });
      const [request] = await requestOf(worker);
      const hungUp = new Promise((resolve) => request.once('close', resolve));
      worker.child.kill(signal);
      const { code, events } = await worker.ended;
      await hungUp;
      assert.equal(code, 0);
      assert.deepEqual(
        events.map(({ event, id }) => ({ event, id })),
        [{ event: 'released', id }],
      );
      const job = await queue.getJob(id);
      assert.equal(job?.status, 'pending');
      assert.equal(job.attempts, 1);
      assert.equal(job.forgiven, 1);
      assert.ok(job.runAt.getTime() <= Date.now());
    });

  for (const [signal, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)
    test(`a second ${signal} ends the worker at once; the next worker takes the job back`, async (t) => {
      const { file, queue } = emptyQueue(t);
      const { url, requestOf } = await slowReceiver(t);
      const id = await queue.enqueue('webhook', { url });
      const worker = startWorker({ QUEUE_FILE: file, QUEUE_GRACE: '1h' });
      await requestOf(worker);
      worker.child.kill(signal);
      await worker.complained(signal);
      worker.child.kill(signal);
      const { code } = await worker.ended;
      assert.equal(code, exitCode);
      assert.equal((await queue.getJob(id))?.status, 'processing');

      const next = startWorker({ QUEUE_FILE: file });
      const [, response] = await requestOf(next);
      response.end();
      const { events } = await next.ended;
      assert.deepEqual(
        events.map((event) => event.event),
        ['rescued', 'completed'],
      );
      assert.equal((await queue.getJob(id))?.status, 'completed');
    });

  test('a worker with QUEUE_LINGER stays for new jobs, and ends when it is told to', async (t) => {
    const { file, queue } = emptyQueue(t);
    const { url, requestOf } = await slowReceiver(t);
    await queue.enqueue('webhook', { url });
    const worker = startWorker({ QUEUE_FILE: file, QUEUE_LINGER: '1m' });
    const [, first] = await requestOf(worker);
    first.end();
    await queue.enqueue('webhook', { url });
    const [, second] = await requestOf(worker);
    second.end();
    worker.child.kill('SIGTERM');
    const { code, events } = await worker.ended;
    assert.equal(code, 0);
    assert.deepEqual(
      events.map((event) => event.event),
      ['completed', 'completed'],
    );
  });
});

describe('a handler that ignores its abort', () => {
  const STUBBORN = `export function webhook() {
    console.error('stubborn');
    return new Promise(() => setInterval(() => {}, 1000));
  }`;

  test('does not keep the worker from ending', async (t) => {
    const { script, queue } = await copiedProject(t, STUBBORN);
    const id = await queue.enqueue('webhook', {});
    const worker = startWorker({ QUEUE_GRACE: '50ms' }, { script });
    await worker.complained('stubborn');
    worker.child.kill('SIGTERM');
    const { code, stderr } = await worker.ended;
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, /left something running/);
    assert.equal((await queue.getJob(id))?.status, 'pending');
  });

  test('does not outlive the worker after its time limit', async (t) => {
    const { script, queue } = await copiedProject(t, STUBBORN);
    const id = await queue.enqueue('webhook', {}, { timeout: 50, maxAttempts: 1 });
    const { code, stderr } = await startWorker({ QUEUE_GRACE: '50ms' }, { script }).ended;
    assert.equal(code, 0);
    assert.match(stderr, /left something running/);
    assert.equal((await queue.getJob(id))?.status, 'failed');
  });
});
