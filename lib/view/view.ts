import type { Health } from '../job/health.js';
import type { Job } from '../job/job.js';
import { rowsOf } from '../open-queue.js';
import type { Queue } from '../queue.js';
import { Board } from './board.js';
import { findProblems, type Patience, type Problem } from './problems.js';
import { type Snapshot, takeSnapshot } from './snapshot.js';

/** What a view shows of a queue at one moment. */
export interface Look {
  readonly snapshot: Snapshot;
  readonly health: Health;
  /** What is wrong; empty if all is well. */
  readonly problems: readonly Problem[];
}

/** A view of a queue, which is brought up to date with each look. */
export class View {
  readonly board: Board = new Board();
  readonly #rows: ReturnType<typeof rowsOf>;

  constructor(queue: Queue) {
    this.#rows = rowsOf(queue, this.board);
  }

  /** Reads what is new of the jobs. @param now in ms since 1970 */
  async snapshot(now: number): Promise<Snapshot> {
    await this.#rows.read();
    return takeSnapshot(this.board, now);
  }

  /** Reads what is new, and looks at all. @param now in ms since 1970 */
  async look(now: number, patience: Patience): Promise<Look> {
    const snapshot = await this.snapshot(now);
    const health = await this.#rows.health(patience.maxAge);
    return { snapshot, health, problems: findProblems(snapshot, health, patience) };
  }

  /** Returns jobs of the last look by their keys; those that have changed since are missing. */
  jobs(keys: readonly number[]): Job[] {
    return this.#rows.jobs(keys).filter((job) => job !== undefined);
  }

  /** Says if a worker lives, by its name in a job; undefined if that can't be told from here. */
  isAlive(worker: string): boolean | undefined {
    return this.#rows.isAlive(worker);
  }

  close(): void {
    this.#rows.close();
  }
}
