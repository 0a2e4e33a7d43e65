import TinyQueue from 'tinyqueue';
import type { JobIndex } from '../store/job-index.js';

/**
 * The pending jobs in the order in which they are to start: of those that are due, by priority (higher first), then
 * run_at, then place in the file. It holds slots of an index, and a slot may stand in it twice or for a job that is
 * no longer pending: who takes one looks again.
 */
export class DueJobs {
  readonly index: JobIndex;
  readonly #due: TinyQueue<number>;
  readonly #waiting: TinyQueue<number>;

  constructor(index: JobIndex) {
    this.index = index;
    this.#due = new TinyQueue<number>(
      [],
      (a, b) =>
        index.priority(b) - index.priority(a) ||
        index.runAt(a) - index.runAt(b) ||
        index.offset(a) - index.offset(b),
    );
    this.#waiting = new TinyQueue<number>(
      [...index.withStatus('pending')],
      (a, b) => index.runAt(a) - index.runAt(b),
    );
    index.onPending.add(this.add);
  }

  readonly add = (slot: number): void => {
    this.#waiting.push(slot);
  };

  /** Puts back what {@link take} gave. */
  putBack(slot: number): void {
    this.#due.push(slot);
  }

  /** Takes the next job that is due. */
  take(now: number): number | undefined {
    this.#move(now);
    for (;;) {
      const slot = this.#due.pop();
      if (slot === undefined || this.index.status(slot) !== 'pending') {
        if (slot === undefined) return undefined;
        continue;
      }
      if (this.index.runAt(slot) <= now) return slot;
      // Retried since, to a later time; it stands among the waiting.
    }
  }

  /** Whether a job may be due. */
  any(now: number): boolean {
    this.#move(now);
    return this.#due.length > 0;
  }

  /** When the next job that waits is due, in ms; undefined if none waits. */
  next(): number | undefined {
    const slot = this.#waiting.peek();
    return slot === undefined ? undefined : this.index.runAt(slot);
  }

  close(): void {
    this.index.onPending.delete(this.add);
  }

  #move(now: number): void {
    for (;;) {
      const slot = this.#waiting.peek();
      if (slot === undefined || this.index.runAt(slot) > now) return;
      this.#waiting.pop();
      this.#due.push(slot);
    }
  }
}
