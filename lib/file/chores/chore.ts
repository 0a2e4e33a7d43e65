import { isWithin } from '../../job/clock.js';
import type { Heartbeat } from '../disk/heartbeat.js';
import type { Store } from '../store.js';

/** What chores tell, and to whom. */
interface ChoreEvents {
  /** What the heartbeat tells. */
  readonly heartbeat: Omit<Heartbeat, 'at'>;
  warn(message: string): void;
}

/** What a chore works with. */
export interface ChoreContext {
  readonly store: Store;
  /** True if the worker waits for more jobs when nothing is due. */
  readonly stays: boolean;
  /** True if a completion is in the file without its follow-ups. A compaction makes them. */
  owesFollowUps: boolean;
  readonly events: ChoreEvents;
}

/** What a worker does now and then besides its jobs. A rescue is none: it is part of a worker's commit. */
export interface Chore {
  readonly name: string;
  /** In ms. The first time is that long after the worker began. */
  readonly every: number;
  run(context: ChoreContext): Promise<void> | void;
}

/** Says when something that is done now and then is due. */
export class Interval {
  readonly #ms: number;
  #last: number;

  /** @param last when it was done last, in ms */
  constructor(ms: number, last: number = Number.NEGATIVE_INFINITY) {
    this.#ms = ms;
    this.#last = last;
  }

  /** True if it is due; then it counts as done. */
  isDue(now: number): boolean {
    if (isWithin(this.#ms, this.#last, now)) return false;
    this.#last = now;
    return true;
  }
}
