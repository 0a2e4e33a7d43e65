import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejects } from '../../../support/errors.js';
import { obedient, stubborn } from '../../../support/handlers.js';
import { openTest } from '../../../support/queues.js';

/*
 * What becomes of workers when their queue is closed.
 */

test('closing the queue stops its workers: running jobs may end, waiting ones are given back, then it is closed', async (t) => {
  const { queue, clock, file } = openTest(t);
  const ids = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: handler }, { linger: '1h' });
  await started;
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  // What a handler asks for while it comes to its end.
  const late = await queue.enqueue('report');
  assert.equal(closed, false);
  end.resolve('sent');
  const summary = await working;
  await closing;
  assert.deepEqual([summary.completed, summary.claimed - summary.released], [1, 1]);
  await rejects(queue.enqueue('email'), 'CLOSED', file);

  const other = openTest(t, { file, clock }).queue;
  const jobs = await Promise.all([...ids, late].map((id) => other.getJob(id)));
  assert.deepEqual(
    jobs.map((job) => [job?.status, job?.lockedBy]),
    [
      ['completed', undefined],
      ['pending', undefined],
      ['pending', undefined],
    ],
  );
});

test('closing the queue does not wait longer for a job than its grace time, and gives it back', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('email');
  const { started, handler } = obedient();
  const working = queue.processJobs({ email: handler }, { grace: '10s', logger: () => {} });
  await started;
  const closing = queue.close();
  clock.advance(10_000);
  await closing;
  assert.equal((await working).released, 1);
  const job = await openTest(t, { file, clock }).queue.getJob(id);
  assert.deepEqual([job?.status, job?.attempts, job?.forgiven], ['pending', 1, 1]);
});

test('a worker that declares schedules and is just beginning ends, too, when its queue is closed', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('email');
  const schedules = { hourly: { type: 'email', every: '1h' } } as const;
  const working = queue.processJobs({ email: () => {} }, { linger: '1h', schedules });
  await queue.close();
  assert.equal((await working).claimed, 0);
});

test('a worker that is called while its queue closes does not begin, and one that is just beginning ends', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const { started, end, handler } = stubborn();
  const first = queue.processJobs({ email: handler }, { linger: '1h' });
  await started;
  const ran: unknown[] = [];
  const second = queue.processJobs({ email: () => void ran.push('second') }, { linger: '1h' });
  const closing = queue.close();
  await rejects(queue.processJobs({ email: () => void ran.push('third') }), 'CLOSED', file);
  end.resolve(undefined);
  assert.equal((await first).completed, 1);
  assert.equal((await second).claimed, 0);
  await closing;
  assert.deepEqual(ran, []);
  const { pending, processing } = await openTest(t, { file, clock }).queue.stats();
  assert.deepEqual([pending, processing], [1, 0]);
});

test("a queue that is closed at any moment of its worker's start leaves no claim", async (t) => {
  for (let turns = 0; turns < 12; turns++) {
    const { queue, clock, file } = openTest(t);
    await queue.enqueue('email');
    const working = queue.processJobs({ email: () => {} }, { linger: turns % 2 === 0 ? 0 : '1h' });
    for (let n = 0; n < turns; n++) await new Promise(setImmediate);
    await queue.close();
    await working;
    assert.equal((await openTest(t, { file, clock }).queue.stats()).processing, 0, `after ${turns} turns`);
  }
});
