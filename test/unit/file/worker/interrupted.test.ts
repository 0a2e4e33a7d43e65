import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Column } from '../../../../lib/file/format/columns.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import type { AttemptTools } from '../../../../lib/file/worker/attempt-tools.js';
import { ClaimedJob } from '../../../../lib/file/worker/claimed-job.js';
import { judge } from '../../../../lib/file/worker/outcome.js';
import { RetryAfterError } from '../../../../lib/job/errors.js';
import {
  DEFAULTS,
  resolveWorkerOptions,
  type WorkerEvent,
  type WorkerOptions,
} from '../../../../lib/job/options.js';
import { workerPolicy } from '../../../../lib/job/policy.js';
import { MemoryJournal } from '../../../../lib/runner/memory-journal.js';
import { MemoryLog } from '../../../../lib/runner/memory-log.js';
import { ServedTypes } from '../../../../lib/runner/served-types.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, jobOf, line, rowsOf, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, settle } from '../../../support/waiting.js';

/*
 * The end of a worker interrupts its attempts. Time stands still here unless it is moved.
 */

const ID = jobId(1);
const [host, boot, namespace] = systemProcesses.self().split('.');

/** A job that takes longer than its workers stay. */
function long(t: TestContext, fields: Parameters<typeof line>[0] = {}) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: ID, ...fields }));
  const { queue, clock } = openTest(t, { file });

  /** Begins it, and shuts the worker down. */
  const interrupt = async (options: WorkerOptions = {}) => {
    const stop = new AbortController();
    const started = deferred();
    const working = queue.processJobs(
      {
        email: async (_: unknown, { signal }: { signal: AbortSignal }) => {
          started.resolve();
          await once(signal, 'abort');
          throw signal.reason;
        },
      },
      { signal: stop.signal, grace: 0, logger: () => {}, ...options },
    );
    await Promise.race([started.promise, working]);
    stop.abort();
    clock.advance(0);
    return working;
  };
  const job = async () => {
    const found = await queue.getJob(ID);
    assert.ok(found);
    return found;
  };
  return { queue, clock, file, interrupt, job };
}

test('ten interruptions in a row cost nothing; later ones count as attempts, until the job fails', async (t) => {
  const { interrupt, job } = long(t);
  const events: WorkerEvent[] = [];
  for (let n = 1; n <= 12; n++) {
    const { released } = await interrupt({ logger: (event) => events.push(event) });
    const { status, attempts, forgiven, interruptions, lockedBy } = await job();
    assert.deepEqual(
      [released, status, attempts, forgiven, interruptions, lockedBy],
      [1, 'pending', n, Math.min(n, 10), n, undefined],
    );
  }
  const { released, failed } = await interrupt({ logger: (event) => events.push(event) });
  const last = await job();
  assert.deepEqual([released, failed, last.status, last.forgiven], [0, 1, 'failed', 10]);
  assert.equal(last.interruptions, 13);
  assert.ok(last.finishedAt);
  assert.match(
    last.error ?? '',
    /^interrupted 13 times in a row, the last time at the shutdown of worker \S+; it takes longer than its workers/,
  );
  assert.deepEqual(
    events.map(({ event }) => event),
    [...Array.from({ length: 12 }, () => 'released'), 'failed'],
  );
  assert.equal(events.at(-1)?.error, last.error);
  assert.equal((await interrupt()).claimed, 0);
});

test('an option sets how many interruptions are forgiven', async (t) => {
  for (const [maxInterruptions, after] of [
    [0, 2],
    [1, 3],
    [4, 6],
  ] as const) {
    const { interrupt, job } = long(t, { max_attempts: 2 });
    for (let n = 1; n < after; n++) {
      await interrupt({ maxInterruptions });
      assert.equal((await job()).status, 'pending', `${n} of ${maxInterruptions}`);
    }
    await interrupt({ maxInterruptions });
    assert.equal((await job()).status, 'failed', `${maxInterruptions}`);
  }
  const { interrupt, job } = long(t, { max_attempts: 1 });
  for (let n = 1; n <= 20; n++) await interrupt({ maxInterruptions: Number.POSITIVE_INFINITY });
  assert.deepEqual([(await job()).status, (await job()).forgiven], ['pending', 20]);
});

test('every end of a worker interrupts its jobs: a signal, its time, a close, whether the handler hears it or not', async (t) => {
  for (const end of ['signal', 'maxTime', 'close'] as const) {
    for (const hears of [true, false]) {
      const file = join(temporaryFolder(t), 'queue.tsv');
      writeQueue(file, line({ id: ID }));
      const { queue, clock } = openTest(t, { file });
      const stop = new AbortController();
      const started = deferred();
      const working = queue.processJobs(
        {
          email: async (_: unknown, { signal }: { signal: AbortSignal }) => {
            started.resolve();
            await once(signal, hears ? 'abort' : 'never');
            throw new Error('in a way of its own');
          },
        },
        { signal: stop.signal, maxTime: '1m', grace: '2s', logger: () => {} },
      );
      await started.promise;
      let closing: Promise<void> | undefined;
      if (end === 'signal') stop.abort();
      else if (end === 'close') closing = queue.close();
      else clock.advance(60_000);
      await clock.advanceUntil('it has ended', () => rowsOf(file)[0]?.status === 'pending');
      await Promise.all([working, closing]);
      const [row] = rowsOf(file);
      assert.deepEqual(
        [row?.forgiven, row?.meta, row?.error],
        ['1', '{"@interruptions":1}', ''],
        `${end} ${hears}`,
      );
    }
  }
});

test('a job that was claimed and never begun was not interrupted', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const ids = Array.from({ length: 30 }, (_, n) => jobId(n + 1));
  writeQueue(file, ...ids.map((id) => line({ id })));
  const { queue, clock } = openTest(t, { file });
  const stop = new AbortController();
  const held = deferred();
  let begun = 0;
  const working = queue.processJobs(
    // The first ones are fast: then several are claimed at a time.
    {
      email: () => {
        if (++begun < 10) return undefined;
        stop.abort();
        return held.promise;
      },
    },
    { signal: stop.signal, grace: 0, logger: () => {} },
  );
  await settle();
  await clock.pass(2000);
  const { released } = await working;
  const jobs = await queue.listJobs({ status: 'pending' });
  assert.ok(released > 1, `${released} given back`);
  assert.deepEqual(jobs.filter(({ interruptions }) => interruptions > 0).length, 1);
  held.resolve();
});

test('a cancelled job was not interrupted', async (t) => {
  const { queue, clock, file, interrupt } = long(t);
  await interrupt();
  const started = deferred();
  const working = queue.processJobs(
    {
      email: async (_: unknown, { signal }: { signal: AbortSignal }) => {
        started.resolve();
        await once(signal, 'abort');
        throw signal.reason;
      },
    },
    { logger: () => {} },
  );
  await started.promise;
  await queue.cancelJob(ID);
  let isOver = false;
  working.then(() => {
    isOver = true;
  });
  await clock.advanceUntil('the worker has seen it', () => isOver);
  // What was noted before stays, for whoever wants to know why.
  assert.deepEqual([rowsOf(file)[0]?.status, rowsOf(file)[0]?.meta], ['cancelled', '{"@interruptions":1}']);
});

test('an attempt that ends by itself, or a retry, ends the row of interruptions', async (t) => {
  const { queue, clock, interrupt, job } = long(t, { meta: '{"mine":1}' });
  for (const error of [new Error('no'), new RetryAfterError('busy', 1000)]) {
    await interrupt();
    await interrupt();
    assert.equal((await job()).interruptions, 2);
    await queue.processJobs({
      email: () => {
        throw error;
      },
    });
    assert.equal((await job()).interruptions, 0, error.message);
    clock.advance(86_400_000);
  }
  await interrupt();
  await queue.cancelJob(ID);
  assert.equal((await job()).interruptions, 1);
  await queue.retryJob(ID);
  assert.equal((await job()).interruptions, 0);
  await interrupt();
  await queue.processJobs({ email: () => {} });
  const { status, interruptions } = await job();
  assert.deepEqual([status, interruptions], ['completed', 0]);
});

test('interruptions between waits that a handler asked for do not delay their bound', async (t) => {
  t.mock.method(Math, 'random', () => 0);
  const { queue, clock, interrupt, job } = long(t, { max_attempts: 1 });
  for (let hours = 0; hours < 24; hours += 8) {
    await queue.processJobs({
      email: () => {
        throw new RetryAfterError('busy', '8h');
      },
    });
    assert.equal((await job()).status, 'pending');
    clock.advance(8 * 3_600_000);
    await interrupt();
  }
  await queue.processJobs({
    email: () => {
      throw new RetryAfterError('busy', '8h');
    },
  });
  assert.equal((await job()).status, 'failed');
});

test('an interruption counts as an attempt if nothing can be noted', async (t) => {
  const { file, interrupt, job } = long(t, { meta: 'by hand', max_attempts: 2 });
  await interrupt();
  assert.deepEqual([(await job()).status, (await job()).forgiven], ['pending', 0]);
  await interrupt();
  assert.deepEqual([(await job()).status, rowsOf(file)[0]?.meta], ['failed', 'by hand']);
  assert.match((await job()).error ?? '', /^interrupted once, the last time at the shutdown/);
});

test('a job fails in the end after shutdowns and kills by turns, next to other jobs', async (t) => {
  const { queue, file, interrupt, job } = long(t, { max_attempts: 3 });
  const other = await queue.enqueue('other', {});
  let kills = 0;
  /** As a worker does that has claimed what it may, and is killed. */
  const kill = (): void => {
    const rows = rowsOf(file).filter(({ status }) => status === 'pending');
    const suspects = rows.filter(({ error }) => error?.startsWith('worker died'));
    kills++;
    const owner = `${host}.${boot}.${namespace}.4194305.${kills}.aa`;
    for (const row of suspects.length > 0 ? suspects.slice(0, 1) : rows) {
      const claim: Partial<Record<Column, string | number>> = {
        ...row,
        status: 'processing',
        attempts: Number(row.attempts) + 1,
        version: Number(row.version) + 1,
        locked_by: owner,
      };
      appendFileSync(file, line(claim));
    }
  };
  let rounds = 0;
  while ((await job()).status === 'pending') {
    assert.ok(++rounds < 40, 'it goes on for ever');
    kill();
    await interrupt({ maxInterruptions: 5 });
  }
  const { status, attempts, forgiven } = await job();
  assert.equal(status, 'failed');
  assert.equal(attempts - forgiven, 3);
  assert.ok(kills >= 2, `${kills}`);
  assert.notEqual((await queue.getJob(other))?.status, 'failed');
});

const TOOLS: AttemptTools = {
  now: Date.now,
  rules: DEFAULTS,
  journal: () => new MemoryJournal(),
  log: () => new MemoryLog(),
};

test('an attempt that was taken for cancelled, and was not, is forgiven and not noted', () => {
  const claim = jobOf(line({ id: ID, status: 'processing', attempts: 1, version: 2 }));
  const attempt = new ClaimedJob(claim, false, TOOLS);
  attempt.startedAt = 1000;
  attempt.stop('cancelled');
  const types = new ServedTypes(new Map(), workerPolicy(resolveWorkerOptions({})));
  const rules = { ...DEFAULTS, types, newJob: DEFAULTS };
  const { event, change } = judge(attempt, { how: 'released' }, 2000, rules);
  assert.deepEqual(
    { event, change },
    {
      event: 'released',
      change: { status: 'pending', lockedBy: '', forgiven: 1 },
    },
  );
});
