import type { Clock } from '../job/clock.js';
import { errorMessage } from '../job/errors.js';
import type { Job } from '../job/job.js';
import type { ServedTypes } from './served-types.js';

/**
 * Calls the functions that a type wants called when one of its jobs has ended. They run once the ending is durable, and
 * can't change it. A crash in between loses the call.
 */
export class Hooks {
  readonly #types: ServedTypes;
  readonly #warn: (message: string, type: string) => void;
  readonly #running = new Set<Promise<void>>();

  constructor(types: ServedTypes, warn: (message: string, type: string) => void) {
    this.#types = types;
    this.#warn = warn;
  }

  /** Calls `onSuccess` of a completed job. @param jobOf makes the job, only if there is such a function */
  succeeded(type: string, jobOf: () => Job): void {
    const { onSuccess } = this.#types.policyOf(type);
    if (onSuccess === undefined) return;
    const job = jobOf();
    this.#call('onSuccess', job, () => onSuccess(job, job.result));
  }

  /** Calls `onFailure` of a failed job. @param error what its handler threw */
  failed(type: string, jobOf: () => Job, error: unknown): void {
    const { onFailure } = this.#types.policyOf(type);
    if (onFailure === undefined) return;
    const job = jobOf();
    this.#call('onFailure', job, () => onFailure(job, error));
  }

  /** Waits for the functions that still run, for `ms` at most. */
  async settle(clock: Clock, ms: number): Promise<void> {
    if (this.#running.size === 0) return;
    let cancel = (): void => {};
    const isOver = new Promise<void>((resolve) => {
      cancel = clock.later(ms, resolve, true);
    });
    await Promise.race([Promise.all(this.#running), isOver]);
    cancel();
  }

  #call(name: string, { id, type }: Job, run: () => unknown): void {
    const call = async (): Promise<void> => {
      try {
        await run();
      } catch (error) {
        this.#warn(
          `${name} failed for job ${id} (${type}), whose outcome stays: ${errorMessage(error)}`,
          type,
        );
      }
    };
    const running = call();
    this.#running.add(running);
    running.finally(() => this.#running.delete(running));
  }
}
