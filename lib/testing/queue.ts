import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemEnvironment } from '../file/lock/environment.js';
import { Store } from '../file/store.js';
import type { DefaultJobs, Job, Received, TypeOf } from '../job/job.js';
import { type QueueOptions, resolveQueueOptions } from '../job/queue-options.js';
import { overStore } from '../open-queue.js';
import type { Queue } from '../queue.js';
import type { HandlerEntries, Summary } from '../runner/handler.js';
import { MovableClock, type TestClock } from './clock.js';
import { drain, type TestDrainOptions } from './drain.js';
import { EnqueuedJobs } from './enqueued-jobs.js';
import type { PayloadLike } from './payload-like.js';

/** The options of {@link testQueue}: those of a queue, and the handlers of its jobs. */
export interface TestQueueOptions<Jobs = DefaultJobs> extends QueueOptions<Jobs> {
  /** The handlers of {@link TestQueue.drain}. Default: none. */
  handlers?: Partial<HandlerEntries<Jobs>> | undefined;
}

/** A queue for a test, in a folder of its own. */
export interface TestQueue<Jobs = DefaultJobs> {
  /** The queue itself, for the code that is tested. */
  readonly queue: Queue<Jobs>;
  /** The queue's time. */
  readonly clock: TestClock;
  /**
   * Runs what is due, with all that it enqueues, until nothing is due.
   *
   * @param handlers default: those given to {@link testQueue}
   * @returns how many jobs ended in which way
   * @throws TsvqError like {@link Queue.processJobs}
   * @example
   * const { completed, failed } = await test.drain(handlers, { advance: '1d' });
   */
  drain(handlers?: Partial<HandlerEntries<Jobs>>, options?: TestDrainOptions<Jobs>): Promise<Summary>;
  /**
   * Lists the jobs that were enqueued, in their order, also those that have run.
   *
   * @param type default: all types
   * @example
   * assert.deepEqual((await test.enqueued('email')).map(({ payload }) => payload.to), ['ann@example.com']);
   */
  enqueued<T extends TypeOf<Jobs>>(type?: T): Promise<Job<Jobs, T>[]>;
  /**
   * Asserts that a job was enqueued, and returns the first that fits.
   *
   * @param payload a part that its payload has to have; default: any payload
   * @throws AssertionError that says what was enqueued instead
   * @example
   * const { priority } = await test.assertEnqueued('email', { to: 'ann@example.com' });
   */
  assertEnqueued<T extends TypeOf<Jobs>>(
    type: T,
    payload?: PayloadLike<Received<Jobs[T]>>,
  ): Promise<Job<Jobs, T>>;
  /**
   * Asserts that no such job was enqueued.
   *
   * @param type default: all types
   * @param payload a part of payloads; default: any payload
   * @throws AssertionError that says which was enqueued
   * @example
   * await test.assertNotEnqueued('email');
   */
  assertNotEnqueued<T extends TypeOf<Jobs>>(
    type?: T,
    payload?: PayloadLike<Received<Jobs[T]>>,
  ): Promise<void>;
  /** Closes the queue, and removes its folder. */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a queue for a test: a real one in a temporary folder, with a clock that can be moved. Finished jobs stay, and
 * writes don't wait for the disk, unless the options say otherwise. Each call makes another, so tests may run side by
 * side.
 *
 * @param options those of {@link openQueue}, and `handlers`
 * @throws TsvqError `INVALID_ARGUMENT` for an option that can't be used
 * @example
 * const test = testQueue<Jobs>({ handlers });
 * await signUp(test.queue, 'ann@example.com');
 * await test.assertEnqueued('email', { to: 'ann@example.com' });
 * assert.equal((await test.drain()).completed, 1);
 * await test.close();
 */
export function testQueue<Jobs = DefaultJobs>(options: TestQueueOptions<Jobs> = {}): TestQueue<Jobs> {
  const { handlers, ...given } = options;
  const usual = {
    durability: 'os',
    retention: Number.POSITIVE_INFINITY,
    anyFileSystem: true,
    noWorkerAfter: false,
  } as const;
  const resolved = resolveQueueOptions({ ...usual, ...given } as QueueOptions);
  const folder = temporaryFolder();
  const clock = new MovableClock();
  const store = new Store(join(folder, 'queue.tsv'), resolved, { ...systemEnvironment, clock });
  const queue = overStore(store);
  const jobs = new EnqueuedJobs(queue);
  const close = async (): Promise<void> => {
    await queue.close();
    remove(folder);
    folders.delete(folder);
  };
  const parts = { queue, clock, jobs };
  const test = {
    queue,
    clock,
    drain: (own = handlers as Partial<HandlerEntries> | undefined, drainOptions?: TestDrainOptions) =>
      drain(parts, own, drainOptions),
    enqueued: jobs.list,
    assertEnqueued: jobs.assertEnqueued,
    assertNotEnqueued: jobs.assertNotEnqueued,
    close,
    [Symbol.asyncDispose]: close,
  };
  // As in lib/queue.ts, job names get the types of their payloads here.
  return test as unknown as TestQueue<Jobs>;
}

/** The folders that an exit of the process removes. */
const folders = new Set<string>();
let removesAtExit = false;

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true });

function temporaryFolder(): string {
  if (!removesAtExit) process.once('exit', () => folders.forEach(remove));
  removesAtExit = true;
  const folder = mkdtempSync(join(tmpdir(), 'tsvq-test-'));
  folders.add(folder);
  return folder;
}
