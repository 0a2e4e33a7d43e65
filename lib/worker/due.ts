import TinyQueue from 'tinyqueue';
import type { JobIndex } from '../store/job-index.js';

/**
 * The pending jobs in the order in which they are to start: of those that are due, by priority (higher first), then
 * run_at, then place in the file. It holds slots of an index; a job that it gives may have been taken by others
 * since.
 */
export class DueJobs {
  readonly index: JobIndex;
  readonly #due: TinyQueue<number>;
  /** With the time that each was added with: a row may say another by now, and what is in a heap must not change. */
  readonly #waiting: TinyQueue<{ slot: number; runAt: number }>;
  /** By slot: 1 for a job that stands among the due ones. Twice there, it could be claimed twice in one commit. */
  #isDue = new Uint8Array(1024);
  /** The latest time that anyone asked for jobs with. */
  #now: number;

  constructor(index: JobIndex, now: number) {
    this.index = index;
    // As long as jobs are picked from it, also when another file has taken its name.
    index.file.retain();
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
    if (runAt <= this.#now) this.putBack(slot);
    else this.#waiting.push({ slot, runAt });
  };

  /** Puts a job among the due ones: its time has come, or {@link take} gave it and nobody has claimed it. */
  putBack(slot: number): void {
    if (slot >= this.#isDue.length) {
      const larger = new Uint8Array(slot * 2);
      larger.set(this.#isDue);
      this.#isDue = larger;
    }
    if (this.#isDue[slot] === 1) return;
    this.#isDue[slot] = 1;
    this.#due.push(slot);
  }

  /** Takes the next job that is due. */
  take(now: number): number | undefined {
    this.#move(now);
    for (;;) {
      const slot = this.#due.pop();
      if (slot === undefined) return undefined;
      this.#isDue[slot] = 0;
      // Else taken by another worker, or put off: then it stands among the waiting as well.
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
    this.index.file.release();
  }

  #move(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (;;) {
      const next = this.#waiting.peek();
      if (next === undefined || next.runAt > now) return;
      this.#waiting.pop();
      this.putBack(next.slot);
    }
  }
}
