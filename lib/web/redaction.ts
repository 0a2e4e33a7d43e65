import type { Job } from '../job/job.js';
import type { Progress } from '../job/progress.js';

/** Stands for what could not be redacted. */
export const HIDDEN = '(could not be redacted)';

/**
 * Makes a safe function of an app's `redact`: it gets a copy, which it may change, and only the parts that may hold what
 * people wrote are taken from its answer. If it throws, or answers something else than a job, these parts are hidden.
 *
 * @returns a function that, given its own answer, returns that
 */
export function redaction(redact: (job: Job) => Job): (job: Job) => Job {
  const done = new WeakSet<Job>();
  return (job) => {
    if (done.has(job)) return job;
    const shown = redacted(job, redact);
    done.add(shown);
    return shown;
  };
}

function redacted(job: Job, redact: (job: Job) => Job): Job {
  try {
    const answer = redact(structuredClone(job));
    // An async function answers no job. Its error must not end the process.
    if (answer instanceof Promise) answer.catch(() => {});
    const { id, payload, result, error, meta, dedupeKey, progress } = answer;
    const isJob =
      id === job.id &&
      [error, dedupeKey, progress?.message].every(isText) &&
      typeof meta === 'object' &&
      meta !== null;
    // What can't be JSON would fail each page later.
    if (isJob && JSON.stringify([payload, result, meta]) !== undefined)
      return {
        ...job,
        payload,
        result,
        error,
        meta,
        dedupeKey,
        progress: shownProgress(job, progress?.message),
      };
  } catch {
    // The app's own log has to say why.
  }
  return {
    ...job,
    payload: HIDDEN,
    result: job.result === undefined ? undefined : HIDDEN,
    error: job.error === undefined ? undefined : HIDDEN,
    meta: {},
    dedupeKey: job.dedupeKey === undefined ? undefined : HIDDEN,
    progress: shownProgress(job, job.progress?.message === undefined ? undefined : HIDDEN),
  };
}

/** Returns the progress of a job with another message. */
const shownProgress = ({ progress }: Job, message: string | undefined): Progress | undefined =>
  progress && { percent: progress.percent, ...(message !== undefined && { message }) };

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
