/*
 * The job that tells of a failed one, where its row might get lost, or be there twice.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HandlerEntries } from '../../../../lib/runner/handler.js';
import { claimed, over } from '../../../support/claims.js';
import { jobId, line, linesOf, rowsOf, text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const fail = (): never => {
  throw new Error('no');
};

const handlers: Partial<HandlerEntries> = { email: { handler: fail, maxAttempts: 1, failureJob: 'notify' } };

/** The row of a failed job as it is before a compaction: it carries the failureJob. */
async function failedRow(t: TestContext): Promise<string> {
  const { queue, file } = openTest(t);
  await queue.enqueue('email');
  let found: string | undefined;
  const onFailure = (): void => {
    found = linesOf(file).find((row) => row.includes('\tfailed\t'));
  };
  const email = { handler: fail, maxAttempts: 1, failureJob: 'notify', onFailure };
  await queue.processJobs({ email }, { logger: () => {} });
  assert.ok(found);
  return `${found}\n`;
}

const notifiesIn = (file: string): unknown[] =>
  rowsOf(file).flatMap(({ type, payload }) => (type === 'notify' ? [JSON.parse(payload ?? '')] : []));

test('a worker that takes back the last attempt of a dead one adds the failureJob, and calls onFailure', async (t) => {
  const { queue, file } = over(t, claimed(1, { attempts: 3, payload: '{"n":1}' }));
  const calls: unknown[] = [];
  const onFailure = (job: { id: string }, error: unknown) =>
    calls.push([job.id, (error as Error).message.split(' during')[0]]);
  await queue.processJobs(
    { email: { handler: fail, failureJob: 'notify', onFailure } },
    { logger: () => {} },
  );
  assert.deepEqual(calls, [[jobId(1), 'worker died']]);
  const [told, ...others] = notifiesIn(file) as Record<string, unknown>[];
  assert.deepEqual([told?.id, told?.type, told?.attempts, told?.payload], [jobId(1), 'email', 3, { n: 1 }]);
  assert.match(String(told?.error), /^worker died/);
  assert.deepEqual(others, []);
});

test('the payload of a failed job is told as it is in the file', async (t) => {
  const { queue, file } = over(
    t,
    line({ id: jobId(1), payload: '{"n":12345678901234567890}' }),
    line({ id: jobId(2), payload: '{"cut' }),
  );
  await queue.processJobs(handlers, { logger: () => {} });
  assert.match(text(file), /"payload":\{"n":12345678901234567890\}\}\t/);
  assert.equal((notifiesIn(file)[1] as Record<string, unknown>).payload, '{"cut');
});

test('each failure is told of, whatever keys the type has by default', async (t) => {
  const { queue, file } = openTest(t, {
    defaults: { notify: { dedupeKey: true, priority: 3, maxAttempts: 7 } },
  });
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  await queue.processJobs(handlers, { logger: () => {} });
  const rows = rowsOf(file).filter(({ type }) => type === 'notify');
  assert.deepEqual(
    rows.map(({ priority, max_attempts, dedupe_key }) => [priority, max_attempts, dedupe_key]),
    [
      ['3', '7', ''],
      ['3', '7', ''],
    ],
  );
});

test('a failureJob that a crash cut off comes by the next compaction, once', async (t) => {
  // As after a kill between the two rows of the commit: only the failed row is there, which carries the other.
  const again = over(t, await failedRow(t));
  await again.queue.compact();
  assert.equal(notifiesIn(again.file).length, 1);
  await again.queue.compact();
  assert.equal(notifiesIn(again.file).length, 1);
});

test('a retry of a failed job keeps the failureJob that a crash cut off', async (t) => {
  const row = await failedRow(t);
  const again = over(t, row);
  assert.equal(await again.queue.retryJob(row.split('\t')[0] as string), true);
  assert.equal(notifiesIn(again.file).length, 1);
  await again.queue.processJobs({ email: () => {} }, { logger: () => {} });
  await again.queue.compact();
  assert.equal(notifiesIn(again.file).length, 1);
});
