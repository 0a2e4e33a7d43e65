/* One receiver of webhooks that hangs doesn't hold up the others, if their jobs have groups. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { Queue } from 'tsvq';
import { until } from '../support/waiting.js';
import { emptyQueue } from './empty-queue.js';
import { receiver } from './webhook-receiver.js';
import { serve, startWorker } from './worker-process.js';

/** A receiver that answers nothing until it is told to. */
async function slowReceiver(t: TestContext) {
  const open: ServerResponse[] = [];
  let isHanging = true;
  const url = await serve(t, (_, response) => {
    if (isHanging) open.push(response);
    else response.end();
  });
  const answer = (): void => {
    isHanging = false;
    for (const response of open) response.end();
  };
  return { url, open, answer };
}

const webhooks = (url: string, count: number, group?: string) =>
  Array.from({ length: count }, () => ({ type: 'webhook', payload: { url }, options: { group } }));

const hostOf = (url: string): string => new URL(url).host;

/** Starts the worker script, which runs `concurrency` jobs at a time and stays. */
function start(t: TestContext, file: string, env: NodeJS.ProcessEnv) {
  const worker = startWorker({ QUEUE_FILE: file, QUEUE_LINGER: '1h', ...env });
  t.after(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
  });
  return worker;
}

const isDone = async (queue: Queue, ids: string[]): Promise<boolean> => {
  const jobs = await Promise.all(ids.map((id) => queue.getJob(id)));
  return jobs.every((job) => job?.status === 'completed');
};

for (const [env, most] of [
  [{}, 2],
  [{ WEBHOOK_CONCURRENCY: '3' }, 3],
] as const)
  test(`all webhooks to another receiver arrive while ${most} hang in one, of two workers`, async (t) => {
    const { file, queue } = emptyQueue(t);
    const slow = await slowReceiver(t);
    const quick = await receiver(t, (_, response) => response.end());
    // The hanging ones come first in the queue.
    const hung = await queue.enqueueMany(webhooks(slow.url, 20, hostOf(slow.url)));
    const ids = await queue.enqueueMany(webhooks(quick.url, 20, hostOf(quick.url)));
    const workers = [1, 2].map(() => start(t, file, { QUEUE_CONCURRENCY: '4', ...env }));
    await until('all of them are done', () => isDone(queue, ids));
    assert.equal(quick.seen.length, ids.length);
    await until('as many hang as may', () => slow.open.length >= most);
    assert.equal(slow.open.length, most);
    assert.equal((await queue.listJobs({ status: 'processing' })).length, most);
    const waiting = await queue.listJobs({ status: 'pending' });
    assert.deepEqual([...new Set(waiting.map(({ attempts }) => attempts))], [0], 'a wait costs no attempt');
    slow.answer();
    await until('the others are done, too', () => isDone(queue, hung));
    for (const { child } of workers) child.kill('SIGTERM');
    for (const { ended } of workers) assert.equal((await ended).code, 0);
  });

test('webhooks without a group have no limit', async (t) => {
  const { file, queue } = emptyQueue(t);
  const slow = await slowReceiver(t);
  const ids = await queue.enqueueMany(webhooks(slow.url, 4));
  start(t, file, { QUEUE_CONCURRENCY: '4', WEBHOOK_CONCURRENCY: '1' });
  await until('all of them hang', () => slow.open.length === ids.length);
  slow.answer();
  await until('all of them are done', () => isDone(queue, ids));
});

test('the place of a killed worker is free as soon as the next one starts', async (t) => {
  const { file, queue } = emptyQueue(t);
  const slow = await slowReceiver(t);
  const ids = await queue.enqueueMany(webhooks(slow.url, 2, hostOf(slow.url)));
  const env = { QUEUE_CONCURRENCY: '4', WEBHOOK_CONCURRENCY: '1' };
  const first = start(t, file, env);
  await until('one hangs', () => slow.open.length === 1);
  first.child.kill('SIGKILL');
  await first.ended;
  start(t, file, env);
  await until('the next one hangs', () => slow.open.length === 2);
  assert.equal((await queue.listJobs({ status: 'processing' })).length, 1);
  slow.answer();
  await until('both are done', () => isDone(queue, ids));
});
