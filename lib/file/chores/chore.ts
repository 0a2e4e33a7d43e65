import { isWithin } from '../../job/clock.js';
import type { Heartbeat } from '../disk/heartbeat.js';
import type { Store } from '../store.js';

/** The worker's side of a chore's messages. */
interface ChoreEvents {
  /** The content of the heartbeat. */
  readonly heartbeat: Omit<Heartbeat, 'at'>;
  /** True if the last commit failed. */
  readonly isFailing: boolean;
  warn(message: string): void;
}

/** Tells a monitoring service that a worker is at work. */
export interface Ping {
  /** Pings if it is due. Resolves at the end of the ping, after 10 s at most; never rejects. */
  send(): Promise<void>;
}

/** The things that a chore works with. */
export interface ChoreContext {
  readonly store: Store;
  /** True if the worker waits for more jobs when nothing is due. */
  readonly stays: boolean;
  readonly events: ChoreEvents;
  /** Undefined if no address was given. */
  readonly ping: Ping | undefined;
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
