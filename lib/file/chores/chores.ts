import { type Chore, type ChoreContext, Interval } from './chore.js';
import { compact } from './compact.js';
import { heartbeat, ping } from './heartbeat.js';

const CHORES: readonly Chore[] = [heartbeat, ping, compact];

/** The chores of one worker. */
export class Chores {
  readonly context: ChoreContext;
  readonly #plan: { chore: Chore; interval: Interval }[];

  constructor(context: ChoreContext) {
    this.context = context;
    const now = context.store.clock.now();
    this.#plan = CHORES.map((chore) => ({ chore, interval: new Interval(chore.every, now) }));
  }

  /** Runs the chores that are due. */
  async run(now: number): Promise<void> {
    for (const { chore, interval } of this.#plan) if (interval.isDue(now)) await chore.run(this.context);
  }
}
