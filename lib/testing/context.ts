import { followUpId } from '../file/format/derived-id.js';
import { checkFollowUp, type NewJobRules } from '../file/operations/new-job.js';
import { encodeResult } from '../file/worker/attempt-tools.js';
import { type Duration, type Instant, onlyKnown } from '../job/checks.js';
import type { DefaultJobs, JobOf, Received, TypeOf } from '../job/job.js';
import type { EnqueueOptions } from '../job/job-options.js';
import { DEFAULTS } from '../job/options.js';
import type { Progress } from '../job/progress.js';
import { randomHex } from '../job/random.js';
import type { HandlerContext } from '../runner/handler.js';
import { MemoryJournal } from '../runner/memory-journal.js';
import { MemoryLog } from '../runner/memory-log.js';
import { Steps } from '../runner/steps.js';

/** A follow-up that a handler enqueued in a test. Its payload has gone through JSON. */
export type Enqueued<Jobs = DefaultJobs> = {
  [T in TypeOf<Jobs>]: {
    readonly type: T;
    readonly payload: Received<Jobs[T]>;
    readonly options?: EnqueueOptions;
  };
}[TypeOf<Jobs>];

/** The parts of a {@link context} that a test sets itself. */
export interface ContextOverrides<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> {
  /** Fields of the job. The other fields are those of a job of type `test`, claimed now for its first attempt. */
  job?: Partial<JobOf<T, Received<Jobs[T]>>> | undefined;
  /** The signal of the handler. Default: one that is never aborted. */
  signal?: AbortSignal | undefined;
}

/** A {@link HandlerContext} for a test, which remembers the follow-ups. */
export type TestContext<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> = HandlerContext<
  Jobs,
  T
> & {
  /** The follow-ups that the handler enqueued, in their order. */
  readonly enqueued: readonly Enqueued<Jobs>[];
  /** Until when the handler wanted to sleep. Its sleeps end at once. */
  readonly slept: readonly Date[];
  /** How far the job was, as the handler said. */
  readonly progressed: readonly Progress[];
  /** The lines that the handler logged. */
  readonly logged: readonly string[];
};

/**
 * Makes the second argument of a handler, for a unit test without a queue. Its functions check their arguments like the
 * real ones, and write nothing. A step runs its function once for each name, as in one attempt.
 *
 * @param overrides fields of the job, and a signal. Default: an empty object
 * @throws TsvqError `INVALID_ARGUMENT` for an unknown override
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
  const enqueue = (type: string, payload?: unknown, options?: EnqueueOptions): string | undefined => {
    steps.assertOutside(`a follow-up of type ${type}`);
    const { fields, dedupe } = checkFollowUp({ type, payload, options }, Date.now(), RULES);
    const id = followUpId(job.id, job.attempts, enqueued.length);
    enqueued.push({ type, payload: JSON.parse(fields.payload), ...(options && { options }) });
    return dedupe === undefined ? id : undefined;
  };
  const signal = overrides.signal ?? new AbortController().signal;
  const attempt = { id: job.id, attempts: job.attempts, signal, endedAt: undefined, fallAsleep: undefined };
  const encode = (result: unknown, name: string): string => encodeResult(result, name, RULES);
  const steps = new Steps(attempt, { now: Date.now, journal: new MemoryJournal(), encode });
  const { step } = steps;
  const log = new MemoryLog();
  const slept: Date[] = [];
  const made = {
    ...{ job, signal, enqueue, step },
    sleep: async (time: Duration) => void slept.push(steps.endOfSleep(time)),
    sleepUntil: async (at: Instant) => void slept.push(steps.endOfSleepUntil(at)),
    progress: (percent: number, message?: string) => log.progress(percent, message),
    log: (text: string) => log.log(text),
    ...{ enqueued, slept, progressed: log.progresses, logged: log.lines },
  };
  // As in lib/queue.ts, job names get the types of their payloads here.
  return made as unknown as TestContext<Jobs, T>;
}

const RULES: NewJobRules = { maxPayload: DEFAULTS.maxPayload, defaults: Object.create(null) };

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
    group: undefined,
    dedupeKey: undefined,
    after: [],
    schedule: undefined,
    dismissed: false,
    meta: {},
    error: undefined,
    result: undefined,
    progress: undefined,
    lockedBy: 'test',
    startedAt: now,
    finishedAt: undefined,
  };
  onlyKnown('overrides.job', fields, Object.keys(job));
  return { ...job, ...fields };
}
