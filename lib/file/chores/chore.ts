import { isWithin } from '../../job/clock.js';
import type { Heartbeat } from '../disk/heartbeat.js';
import type { Store } from '../store.js';

/** The worker's side of a chore's messages. */
interface ChoreEvents {
  /** The content of the heartbeat. */
  readonly heartbeat: Omit<Heartbeat, 'at'>;
  warn(message: string): void;
}

/** The things that a chore works with. */
export interface ChoreContext {
  readonly store: Store;
  /** True if the worker waits for more jobs when nothing is due. */
  readonly stays: boolean;
  readonly events: ChoreEvents;
}

/** A task that a worker does now and then besides its jobs. A rescue isn't one, because it is part of a commit. */
export interface Chore {
  readonly name: string;
  /** The time between two runs, and before the first one, in ms. */
  readonly every: number;
  run(context: ChoreContext): Promise<void> | void;
}

/** Says when a repeated task is due. */
export class Interval {
  readonly #ms: number;
  #last: number;

  /** @param last when the task was last done, in ms */
  constructor(ms: number, last: number = Number.NEGATIVE_INFINITY) {
    this.#ms = ms;
    this.#last = last;
  }

  /** Returns true if the task is due, and counts it as done then. */
  isDue(now: number): boolean {
    if (isWithin(this.#ms, this.#last, now)) return false;
    this.#last = now;
    return true;
  }
}
