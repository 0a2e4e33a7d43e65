import assert from 'node:assert/strict';
import { test } from 'node:test';
import { context, testQueue } from 'tsvq/testing';
import { handlers, type Jobs, signUp } from './signup.js';

test('a new user is welcomed, and asked for an opinion a week later', async (t) => {
  const { queue, drain, assertEnqueued, assertNotEnqueued, close } = testQueue<Jobs>({ handlers });
  t.after(close);
  const id = await signUp(queue, 'ann@example.com');
  await assertEnqueued('welcome', { to: 'ann@example.com' });
  await assertNotEnqueued('survey');

  assert.equal((await drain()).completed, 1);
  assert.equal(await queue.waitForJob(id), 'welcome, ann@example.com');
  const { status } = await assertEnqueued('survey', { to: 'ann@example.com' });
  assert.equal(status, 'pending');

  assert.equal((await drain(handlers, { advance: '7d' })).completed, 1);
});

test('a user without an address fails for good', async (t) => {
  const { queue, drain, close } = testQueue<Jobs>({ handlers });
  t.after(close);
  const id = await signUp(queue, 'ann');
  assert.equal((await drain()).failed, 1);
  await assert.rejects(queue.waitForJob(id), { code: 'JOB_FAILED', message: /no address: ann/ });
});

test('a handler by itself', async () => {
  const made = context<Jobs, 'welcome'>({ job: { attempts: 2 } });
  assert.equal(await handlers.welcome({ to: 'ann@example.com' }, made), 'welcome, ann@example.com');
  assert.deepEqual(made.enqueued, [
    { type: 'survey', payload: { to: 'ann@example.com' }, options: { delay: '7d' } },
  ]);
});
