import { writeSync } from 'node:fs';

/** An event that a worker passes to its `logger`: a change of a job or schedule, or a warning. */
export interface WorkerEvent {
  /**
   * The kind of the event.
   *
   * - `completed`, `retried`, `failed`, `cancelled`: an attempt ended that way.
   * - `slept`: the attempt ended because its handler called `sleep` or `sleepUntil`; the job goes on at `runAt`.
   * - `released`: the job was given back, at shutdown or because another job delayed it.
   * - `rescued`: the job was taken back from a dead worker. `failed` follows if that was its last attempt.
   * - `dropped`: a result came too late, because the job was no longer this worker's.
   * - `fired`: a schedule made the job `id`. `skipped`: it made none at its slot, for the reason in `message`.
   * - `scheduled`: a schedule was declared, or its declaration has changed; `runAt` is its next slot.
   * - `rate_limited`: due jobs of the type, or of its `group`, wait for its rate until `runAt`. Once for each of them.
   * - `warning`: a person should look at `message`.
   */
  readonly event:
    | 'completed'
    | 'retried'
    | 'failed'
    | 'cancelled'
    | 'slept'
    | 'released'
    | 'rescued'
    | 'dropped'
    | 'fired'
    | 'skipped'
    | 'scheduled'
    | 'rate_limited'
    | 'warning';
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
