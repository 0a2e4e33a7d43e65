import TinyQueue from 'tinyqueue';
import { isWithin } from '../../job/clock.js';
import type { JobIndex } from '../index/job-index.js';
import { GroupLanes, Lane, orderOf } from './lanes.js';

/** How long other jobs start before a job that must run alone. */
const PATIENCE_MS = 60_000;

/** The due jobs of one type. */
interface TypeLane {
  readonly type: string;
  readonly jobs: Lane | GroupLanes;
}

/** The types whose jobs are taken by their groups. */
interface LanesOf {
  isByGroup(type: string): boolean;
}

/** What a pick asks of the limits and the other rules. */
interface Gate {
  /** True if jobs of the type may start. */
  readonly ofType: (type: string) => boolean;
  /** Returns when the next job of a group of the type may start, in ms. */
  readonly ofGroup: (type: string, group: string) => number;
}

/**
 * The pending jobs in their order of start: the due ones by priority (higher first), then
 * run_at, then order in the file. Jobs are slots of an index. Another worker may already have claimed a job
 * that `take` returns.
 *
 * Each type has a lane, so that all jobs of a type that must wait are skipped at once; so has each group of a type whose
 * groups are limited.
 *
 * A lone job, which may have killed its worker, is set aside until it can run alone.
 */
export class DueJobs {
  readonly index: JobIndex;
  /** The lanes of all types, as a list, because that is fast to go through. */
  readonly #lanes: TypeLane[] = [];
  readonly #laneOf = new Map<string, TypeLane>();
  readonly #types: LanesOf;
  /** The jobs that are not due, each with its run_at when added: a row may change, but a heap's entry must not. */
  readonly #waiting: TinyQueue<{ slot: number; runAt: number }>;
  readonly #accepts: (slot: number) => boolean;
  readonly #order: (a: number, b: number) => number;
  #aside: number[] = [];
  #asideSince = 0;
  /**
   * By slot: 1 for a job that is in a lane, set aside or left out. A job that is in a lane twice could be
   * claimed twice in one commit.
   */
  #isPlaced = new Uint8Array(1024);
  /** The time of the last look. */
  #now: number;

  /** @param accepts called when a job becomes due; if it returns false, the job is left out */
  constructor(index: JobIndex, now: number, types: LanesOf, accepts: (slot: number) => boolean) {
    this.index = index;
    this.#types = types;
    this.#accepts = accepts;
    this.#order = orderOf(index);
    // Rows are read from this file, even after another one has taken its name.
    index.file.retain();
    this.#now = now;
    this.#waiting = new TinyQueue<{ slot: number; runAt: number }>([], (a, b) => a.runAt - b.runAt);
    for (const slot of index.withStatus('pending')) this.add(slot);
    index.onDue.pending.add(this.add);
  }

  readonly add = (slot: number): void => {
    if (this.#isPlaced[slot] === 1) this.#laneOf.get(this.index.type(slot))?.jobs.touch(slot);
    const runAt = this.index.runAt(slot);
    if (runAt > this.#now) this.#waiting.push({ slot, runAt });
    else this.#enter(slot);
  };

  /** Puts back a job that {@link take} returned and this worker did not claim. */
  putBack(slot: number): void {
    if (this.#isPlaced[slot] === 1) return;
    this.#mark(slot);
    const type = this.index.type(slot);
    let lane = this.#laneOf.get(type);
    if (lane === undefined) {
      const { index } = this;
      lane = { type, jobs: this.#types.isByGroup(type) ? new GroupLanes(index) : new Lane(this.#order) };
      this.#laneOf.set(type, lane);
      this.#lanes.push(lane);
    }
    lane.jobs.push(slot);
  }

  /** Sets aside a job that {@link take} returned, until it can run alone. */
  setAside(slot: number): void {
    if (this.#aside.length === 0) this.#asideSince = this.#now;
    this.#keepAside(slot);
  }

  /**
   * Takes the next due job.
   *
   * @param isIdle true if the worker has claimed nothing: then jobs set aside count, too
   */
  take(now: number, isIdle: boolean, gate: Gate): number | undefined {
    this.#move(now);
    if (this.#isTurnOfThoseAside(now)) {
      if (!isIdle) return undefined;
      const slot = this.#aside.shift() as number;
      this.#asideSince = now;
      this.#isPlaced[slot] = 0;
      return slot;
    }
    if (isIdle) for (const slot of this.#takeAside()) this.putBack(slot);
    for (;;) {
      const slot = this.#pop(now, gate);
      if (slot === undefined) return undefined;
      this.#isPlaced[slot] = 0;
      if (this.#isStillDue(slot, now)) return slot;
    }
  }

  /** True if a job may be due. @param isIdle true if the worker has claimed nothing */
  any(now: number, isIdle: boolean): boolean {
    this.#move(now);
    if (this.#isTurnOfThoseAside(now)) return isIdle;
    return this.#lanes.some(({ jobs }) => jobs.size > 0) || (isIdle && this.#aside.length > 0);
  }

  /** Lets a new pick ask again for the groups that had to wait. @param all true for those that have to wait longer, too */
  reopen(now: number, all: boolean = false): void {
    for (const { jobs } of this.#lanes) if (jobs instanceof GroupLanes) jobs.reopen(now, all);
  }

  /** Returns when the next waiting job is due, in ms; undefined if none waits. */
  next(): number | undefined {
    return this.#waiting.peek()?.runAt;
  }

  /** Returns when the first of the groups opens that must wait, in ms; infinite if none is to. */
  nextGroup(): number {
    const times = this.#lanes.map(({ jobs }) => (jobs instanceof GroupLanes ? jobs.next() : undefined));
    return Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));
  }

  close(): void {
    this.index.onDue.pending.delete(this.add);
    this.index.file.release();
  }

  /** Takes the job that starts first among those that may start. */
  #pop(now: number, gate: Gate): number | undefined {
    let best: Lane | GroupLanes | undefined;
    let first: number | undefined;
    for (const { type, jobs } of this.#lanes) {
      if (jobs.size === 0 || !gate.ofType(type)) continue;
      const slot =
        jobs instanceof Lane ? jobs.first() : jobs.first(now, (group) => gate.ofGroup(type, group));
      if (slot === undefined || (first !== undefined && this.#order(first, slot) < 0)) continue;
      first = slot;
      best = jobs;
    }
    best?.pop();
    return first;
  }

  /** True once a job set aside has waited too long. Then no other job starts before it. */
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
    // The job is left out for good.
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

  /** True if the job is pending and its run_at has come. If run_at is in the future (again), the job waits for it. */
  #isStillDue(slot: number, now: number): boolean {
    if (this.index.status(slot) !== 'pending') return false;
    const runAt = this.index.runAt(slot);
    if (runAt <= now) return true;
    this.#waiting.push({ slot, runAt });
    return false;
  }

  #move(now: number): void {
    // The clock was set back, so that nothing is known about times.
    if (now < this.#now) this.reopen(now, true);
    this.#now = now;
    for (;;) {
      const next = this.#waiting.peek();
      if (next === undefined || next.runAt > now) return;
      this.#waiting.pop();
      // A job with another run_at by now was added again with that.
      const { slot } = next;
      if (this.index.status(slot) === 'pending' && this.index.runAt(slot) <= now) this.#enter(slot);
    }
  }
}
