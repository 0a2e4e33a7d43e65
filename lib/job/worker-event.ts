import { writeSync } from 'node:fs';

/** How much an event matters: to a debugger, to a log, or to a person who should look. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Every event, and its level. docs/events.md describes them. Names are only added, never changed.
 *
 * - `worker_start`, `worker_stop`: a worker began to work, or has ended. A start that finds nothing to do has none.
 * - `claimed`, `started`: a worker took a job, and called its handler, at once or after jobs claimed before.
 * - `timed_out`: the time limit of an attempt has passed, and its `signal` is aborted.
 * - `completed`, `retried`, `failed`, `cancelled`: an attempt ended that way.
 * - `slept`: the attempt ended because its handler called `sleep` or `sleepUntil`; the job goes on at `runAt`.
 * - `released`: the job was given back, at shutdown or because another job delayed it.
 * - `rescued`: the job was taken back from a dead worker. `failed` follows if that was its last attempt.
 * - `dropped`: a result came too late, because the job was no longer this worker's.
 * - `added`: a job was added: by a call, or as a follow-up. `duplicate`: a call found another job with its key.
 * - `fired`: a schedule made the job `id`. `skipped`: it made none at its slot, for the reason in `message`.
 * - `scheduled`: a schedule was declared, or its declaration has changed; `runAt` is its next slot.
 * - `rate_limited`: due jobs of the type, or of its `group`, wait for their rate until `runAt`. Once for each of them.
 * - `paused`: due jobs of the type wait because it is paused. Once for each type.
 * - `archived`: a compaction moved `jobs` finished jobs to the archive, or dropped them.
 * - `warning`: a person should look at `message`.
 */
export const EVENT_LEVELS = {
  worker_start: 'debug',
  worker_stop: 'debug',
  claimed: 'debug',
  started: 'debug',
  timed_out: 'debug',
  completed: 'info',
  retried: 'info',
  failed: 'error',
  cancelled: 'info',
  slept: 'info',
  released: 'info',
  rescued: 'info',
  dropped: 'info',
  added: 'debug',
  duplicate: 'debug',
  fired: 'info',
  skipped: 'info',
  scheduled: 'info',
  rate_limited: 'info',
  paused: 'debug',
  archived: 'debug',
  warning: 'warn',
} as const satisfies Readonly<Record<string, EventLevel>>;

/** The name of an event. */
export type EventName = keyof typeof EVENT_LEVELS;

/** What happened: an event for a `logger`, or for {@link Queue.on}. */
export interface WorkerEvent {
  /** The kind of the event; see docs/events.md. */
  readonly event: EventName;
  /** When it happened. */
  readonly time: Date;
  /** The worker that tells it, by its name in the file; undefined for a call's event. */
  readonly worker?: string;
  /** The name of the schedule. */
  readonly schedule?: string;
  /** The id of the job, or of a schedule's row; a warning may have none. */
  readonly id?: string;
  /** The type of the job. */
  readonly type?: string;
  /** The group whose rate has to be waited for. */
  readonly group?: string;
  /** The number of the attempt, from 1. */
  readonly attempt?: number;
  /** How long the attempt took, in ms. */
  readonly ms?: number;
  /** Why the attempt failed. */
  readonly error?: string;
  /** When the job is tried again, the schedule's next slot, or when the next job may start. */
  readonly runAt?: Date;
  /** How many jobs an event is about. */
  readonly jobs?: number;
  /** The text of a warning, for a person; or why a slot has no job. */
  readonly message?: string;
}

/** The default logger. It prints only warnings, to stderr, because cron mails what a worker prints. */
export function warnOnly({ event, message }: WorkerEvent): void {
  if (event === 'warning') complain(message ?? '');
}

/**
 * Prints a warning on stderr, if possible. It avoids process.stderr, because a broken stream emits an 'error', which
 * ends a process without a listener, and a library must not listen.
 */
export function complain(message: string): void {
  try {
    writeSync(2, `tsvq: ${message}\n`);
  } catch {
    // The reader of stderr is gone, or its disk is full. Work goes on.
  }
}
