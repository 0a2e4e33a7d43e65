import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import type { EnqueueOptions } from '../../../../lib/job/job-options.js';
import type { WorkerOptions } from '../../../../lib/job/options.js';
import type { Policy } from '../../../../lib/job/policy.js';
import type { HandlerEntry } from '../../../../lib/runner/handler.js';
import { claimed, dead, NOW, over, silent } from '../../../support/claims.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { temporaryFolder } from '../../../support/folders.js';
import { fails, stubborn } from '../../../support/handlers.js';
import { jobId, line, NINE, rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/*
 * What a type's policy means for its jobs: when they are claimed, when they fail, and when they are taken back.
 */

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** The combinations of an option of the job, the type and the worker, each with the value that counts. */
const LEVELS = [
  [undefined, undefined, undefined, 'default'],
  [undefined, undefined, 4, 4],
  [undefined, 2, 4, 2],
  [undefined, 2, undefined, 2],
  [5, 2, 4, 5],
  [5, undefined, 4, 5],
  [5, 2, undefined, 5],
  [1, 2, 4, 1],
] as const;

/** Runs a job that always fails. @returns its row after that */
async function run(t: TestContext, job: EnqueueOptions, policy: Policy, worker: WorkerOptions) {
  const { queue, file, clock } = openTest(t);
  await queue.enqueue('email', {}, job);
  await queue.processJobs({ email: { handler: fails(new Error('no')), ...policy } }, worker);
  return { row: rowsOf(file)[0] as Record<string, string>, now: clock.now() };
}

for (const [job, type, worker, counts] of LEVELS) {
  const name = `job ${job}, type ${type}, worker ${worker}`;

  test(`the limit of attempts that counts: ${name}`, async (t) => {
    const again = { maxAttempts: worker, backoff: [0] };
    const { row } = await run(t, { maxAttempts: job }, { maxAttempts: type }, again);
    assert.deepEqual([row.status, Number(row.attempts)], ['failed', counts === 'default' ? 3 : counts]);
    assert.equal(
      row.max_attempts,
      job === undefined ? '' : String(job),
      'only a limit of the job is written',
    );
  });

  test(`the time limit that counts is in the claim: ${name}`, async (t) => {
    const ofHours = (n: number | undefined) => (n === undefined ? undefined : `${n}h`);
    const { row } = await run(
      t,
      { timeout: ofHours(job) },
      { timeout: ofHours(type) },
      { timeout: ofHours(worker) },
    );
    assert.equal(Number(row.claim_timeout), counts === 'default' ? 3600 : counts * 3600);
    assert.equal(row.timeout, job === undefined ? '' : String(job * 3600));
  });

  test(`the wait that counts: type ${type}, worker ${worker}; job ${job} has none`, async (t) => {
    const table = (n: number | undefined) => (n === undefined ? undefined : [n * 1000]);
    const { row, now } = await run(t, {}, { backoff: table(type) }, { backoff: table(worker) });
    assert.equal(Number(row.run_at) - now / 1000, type ?? worker ?? 120);
  });
}

test('a policy is for the jobs of its type alone', async (t) => {
  const { queue } = openTest(t);
  const ids = await queue.enqueueMany([{ type: 'email' }, { type: 'report' }, { type: 'plain' }]);
  const handler = fails(new Error('no'));
  await queue.processJobs(
    { email: { handler, maxAttempts: 1 }, report: { handler, maxAttempts: 2 }, plain: handler },
    { backoff: [0] },
  );
  const jobs = await Promise.all(ids.map((id) => queue.getJob(id)));
  assert.deepEqual(
    jobs.map((job) => job?.attempts),
    [1, 2, 3],
  );
});

test('a policy that is lowered below the attempts used applies to jobs that wait for a retry', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email');
  const handler = fails(new Error('no'));
  const work = (maxAttempts: number) =>
    queue.processJobs({ email: { handler, maxAttempts, backoff: ['1s'] } });
  for (let n = 0; n < 4; n++) {
    await work(9);
    clock.advance(1000);
  }
  assert.deepEqual([(await queue.getJob(id))?.status, (await queue.getJob(id))?.attempts], ['pending', 4]);
  assert.equal((await work(2)).failed, 1);
  assert.deepEqual([(await queue.getJob(id))?.status, (await queue.getJob(id))?.attempts], ['failed', 5]);
});

test('a time limit of a type stops its handlers', async (t) => {
  const { queue, clock } = openTest(t);
  await queue.enqueue('email');
  const { started, end, handler } = stubborn();
  const aborted: unknown[] = [];
  const working = queue.processJobs({
    email: {
      handler: (_, { signal }) => {
        signal.onabort = () => {
          aborted.push(signal.reason.name);
          end.reject(signal.reason);
        };
        return handler();
      },
      timeout: '5s',
    },
  });
  await started;
  clock.advance(4999);
  assert.deepEqual(aborted, []);
  clock.advance(1);
  assert.deepEqual([(await working).retried, aborted], [1, ['TimeoutError']]);
});

test('a worker in another container with a shorter limit takes a job back by the limit of its type', async (t) => {
  const { queue, file, clock } = openTest(t, { processes: { ...systemProcesses, self: () => silent } });
  await queue.enqueue('email');
  const { started, end, handler } = stubborn();
  const working = queue.processJobs({ email: { handler, timeout: '6h' } }, { logger: () => {} });
  await started;
  const later = new FakeClock(clock.now());
  const other = openTest(t, { file, clock: later }).queue;
  const rescued = async (ms: number): Promise<number> => {
    later.advance(ms);
    return (await other.processJobs({ email: () => 'again' }, { timeout: '1h' })).rescued;
  };
  // Twice the worker's own limit, and a minute; then twice the type's.
  assert.equal(await rescued(2 * HOUR + MINUTE + 1000), 0);
  assert.equal(await rescued(10 * HOUR - 1000), 0);
  assert.equal(await rescued(1000), 1);
  end.resolve('much too late');
  assert.equal((await working).completed, 0);
});

test('a claim in an old file, which has no column for its limit, is taken back as before', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const columns = [...NINE.split('\t'), 'priority', 'locked_by', 'started_at', 'version'];
  const fields = { id: jobId(1), status: 'processing', attempts: 1, locked_by: silent, started_at: NOW };
  writeFileSync(file, `${columns.join('\t')}\n${line({ ...fields, version: 2 }, columns)}`);
  const { queue, clock } = openTest(t, { file });
  const work = () => queue.processJobs({ email: { handler: () => {}, timeout: '6h' } });
  clock.advance(2 * HOUR + MINUTE);
  assert.equal((await work()).rescued, 0);
  clock.advance(1000);
  assert.equal((await work()).rescued, 1);
  assert.equal(Number(rowsOf(file)[0]?.claim_timeout), 6 * 3600);
});

test('the job of a dead worker fails by the limit of its type, not by that of the worker that takes it back', async (t) => {
  for (const [policy, worker, failed] of [
    [2, 9, 1],
    [9, 2, 0],
  ] as const) {
    const { queue } = over(t, claimed(1, { attempts: 3 }));
    const types = { email: { handler: () => {}, maxAttempts: policy } };
    const summary = await queue.processJobs(types, { maxAttempts: worker });
    assert.deepEqual([summary.rescued, summary.failed], [1, failed], `${policy}`);
  }
});

test("a dead worker's job with a limit of its own fails by that, whatever the policy", async (t) => {
  const { queue } = over(
    t,
    claimed(1, { attempts: 3, max_attempts: 3 }),
    claimed(2, { attempts: 3, max_attempts: 4, locked_by: dead(2) }),
  );
  for (const maxAttempts of [1, 9]) await queue.processJobs({ email: { handler: () => {}, maxAttempts } });
  const states = [1, 2].map(async (n) => (await queue.getJob(jobId(n)))?.status);
  assert.deepEqual(await Promise.all(states), ['failed', 'completed']);
});

test('a worker with policies for other types leaves the job of a dead worker', async (t) => {
  const { queue } = over(t, claimed(1, { attempts: 3 }));
  const types = { report: { handler: () => {}, maxAttempts: 1 } };
  assert.equal((await queue.processJobs(types, { logger: () => {} })).rescued, 0);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'processing');
});

test('entries that can not be used are refused before any job is claimed', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('email');
  const handler = (): void => {};
  for (const [entry, ...message] of [
    [{}, 'handlers.email.handler is undefined (undefined); it must be a function'],
    [{ handler: 'send' }, 'handlers.email.handler is "send"'],
    [5, 'handlers.email is 5 (number); it must be a function, or an object with a handler'],
    [[handler], 'handlers.email.0 is'],
    [
      { handler, maxAttemps: 3 },
      'handlers.email.maxAttemps is 3 (number); it must be left out: the options are ',
    ],
    [
      { handler, maxAttemps: 3 },
      'handler, maxAttempts, timeout, backoff, retryIf, concurrency, rateLimit, schema',
    ],
    [{ handler, maxAttempts: 0 }, 'handlers.email.maxAttempts is 0 (number); it must be a whole number'],
    [{ handler, timeout: -1 }, 'handlers.email.timeout is -1'],
    [{ handler, backoff: { kind: 'x' } }, 'handlers.email.backoff.kind is "x"'],
    [{ handler, retryIf: 'never' }, 'handlers.email.retryIf is "never"'],
    [{ handler, schema: {} }, 'handlers.email.schema is'],
  ] as [unknown, ...string[]][]) {
    await rejects(
      queue.processJobs({ other: () => {}, email: entry as HandlerEntry }),
      'INVALID_ARGUMENT',
      ...message,
    );
  }
  assert.equal((await queue.stats()).pending, 1);
});
