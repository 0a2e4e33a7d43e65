/* What users import in the unit tests of their handlers, as 'tsvq/testing'. */

import { followUpId } from './file/format/follow-ups.js';
import { checkJob } from './file/operations/enqueue.js';
import { onlyKnown } from './job/checks.js';
import type { DefaultJobs, JobOf, Received, TypeOf } from './job/job.js';
import type { EnqueueOptions } from './job/job-options.js';
import { DEFAULTS } from './job/options.js';
import { randomHex } from './job/random.js';
import type { HandlerContext } from './runner/handler.js';

/** A follow-up that a handler asked for in a test: its payload as JSON brings it back, its options if there were any. */
export type Enqueued<Jobs = DefaultJobs> = {
  [T in TypeOf<Jobs>]: {
    readonly type: T;
    readonly payload: Received<Jobs[T]>;
    readonly options?: EnqueueOptions;
  };
}[TypeOf<Jobs>];

/** What {@link context} takes instead of its own. */
export interface ContextOverrides<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> {
  /** Fields of the job. Default: a job of type `test` without a payload, in its first attempt, due and claimed now. */
  job?: Partial<JobOf<T, Received<Jobs[T]>>> | undefined;
  /** Default: one that is never aborted. */
  signal?: AbortSignal | undefined;
}

/** A {@link HandlerContext} for a test, which remembers what was enqueued. */
export type TestContext<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> = HandlerContext<
  Jobs,
  T
> & {
  /** The follow-ups that the handler asked for, in their order. */
  readonly enqueued: readonly Enqueued<Jobs>[];
};

/**
 * Makes what a handler gets beside the payload, for a unit test without a queue. Its `enqueue` checks like the real one,
 * and writes nothing.
 *
 * @param overrides fields of the job, and a signal. Default: none.
 * @throws TsvqError `INVALID_ARGUMENT` for an override that there is none of
 * @example
 * const test = context<Jobs, 'charge'>({ job: { attempts: 2 } });
 * await handlers.charge({ order: 7, cents: 100 }, test);
 * assert.deepEqual(test.enqueued, [{ type: 'receipt', payload: { order: 7 } }]);
 */
export function context<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>>(
  overrides: ContextOverrides<Jobs, T> = {},
): TestContext<Jobs, T> {
  onlyKnown('overrides', overrides, ['job', 'signal']);
  const job = testJob(overrides.job);
  const enqueued: unknown[] = [];
  const enqueue = (type: string, payload?: unknown, options?: EnqueueOptions): string => {
    const { payload: json } = checkJob({ type, payload, options }, Date.now(), DEFAULTS.maxPayload);
    const id = followUpId(job.id, job.attempts, enqueued.length);
    enqueued.push({ type, payload: JSON.parse(json), ...(options && { options }) });
    return id;
  };
  const signal = overrides.signal ?? new AbortController().signal;
  // As in lib/queue.ts, the names of jobs and the types of their payloads are joined here.
  return { job, signal, enqueue, enqueued } as unknown as TestContext<Jobs, T>;
}

function testJob(fields: Partial<JobOf<string, unknown>> = {}): JobOf<string, unknown> {
  const now = new Date();
  const job: JobOf<string, unknown> = {
    id: randomHex(8),
    type: 'test',
    payload: null,
    status: 'processing',
    createdAt: now,
    runAt: now,
    attempts: 1,
    forgiven: 0,
    interruptions: 0,
    maxAttempts: undefined,
    timeout: undefined,
    priority: 0,
    error: undefined,
    result: undefined,
    lockedBy: 'test',
    startedAt: now,
    finishedAt: undefined,
  };
  onlyKnown('overrides.job', fields, Object.keys(job));
  return { ...job, ...fields };
}
