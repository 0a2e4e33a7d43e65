import { invalid } from '../../job/checks.js';
import { isWithin } from '../../job/clock.js';
import { TsvqError } from '../../job/errors.js';
import { isFinal } from '../../job/job.js';
import { JobCancelledError, JobFailedError, WaitTimeoutError } from '../../job/job-errors.js';
import { findArchived } from '../compaction/archive.js';
import { withStoreErrors } from '../disk/fs.js';
import { isSchedule } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { brief } from '../format/text.js';
import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import { Watcher } from '../watcher.js';
import { findStored } from './get.js';
import { checkWaitOptions, type WaitOptions } from './wait-options.js';

/**
 * How long a job that was there has to be missing, and a file unreadable, in ms. A person may be saving the file. It is
 * less than the time between two polls.
 */
const PATIENCE_MS = 400;

/** One call that waits. */
interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A job that calls wait for. */
interface Awaited {
  readonly id: string;
  readonly waiters: Set<Waiter>;
  /** Where the job was found last. */
  index: JobIndex | undefined;
  slot: number | undefined;
  /** True if a look has found it waiting or running. */
  wasThere: boolean;
  /** When a job that was there was not found, in ms. */
  missingSince: number | undefined;
}

/** The calls of a queue that wait for jobs. All share one watcher, and the index of the store. */
export class Waiters {
  readonly #store: Store;
  readonly #jobs = new Map<string, Awaited>();
  /** The last reads of jobs whose waiters give up, while they last. */
  readonly #lastRows = new Map<string, Promise<StoredJob | undefined>>();
  #watcher: Watcher | undefined;
  #look: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;
  #failingSince: number | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Waits until a job has ended. A failed attempt that is tried again is no end.
   *
   * @returns the job's result
   * @throws TsvqError as {@link Queue.waitForJob} says; the signal's reason
   */
  async wait(id: string, options: WaitOptions = {}): Promise<unknown> {
    const { timeout, signal } = checkWaitOptions(options);
    signal?.throwIfAborted();
    let waiter = {} as Waiter;
    const promise = new Promise<unknown>((resolve, reject) => {
      waiter = { resolve, reject };
    });
    const close = (): void => waiter.reject(this.#isClosed(id));
    const abort = (): void => waiter.reject(signal?.reason);
    const work = async (): Promise<unknown> => {
      const job = this.#register(id, waiter);
      signal?.addEventListener('abort', abort, { once: true });
      // A timer, because the time of day may be set meanwhile.
      const cancelTimer =
        timeout > 0
          ? this.#store.clock.later(timeout, () => void this.#giveUp(id, waiter, timeout))
          : undefined;
      try {
        void (timeout > 0 ? this.#begin() : this.#giveUp(id, waiter, 0));
        return await promise;
      } finally {
        cancelTimer?.();
        signal?.removeEventListener('abort', abort);
        job.waiters.delete(waiter);
        if (job.waiters.size === 0) this.#drop(job);
      }
    };
    return this.#store.work(work, { stop: close, abandon: close });
  }

  #register(id: string, waiter: Waiter): Awaited {
    let job = this.#jobs.get(id);
    if (job === undefined) {
      job = {
        id,
        waiters: new Set(),
        index: undefined,
        slot: undefined,
        wasThere: false,
        missingSince: undefined,
      };
      this.#jobs.set(id, job);
    }
    job.waiters.add(waiter);
    return job;
  }

  /** Looks at a job that was registered, and watches the file if it goes on. */
  async #begin(): Promise<void> {
    await this.#lookSoon();
    if (this.#jobs.size === 0 || this.#watcher !== undefined) return;
    this.#watcher = new Watcher(this.#store, () => this.#lookSoon());
    this.#watcher.start(true);
    // What happened before the watch began.
    await this.#lookSoon();
  }

  /** Looks a last time, and ends a wait that is not over then. */
  async #giveUp(id: string, waiter: Waiter, timeout: number): Promise<void> {
    try {
      await this.#lookSoon();
      const job = await this.#lastRow(id);
      waiter.reject(job === undefined ? this.#notFound(id) : new WaitTimeoutError(job.toJob(), timeout));
    } catch (error) {
      waiter.reject(error);
    }
  }

  /** Returns a job's row. Waits for one job that end together share a read. */
  #lastRow(id: string): Promise<StoredJob | undefined> {
    let reading = this.#lastRows.get(id);
    if (reading === undefined) {
      reading = withStoreErrors(this.#store.path, () => findStored(this.#store, id));
      this.#lastRows.set(id, reading);
      const over = (): void => void this.#lastRows.delete(id);
      reading.then(over, over);
    }
    return reading;
  }

  /** Looks at all jobs that are waited for. Calls during a look share the next one. It never rejects. */
  #lookSoon(): Promise<void> {
    this.#nextLook ??= this.#look.then(() => {
      this.#nextLook = undefined;
      this.#look = this.#lookAtAll();
      return this.#look;
    });
    return this.#nextLook;
  }

  async #lookAtAll(): Promise<void> {
    try {
      const index = await this.#store.read('open');
      const all = [...this.#jobs.values()].filter((job) => !goesOn(job, index));
      await withStoreErrors(this.#store.path, async () => {
        for (const job of all) await this.#lookCloser(job);
      });
      this.#failingSince = undefined;
    } catch (error) {
      const now = this.#store.clock.now();
      this.#failingSince ??= now;
      if (!isWithin(PATIENCE_MS, this.#failingSince, now))
        for (const job of [...this.#jobs.values()]) this.#settle(job, ({ reject }) => reject(error));
    }
  }

  /** Reads a job that the open part of the file lacks, or that is over. */
  async #lookCloser(job: Awaited): Promise<void> {
    const now = this.#store.clock.now();
    const { id, slot, missingSince } = job;
    if (slot === undefined && missingSince !== undefined && isWithin(PATIENCE_MS, missingSince, now)) return;
    const row = (await findStored(this.#store, id)) ?? (await this.#findArchived(id));
    if (row !== undefined) this.#end(job, row);
    else if (!job.wasThere || missingSince !== undefined)
      this.#settle(job, ({ reject }) => reject(this.#notFound(id)));
    else job.missingSince = now;
  }

  /** Finds an archived job. A compaction moves jobs between the first look and the second at the latest. */
  async #findArchived(id: string): Promise<StoredJob | undefined> {
    const { fs, realPath } = this.#store;
    return (await findArchived(fs, realPath, id)) ?? findArchived(fs, realPath, id);
  }

  /** Ends all waits for a job if it has ended. */
  #end(job: Awaited, row: StoredJob): void {
    const { status } = row;
    if (isSchedule(row.meta))
      this.#settle(job, ({ reject }) =>
        reject(invalid('id', job.id, 'that of a job; this is a schedule, which never ends')),
      );
    else if (status === 'completed') this.#settle(job, ({ resolve }) => resolve(row.toJob().result));
    else if (status === 'failed') this.#settle(job, ({ reject }) => reject(new JobFailedError(row.toJob())));
    else if (status === 'cancelled')
      this.#settle(job, ({ reject }) => reject(new JobCancelledError(row.toJob())));
    // Otherwise a person has retried it just now.
  }

  #settle(job: Awaited, end: (waiter: Waiter) => void): void {
    this.#drop(job);
    for (const waiter of job.waiters) end(waiter);
  }

  /** Looks at a job no longer. The last one ends the watch. */
  #drop(job: Awaited): void {
    if (this.#jobs.get(job.id) === job) this.#jobs.delete(job.id);
    if (this.#jobs.size > 0) return;
    this.#watcher?.stop();
    this.#watcher = undefined;
  }

  #notFound(id: string): TsvqError {
    const { path } = this.#store;
    return new TsvqError(
      'JOB_NOT_FOUND',
      `there is no job ${brief(id)} in ${path} or its archive; it was purged or forgotten, or was never there`,
    );
  }

  #isClosed(id: string): TsvqError {
    return new TsvqError('CLOSED', `the queue ${this.#store.path} was closed; job ${brief(id)} goes on`);
  }
}

/** True if a job waits or runs, by the index of the open part. */
function goesOn(job: Awaited, index: JobIndex | undefined): boolean {
  if (job.index !== index || job.slot === undefined) {
    job.index = index;
    job.slot = index?.find(job.id);
  }
  if (index === undefined || job.slot === undefined) return false;
  const status = index.status(job.slot);
  if (isFinal(status) || status === 'recurring') return false;
  job.wasThere = true;
  job.missingSince = undefined;
  return true;
}
