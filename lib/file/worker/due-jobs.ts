import TinyQueue from 'tinyqueue';
import { isWithin } from '../../job/clock.js';
import type { JobIndex } from '../index/job-index.js';

/** For so long others go before a job that has to run alone. */
const PATIENCE_MS = 60_000;

/**
 * The pending jobs in the order in which they are to start: of those that are due, by priority (higher first), then
 * run_at, then place in the file. It holds slots of an index; a job that it gives may have been taken by others
 * since.
 *
 * A job that may have killed its worker is set aside until it can run alone.
 */
export class DueJobs {
  readonly index: JobIndex;
  readonly #due: TinyQueue<number>;
  /** With the time that each was added with: a row may say another by now, and what is in a heap must not change. */
  readonly #waiting: TinyQueue<{ slot: number; runAt: number }>;
  readonly #accepts: (slot: number) => boolean;
  #aside: number[] = [];
  #asideSince = 0;
  /**
   * By slot: 1 for a job that stands among the due ones, or aside, or is left out. Twice there, it could be claimed twice
   * in one commit.
   */
  #isPlaced = new Uint8Array(1024);
  /** The time that jobs were asked for last. */
  #now: number;

  /** @param accepts asked about each job once it is due; others than these are left out */
  constructor(index: JobIndex, now: number, accepts: (slot: number) => boolean) {
    this.index = index;
    this.#accepts = accepts;
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
    if (runAt > this.#now) this.#waiting.push({ slot, runAt });
    else this.#enter(slot);
  };

  /** Puts a job among the due ones: {@link take} gave it, and nobody has claimed it. */
  putBack(slot: number): void {
    if (this.#isPlaced[slot] === 1) return;
    this.#mark(slot);
    this.#due.push(slot);
  }

  /** Sets a job aside that {@link take} gave. */
  setAside(slot: number): void {
    if (this.#aside.length === 0) this.#asideSince = this.#now;
    this.#keepAside(slot);
  }

  /** Takes the next job that is due. @param alone nothing else runs: then of those that were set aside, too */
  take(now: number, alone: boolean): number | undefined {
    this.#move(now);
    if (this.#isTurnOfThoseAside(now)) {
      if (!alone) return undefined;
      const slot = this.#aside.shift() as number;
      this.#asideSince = now;
      this.#isPlaced[slot] = 0;
      return slot;
    }
    if (alone) for (const slot of this.#takeAside()) this.putBack(slot);
    for (;;) {
      const slot = this.#due.pop();
      if (slot === undefined) return undefined;
      this.#isPlaced[slot] = 0;
      if (this.#isStillDue(slot, now)) return slot;
    }
  }

  /** Whether a job may be due. @param alone nothing else runs */
  any(now: number, alone: boolean): boolean {
    this.#move(now);
    if (this.#isTurnOfThoseAside(now)) return alone;
    return this.#due.length > 0 || (alone && this.#aside.length > 0);
  }

  /** When the next job that waits is due, in ms; undefined if none waits. */
  next(): number | undefined {
    return this.#waiting.peek()?.runAt;
  }

  close(): void {
    this.index.onPending.delete(this.add);
    this.index.file.release();
  }

  /** Once one of them has waited for so long, nothing else is begun until nothing else runs. */
  #isTurnOfThoseAside(now: number): boolean {
    if (this.#aside.length === 0 || isWithin(PATIENCE_MS, this.#asideSince, now)) return false;
    for (const slot of this.#takeAside()) if (this.#isStillDue(slot, now)) this.#keepAside(slot);
    return this.#aside.length > 0;
  }

  #takeAside(): number[] {
    const aside = this.#aside;
    this.#aside = [];
    for (const slot of aside) this.#isPlaced[slot] = 0;
    return aside;
  }

  #keepAside(slot: number): void {
    this.#mark(slot);
    this.#aside.push(slot);
  }

  #enter(slot: number): void {
    if (this.#isPlaced[slot] === 1) return;
    if (this.#accepts(slot)) this.putBack(slot);
    // For good: it is not asked about again.
    else this.#mark(slot);
  }

  #mark(slot: number): void {
    if (slot >= this.#isPlaced.length) {
      const larger = new Uint8Array(slot * 2);
      larger.set(this.#isPlaced);
      this.#isPlaced = larger;
    }
    this.#isPlaced[slot] = 1;
  }

  /** Others may have taken it meanwhile; put off, or where the clock was set back, it waits again. */
  #isStillDue(slot: number, now: number): boolean {
    if (this.index.status(slot) !== 'pending') return false;
    const runAt = this.index.runAt(slot);
    if (runAt <= now) return true;
    this.#waiting.push({ slot, runAt });
    return false;
  }

  #move(now: number): void {
    this.#now = now;
    for (;;) {
      const next = this.#waiting.peek();
      if (next === undefined || next.runAt > now) return;
      this.#waiting.pop();
      if (this.#isStillDue(next.slot, now)) this.#enter(next.slot);
    }
  }
}
