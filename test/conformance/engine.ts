import type { TestContext } from 'node:test';
import type { Queue, QueueOptions } from 'tsvq';

/**
 * What an engine may be unable to do, and what its declaration is about. Everything else in the checks is asked of every
 * engine.
 */
type Capability =
  /** `getJob(id, { archive: true })` finds a job past its retention time. */
  | 'archive'
  /** `compact()`. */
  | 'compaction'
  /** The option `durability` of a queue. */
  | 'durability'
  /** A follow-up can be read as soon as its parent can be read as completed. Without it: soon after. */
  | 'follow-ups at once'
  /** A priority with a fraction. */
  | 'fractional priority'
  /** The option `meta` of a job, and the filter by it. */
  | 'labels'
  /** The options `concurrency` and `rateLimit` of a type. */
  | 'limits'
  /** `context.progress` and `context.log`, and `readLog`. */
  | 'logs'
  /** A time limit of more than a day. */
  | 'long time limit'
  /** The option `maxWorkers` of a worker. */
  | 'maxWorkers'
  /** Priority and time decide among all jobs. Without it: only among those of one type. */
  | 'order over types'
  /** Several processes may work one queue. */
  | 'processes'
  /** Recurring jobs: `schedule()` and the calls beside it, and the option `schedules` of a worker. */
  | 'schedules'
  /** The option `dedupeKey` of a job. */
  | 'unique jobs';

/** A way to open a queue, and what can't be had there. */
export interface Engine {
  /** How the tests call it. */
  readonly name: string;
  /** Opens a new, empty queue that is gone after the test. */
  open(t: TestContext, options?: QueueOptions): Queue | Promise<Queue>;
  /** Opens the same queue again, by a handle of its own. */
  reopen(t: TestContext, queue: Queue): Queue | Promise<Queue>;
  /** What another process gives to `openQueue` for the same queue. Throws `UNSUPPORTED` without `processes`. */
  address(queue: Queue): string;
  /** What it is unable to do, each with the reason. */
  readonly cannot: Readonly<Partial<Record<Capability, string>>>;
}

/** The steps of a check; it rejects where the engine doesn't behave. */
export type Steps = (t: TestContext, engine: Engine) => Promise<unknown>;

/** A check that not every engine can pass, and what is asked of the others instead. */
export type DeclarableCheck = { readonly needs: Capability; readonly steps: Steps } & (
  | {
      /** Uses the capability, which has to reject with `UNSUPPORTED`. */
      readonly refused: Steps;
    }
  | {
      /** What holds all the same. */
      readonly weaker: Steps;
    }
);

/** Checks by the behaviour that they are about. */
export type Checks = Readonly<Record<string, Steps | DeclarableCheck>>;
