/*
 * The job, its states, and who moves it.
 *
 * | from                | event                                  | to                                        | who                       |
 * |---------------------|----------------------------------------|-------------------------------------------|---------------------------|
 * | –                   | enqueue                                | pending                                   | anyone                    |
 * | –                   | enqueue with the key of a running job  | waiting                                   | anyone, to replace        |
 * | waiting             | the job that it waits for has ended    | pending                                   | the same commit           |
 * | pending, waiting    | enqueue with its key                   | the same, with other values               | anyone, to replace        |
 * | pending, due        | claim (attempts + 1)                   | processing                                | a worker                  |
 * | processing          | handler returned                       | completed                                 | the worker with the claim |
 * | processing          | handler failed, attempts left          | pending, run_at = now + backoff           | the worker with the claim |
 * | processing          | handler failed for good, or none left  | failed                                    | the worker with the claim |
 * | processing          | handler asked to wait                  | pending, run_at as asked, forgiven + 1    | the worker with the claim |
 * | processing          | worker shut down                       | pending, due at once, forgiven + 1        | the worker with the claim |
 * | processing          | worker shut down, too often in a row   | pending, due at once; failed if none left | the worker with the claim |
 * | processing          | worker dead, or time limit long past   | pending, due at once; failed if none left | any worker                |
 * | not final           | cancel                                 | cancelled                                 | anyone                    |
 * | failed, cancelled   | retry (forgiven = attempts)            | pending                                   | an operator               |
 * | pending, not due    | promote                                | pending, due at once                      | an operator               |
 * | failed              | dismiss                                | failed, noted as seen                     | an operator               |
 *
 * A row with the word `recurring` is a schedule, which isn't a job, but makes some:
 *
 * | –, cancelled        | declared                               | recurring, run_at = its next slot         | anyone                    |
 * | recurring           | its next slot has come                 | the same, run_at = its next slot          | any worker                |
 * | recurring           | paused, resumed, declared differently  | the same, with other values               | anyone                    |
 * | recurring           | removed                                | cancelled                                 | anyone                    |
 *
 * completed, failed and cancelled are final: only an operator's retry leaves them. A crash between any two
 * steps leaves a job in one of the two states of its table row.
 */

import type { Progress } from './progress.js';

/** Every status word, as in the file. */
export const STATUSES = [
  'pending',
  'processing',
  'completed',
  'failed',
  'cancelled',
  'waiting',
  'recurring',
] as const;

/**
 * A job's state: due or delayed (`pending`), waiting for other jobs (`waiting`), running (`processing`), or one of
 * three final states. `recurring` marks a schedule.
 */
export type Status = (typeof STATUSES)[number];

/** The states of a job. A row with the word that is left out, `recurring`, isn't a job. */
export const JOB_STATUSES: readonly Status[] = STATUSES.filter((status) => status !== 'recurring');

/** The states of a finished job. */
export type FinalStatus = 'completed' | 'failed' | 'cancelled';

/** True for the states that only an operator's retry leaves. */
export const isFinal = (status: Status): status is FinalStatus =>
  status === 'completed' || status === 'failed' || status === 'cancelled';

/**
 * Joins the names of your jobs to their payloads, for the functions of the default queue.
 * Left empty, every name and payload is accepted.
 *
 * @example
 * declare module 'tsvq' {
 *   interface JobTypes {
 *     email: { to: string; subject: string };
 *     report: { month: string };
 *   }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be augmented.
export interface JobTypes {}

/** The jobs of the default queue: {@link JobTypes} once you declared some, otherwise anything. */
export type DefaultJobs = keyof JobTypes extends never
  ? // biome-ignore lint/suspicious/noExplicitAny: without declared types every payload is welcome.
    Record<string, any>
  : JobTypes;

/** The names of the jobs in a map of job types. */
export type TypeOf<Jobs> = keyof Jobs & string;

/** The type of a payload as a handler gets it. A payload that was left out is null. */
export type Received<Payload> = undefined extends Payload ? Exclude<Payload, undefined> | null : Payload;

/** One job of type `T`, as {@link Job} describes it. */
export interface JobOf<T extends string, Payload> {
  /** The id, 16 hex digits: random, or, for a follow-up, made from the id of its parent. */
  readonly id: string;
  /** The name that picks the handler. */
  readonly type: T;
  /**
   * The enqueued value, after JSON. It is the text of the payload if a hand edit left something that isn't JSON, or a
   * number that JavaScript can't hold.
   */
  readonly payload: Payload;
  readonly status: Status;
  readonly createdAt: Date;
  /** The earliest start; for a failed job that waits, its next attempt. */
  readonly runAt: Date;
  /**
   * How often the job was claimed. The number only grows, so `${id}:${attempts}` always names one run. A worker
   * claims a few jobs ahead; a job given back without being started is forgiven.
   */
  readonly attempts: number;
  /** How many attempts don't count against the limit, because the job wasn't at fault or an operator retried it. */
  readonly forgiven: number;
  /**
   * How many attempts in a row began and were cut off by their worker's end. The number is 0 again once an attempt
   * ended by itself, or an operator retried the job.
   */
  readonly interruptions: number;
  /** The job's own limit of attempts; undefined if its type's or the worker's applies. */
  readonly maxAttempts: number | undefined;
  /** The job's own time limit for an attempt, in ms; undefined if its type's or the worker's applies. */
  readonly timeout: number | undefined;
  /** The priority, higher first. */
  readonly priority: number;
  /** The group that it belongs to; undefined if it has none. */
  readonly group: string | undefined;
  /** The key of which the type has at most one such job; undefined if it has none. */
  readonly dedupeKey: string | undefined;
  /** The ids of the jobs that it waits for, or waited for. */
  readonly after: readonly string[];
  /**
   * The schedule that made the job, and the slot that it is for; `slot` is undefined for a job that was asked for by
   * hand. Undefined for any other job.
   */
  readonly schedule: { readonly name: string; readonly slot: Date | undefined } | undefined;
  /** True if the job failed, and an operator has dismissed that: `queue check` no longer reports it. */
  readonly dismissed: boolean;
  /** The labels that the caller gave it. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** The message and the first stack frames of the last failure; undefined if there was none. */
  readonly error: string | undefined;
  /** The value that the handler returned, after JSON; undefined if it returned nothing. */
  readonly result: unknown;
  /**
   * How far the last attempt has come, as its handler said; undefined if it has said nothing. Of a running job,
   * {@link Queue.getJob} knows the newest, and a list knows none.
   */
  readonly progress: Progress | undefined;
  /** The worker that holds the claim, while `processing`. */
  readonly lockedBy: string | undefined;
  /** When the last attempt was claimed. The handler starts at once, or after jobs claimed before. */
  readonly startedAt: Date | undefined;
  /** When the job reached a final state. */
  readonly finishedAt: Date | undefined;
}

/**
 * A job as it was when read. It is a copy and never updated. The type is a union discriminated by `type`.
 *
 * @example
 * if (job.type === 'email') send(job.payload.to);
 */
export type Job<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> = {
  [K in T]: JobOf<K, Received<Jobs[K]>>;
}[T];
