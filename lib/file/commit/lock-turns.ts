import type { Clock } from '../../job/clock.js';
import type { Lock } from '../lock/lock.js';
import type { Maintenance, Parts } from './maintenance.js';

/** How often a caller that waits for its turn asks whether it still needs the lock, in ms. */
const TURN_MS = 10;

/** The turns in which the callers of one process have the lock, one after another. */
export class LockTurns {
  readonly #maintenance: Maintenance;
  readonly #lock: () => Lock;
  readonly #clock: Clock;
  /** Resolves when the caller that has the lock, or waits for it, has left it. */
  #turn: Promise<void> | undefined;

  constructor({ lock, environment }: Parts, maintenance: Maintenance) {
    this.#maintenance = maintenance;
    this.#lock = lock;
    this.#clock = environment.clock;
  }

  /**
   * Runs `run` under the lock, after repairing the file if a dead process left the lock.
   *
   * @param isNeeded called again and again while another caller or process holds the lock
   * @returns undefined if the lock was no longer needed before it could be taken
   */
  async take<T>(run: () => Promise<T>, isNeeded?: () => boolean): Promise<T | undefined> {
    while (this.#turn !== undefined) {
      if (isNeeded === undefined) await this.#turn;
      else if (!isNeeded()) return undefined;
      else await Promise.race([this.#turn, this.#clock.sleep(TURN_MS)]);
    }
    let over = (): void => {};
    this.#turn = new Promise((resolve) => {
      over = resolve;
    });
    try {
      return await this.#enter(run, isNeeded);
    } finally {
      this.#turn = undefined;
      over();
    }
  }

  async #enter<T>(run: () => Promise<T>, isNeeded?: () => boolean): Promise<T | undefined> {
    const maintenance = this.#maintenance;
    if (maintenance.broken) throw maintenance.broken;
    maintenance.checkPlace();
    const dead = await this.#lock().enter(isNeeded);
    if (dead === undefined) return undefined;
    try {
      if (dead.length > 0) await maintenance.repair(dead);
      return await run();
    } finally {
      // On a failing disk the queue stays locked.
      if (maintenance.broken === undefined) this.#lock().leave();
    }
  }

  /** Removes the lock's directory, if there is one and no process uses it. */
  tidy(): void {
    const { broken, isPlaceChecked } = this.#maintenance;
    // If the place wasn't checked, nothing was locked either.
    if (broken === undefined && isPlaceChecked) this.#lock().tidy();
  }
}
