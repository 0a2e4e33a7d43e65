import TinyQueue from 'tinyqueue';
import type { JobIndex } from '../index/job-index.js';

/** Compares two slots by the order of start: priority (higher first), then run_at, then order in the file. */
export const orderOf =
  (index: JobIndex) =>
  (a: number, b: number): number =>
    index.priority(b) - index.priority(a) ||
    index.runAt(a) - index.runAt(b) ||
    index.offset(a) - index.offset(b);

/** Due jobs in their order of start. */
export class Lane {
  /** True if a job in it has another row than when it was put in, so that the order may be wrong. */
  #isStale = false;
  readonly #order: (a: number, b: number) => number;
  #jobs: TinyQueue<number>;

  constructor(order: (a: number, b: number) => number) {
    this.#order = order;
    this.#jobs = new TinyQueue<number>([], order);
  }

  get size(): number {
    return this.#jobs.length;
  }

  push(slot: number): void {
    this.#jobs.push(slot);
  }

  /** Notes that a job in it has another row: it was replaced, or claimed and retried. */
  touch(): void {
    this.#isStale = true;
  }

  /** Returns the job that starts first, without taking it. */
  first(): number | undefined {
    if (this.#isStale) this.#jobs = new TinyQueue(this.#jobs.data, this.#order);
    this.#isStale = false;
    return this.#jobs.peek();
  }

  /** Takes the job that {@link first} returned. */
  pop(): void {
    this.#jobs.pop();
  }

  /** Takes a job out, wherever it is. */
  remove(slot: number): void {
    const others = this.#jobs.data.filter((other) => other !== slot);
    this.#jobs = new TinyQueue(others, this.#order);
  }
}

/** The lane of a group. */
interface GroupLane {
  readonly group: string;
  readonly jobs: Lane;
  /** The lane's entry in the heap of lanes; undefined if it has none, because it is empty or shut. */
  head: Head | undefined;
}

/** The first job of a lane, when it was put into the heap of lanes. Its own numbers, because a row may change. */
interface Head {
  readonly lane: GroupLane;
  readonly slot: number;
  readonly priority: number;
  readonly runAt: number;
  readonly offset: number;
}

/**
 * The due jobs of a type whose groups are limited, with a lane for each group. A lane that must wait is shut, so that
 * its jobs cost nothing meanwhile. So a pick takes logarithmic time, however many groups there are.
 */
export class GroupLanes {
  size = 0;
  readonly #index: JobIndex;
  readonly #order: (a: number, b: number) => number;
  readonly #lanes = new Map<string, GroupLane>();
  /** The lane that each job is in, by its slot: its row may already name another group. */
  readonly #laneOf = new Map<number, GroupLane>();
  /** The first jobs of the lanes that are open; a lane may also have old entries. */
  readonly #heads = new TinyQueue<Head>(
    [],
    (a, b) => b.priority - a.priority || a.runAt - b.runAt || a.offset - b.offset,
  );
  /** The lanes that are shut until a time, in ms. */
  readonly #shut = new TinyQueue<{ lane: GroupLane; until: number }>([], (a, b) => a.until - b.until);
  /** The lanes that are shut until the next pick. There are at most as many as jobs that run. */
  #later: GroupLane[] = [];

  constructor(index: JobIndex) {
    this.#index = index;
    this.#order = orderOf(index);
  }

  push(slot: number): void {
    const group = this.#index.group(slot);
    let lane = this.#lanes.get(group);
    const isNew = lane === undefined;
    lane ??= { group, jobs: new Lane(this.#order), head: undefined };
    this.#lanes.set(group, lane);
    lane.jobs.push(slot);
    this.#laneOf.set(slot, lane);
    this.size++;
    if (isNew || lane.head !== undefined) this.#open(lane);
  }

  /** Notes that a job in one of the lanes has another row. */
  touch(slot: number): void {
    const lane = this.#laneOf.get(slot);
    if (lane === undefined) return;
    const isMoved = this.#index.group(slot) !== lane.group;
    if (isMoved) lane.jobs.remove(slot);
    else lane.jobs.touch();
    if (lane.head !== undefined) this.#open(lane);
    if (!isMoved) return;
    // The job was replaced by one of another group, whose lane may be open.
    this.size--;
    this.push(slot);
  }

  /**
   * Returns the job that starts first, without taking it; {@link pop} takes it.
   *
   * @param opensAt returns when the next job of a group may start, in ms. A lane for which that is later than `now` is
   *   shut until then, or until {@link reopen} if the time is infinite
   */
  first(now: number, opensAt: (group: string) => number): number | undefined {
    for (;;) {
      const head = this.#heads.peek();
      if (head === undefined) return undefined;
      const { lane, slot } = head;
      if (lane.head === head) {
        const until = opensAt(lane.group);
        if (until <= now) return slot;
        lane.head = undefined;
        if (until < Number.POSITIVE_INFINITY) this.#shut.push({ lane, until });
        else this.#later.push(lane);
      }
      this.#heads.pop();
    }
  }

  /** Takes the job that {@link first} returned. */
  pop(): void {
    const head = this.#heads.pop() as Head;
    head.lane.jobs.pop();
    this.#laneOf.delete(head.slot);
    this.size--;
    this.#open(head.lane);
  }

  /** Opens the lanes that were shut until the next pick, or until `now`. @param all true to open all */
  reopen(now: number, all: boolean): void {
    const later = this.#later;
    this.#later = [];
    for (const lane of later) this.#open(lane);
    for (;;) {
      const next = this.#shut.peek();
      if (next === undefined || (next.until > now && !all)) return;
      this.#shut.pop();
      this.#open(next.lane);
    }
  }

  /** Returns when the first of the lanes that are shut opens, in ms; undefined if that is not known. */
  next(): number | undefined {
    return this.#shut.peek()?.until;
  }

  /** Puts a lane's first job into the heap of lanes. An older entry of the lane then no longer counts. */
  #open(lane: GroupLane): void {
    const slot = lane.jobs.first();
    if (slot === undefined) {
      lane.head = undefined;
      this.#lanes.delete(lane.group);
      return;
    }
    const { head } = lane;
    const index = this.#index;
    if (head?.slot === slot && head.offset === index.offset(slot)) return;
    lane.head = {
      ...{ lane, slot },
      priority: index.priority(slot),
      runAt: index.runAt(slot),
      offset: index.offset(slot),
    };
    this.#heads.push(lane.head);
  }
}
