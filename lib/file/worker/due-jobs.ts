import TinyQueue from 'tinyqueue';
import { isWithin } from '../../job/clock.js';
import type { JobIndex } from '../index/job-index.js';

/** How long other jobs go before one that must run alone. */
const PATIENCE_MS = 60_000;

/** The due jobs of one type. */
interface Lane {
  readonly type: string;
  readonly jobs: TinyQueue<number>;
}

/**
 * The pending jobs in their order of start: the due ones by priority (higher first), then
 * run_at, then place in the file. It holds slots of an index. Another worker may already have taken a job
 * that it returns.
 *
 * Each type has a lane, so that jobs of a type that must wait are passed over without a look at each.
 *
 * A job that may have killed its worker is set aside until it can run alone.
 */
export class DueJobs {
  readonly index: JobIndex;
  /** The due jobs, a lane a type; as a list, which costs nothing to go through. */
  readonly #lanes: Lane[] = [];
  readonly #laneOf = new Map<string, Lane>();
  /** Each has its run_at at the time it was added: a row may change, and a heap's entries must not. */
  readonly #waiting: TinyQueue<{ slot: number; runAt: number }>;
  readonly #accepts: (slot: number) => boolean;
  #aside: number[] = [];
  #asideSince = 0;
  /**
   * By slot: 1 for a job that is due, set aside or left out. A job that is there twice could be claimed twice
   * in one commit.
   */
  #isPlaced = new Uint8Array(1024);
  /** The time of the last look. */
  #now: number;

  /** @param accepts called once a job is due; it is left out if this returns false */
  constructor(index: JobIndex, now: number, accepts: (slot: number) => boolean) {
    this.index = index;
    this.#accepts = accepts;
    // Jobs are picked from it, even after another file has taken its name.
    index.file.retain();
    this.#now = now;
    this.#waiting = new TinyQueue<{ slot: number; runAt: number }>([], (a, b) => a.runAt - b.runAt);
    for (const slot of index.withStatus('pending')) this.add(slot);
    index.onPending.add(this.add);
  }

  readonly add = (slot: number): void => {
    const runAt = this.index.runAt(slot);
    if (runAt > this.#now) this.#waiting.push({ slot, runAt });
    else this.#enter(slot);
  };

  /** Puts back a job that {@link take} returned and no worker claimed. */
  putBack(slot: number): void {
    if (this.#isPlaced[slot] === 1) return;
    this.#mark(slot);
    const type = this.index.type(slot);
    let lane = this.#laneOf.get(type);
    if (lane === undefined) {
      lane = { type, jobs: new TinyQueue<number>([], this.#order) };
      this.#laneOf.set(type, lane);
      this.#lanes.push(lane);
    }
    lane.jobs.push(slot);
  }

  /** Sets a job aside that {@link take} returned. */
  setAside(slot: number): void {
    if (this.#aside.length === 0) this.#asideSince = this.#now;
    this.#keepAside(slot);
  }

  /**
   * Takes the next due job.
   *
   * @param alone true if nothing else runs: then jobs set aside count, too
   * @param admits true if jobs of the type may start
   */
  take(now: number, alone: boolean, admits: (type: string) => boolean): number | undefined {
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
      const slot = this.#pop(admits);
      if (slot === undefined) return undefined;
      this.#isPlaced[slot] = 0;
      if (this.#isStillDue(slot, now)) return slot;
    }
  }

  /** True if a job may be due. @param alone nothing else runs */
  any(now: number, alone: boolean): boolean {
    this.#move(now);
    if (this.#isTurnOfThoseAside(now)) return alone;
    return this.#lanes.some(({ jobs }) => jobs.length > 0) || (alone && this.#aside.length > 0);
  }

  /** Returns when the next waiting job is due, in ms; undefined if none waits. */
  next(): number | undefined {
    return this.#waiting.peek()?.runAt;
  }

  close(): void {
    this.index.onPending.delete(this.add);
    this.index.file.release();
  }

  readonly #order = (a: number, b: number): number =>
    this.index.priority(b) - this.index.priority(a) ||
    this.index.runAt(a) - this.index.runAt(b) ||
    this.index.offset(a) - this.index.offset(b);

  /** Takes the first job of those lanes. */
  #pop(admits: (type: string) => boolean): number | undefined {
    let best: TinyQueue<number> | undefined;
    for (const { type, jobs } of this.#lanes) {
      if (jobs.length === 0 || !admits(type)) continue;
      if (best === undefined || this.#order(jobs.peek() as number, best.peek() as number) < 0) best = jobs;
    }
    return best?.pop();
  }

  /** True once a job set aside has waited too long. Then nothing else starts until nothing else runs. */
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
    // It is left out for good.
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

  /** False if another worker took the job. If put off, or if the clock was set back, it waits again. */
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
