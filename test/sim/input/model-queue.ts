import type { FinalStatus, Status } from '../../../lib/job/job.js';

/*
 * A queue without a file, in a few lines that say what each operation does and returns.
 */

const DAY = 24 * 3_600_000;
const RETENTION = { completed: 7 * DAY, failed: 30 * DAY, cancelled: 7 * DAY };
/** How long the model's worker lets a failed job wait. */
export const WAIT = 10_000;
/** How long a handler asks for, and for how long such waits in a row cost no attempt. */
export const ASKED = 3 * WAIT;
const ASKED_AT_MOST = 24 * 3_600_000;

/** How an attempt is to end, in the job's payload. */
export type Plan = 'ok' | 'fail' | 'never' | 'soon' | 'later' | 'follow-up' | 'follow-up, then fail';

export interface ModelJob {
  readonly type: string;
  readonly plans: readonly Plan[];
  readonly priority: number;
  readonly maxAttempts: number | undefined;
  readonly timeout: number | undefined;
  readonly createdAt: number;
  status: Status;
  runAt: number;
  attempts: number;
  forgiven: number;
  /** What its error begins with. */
  error: string | undefined;
  result: unknown;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  /** When it asked for the first of its waits in a row. */
  askedSince: number | undefined;
  /** Its time is that or up to a tenth of the wait later; which, the file says. */
  isSpread: boolean;
}

export const isFinal = ({ status }: ModelJob): boolean => status !== 'pending' && status !== 'processing';

export class ModelQueue {
  readonly jobs = new Map<string, ModelJob>();
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  add(id: string, job: Pick<ModelJob, 'type' | 'plans'> & Partial<ModelJob>): void {
    this.jobs.set(id, {
      priority: 0,
      maxAttempts: undefined,
      timeout: undefined,
      createdAt: this.now,
      status: 'pending',
      runAt: this.now,
      attempts: 0,
      forgiven: 0,
      error: undefined,
      result: undefined,
      startedAt: undefined,
      finishedAt: undefined,
      askedSince: undefined,
      isSpread: false,
      ...job,
    });
  }

  /** Past its retention time: in the archive by now, or after the next compaction. */
  isPast(job: ModelJob): boolean {
    return isFinal(job) && (job.finishedAt as number) < this.now - RETENTION[job.status as FinalStatus];
  }

  cancel(id: string): boolean {
    const job = this.jobs.get(id);
    if (job === undefined || isFinal(job)) return false;
    Object.assign(job, { status: 'cancelled', finishedAt: this.now });
    return true;
  }

  retry(id: string): boolean {
    const job = this.jobs.get(id);
    if (job?.status !== 'failed' && job?.status !== 'cancelled') return false;
    Object.assign(job, {
      status: 'pending',
      runAt: this.now,
      forgiven: job.attempts,
      finishedAt: undefined,
      askedSince: undefined,
    });
    return true;
  }

  /** Whether a worker with handlers for these types has something to do. */
  isDue = (job: ModelJob, types: readonly string[]): boolean =>
    job.status === 'pending' && job.runAt <= this.now && types.includes(job.type);

  /** One attempt, started and ended at once. @param followUp id of the job that it enqueues, if it does */
  run(job: ModelJob, followUp: string | undefined): void {
    job.attempts++;
    job.startedAt = this.now;
    const plan = planOf(job);
    if (plan === 'ok' || plan === 'follow-up') {
      Object.assign(job, {
        status: 'completed',
        error: undefined,
        result: job.attempts,
        finishedAt: this.now,
      });
      if (followUp !== undefined) this.add(followUp, { type: 'b', plans: [] });
      return;
    }
    job.error =
      plan === 'never'
        ? 'PermanentError: never'
        : plan === 'soon' || plan === 'later'
          ? 'RetryAfterError: '
          : 'Error: ';
    job.askedSince = plan === 'later' ? (job.askedSince ?? this.now) : undefined;
    const isFree = job.askedSince !== undefined && this.now + ASKED - job.askedSince <= ASKED_AT_MOST;
    if (!isFree && (plan === 'never' || job.attempts - job.forgiven >= (job.maxAttempts ?? 3))) {
      Object.assign(job, { status: 'failed', finishedAt: this.now });
      return;
    }
    if (isFree) job.forgiven++;
    job.isSpread = plan === 'later';
    job.runAt = this.now + (plan === 'soon' ? 0 : plan === 'later' ? ASKED : WAIT);
  }
}

/** Of the attempt under way. */
export const planOf = ({ plans, attempts }: Pick<ModelJob, 'plans' | 'attempts'>): Plan =>
  plans[attempts - 1] ?? 'ok';
