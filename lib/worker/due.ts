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
  /** With the time that each was added with: a row may say another by now, and what is in a heap must not change. */
  readonly #waiting: TinyQueue<{ slot: number; runAt: number }>;
  /** The latest time that anyone asked for jobs with. */
  #now: number;

  constructor(index: JobIndex, now: number) {
    this.index = index;
    this.#now = now;
    this.#due = new TinyQueue<number>(
      [],
      (a, b) =>
        index.priority(b) - index.priority(a) ||
        index.runAt(a) - index.runAt(b) ||
        index.offset(a) - index.offset(b),
    );
    this.#waiting = new TinyQueue<{ slot: number; runAt: number }>([], (a, b) => a.runAt - b.runAt);
    for (const slot of index.withStatus('pending')) this.add(slot);
    index.onPending.add(this.add);
  }

  readonly add = (slot: number): void => {
    const runAt = this.index.runAt(slot);
    if (runAt <= this.#now) this.#due.push(slot);
    else this.#waiting.push({ slot, runAt });
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
      if (slot === undefined) return undefined;
      // Else taken by another worker, or retried to a later time: then it stands among the waiting as well.
      if (this.index.status(slot) === 'pending' && this.index.runAt(slot) <= now) return slot;
    }
  }

  /** Whether a job may be due. */
  any(now: number): boolean {
    this.#move(now);
    return this.#due.length > 0;
  }

  /** When the next job that waits is due, in ms; undefined if none waits. */
  next(): number | undefined {
    return this.#waiting.peek()?.runAt;
  }

  close(): void {
    this.index.onPending.delete(this.add);
  }

  #move(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (;;) {
      const next = this.#waiting.peek();
      if (next === undefined || next.runAt > now) return;
      this.#waiting.pop();
      this.#due.push(next.slot);
    }
  }
}
