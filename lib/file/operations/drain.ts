import { type Duration, duration, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { Wake } from '../../job/wake.js';
import { ALL_TYPES } from '../admission/paused.js';
import type { StoredJob } from '../format/stored-job.js';
import { runningJobs } from '../index/rows.js';
import { hasGivenUp } from '../lock/overdue.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { type PauseOptions, pause } from './pause.js';

/** How often the file is read, with or without a notification, in ms. A worker's death changes no file. */
const POLL_MS = 500;
/** The least time between a notification and the read, in ms. Without it, each write of a busy queue causes a read. */
const REST_MS = 20;

/** Options of {@link Queue.drain}. */
export interface DrainOptions<Type extends string = string> extends PauseOptions {
  /** The type to pause and to wait for. Default: all types. */
  type?: Type | undefined;
  /** How long to wait for jobs that run, once the pause is made. `0` looks once. Default: as long as it takes. */
  timeout?: Duration | undefined;
}

/** Pauses a type, or all types, and waits until none of its jobs runs. @returns how many still run at the end */
export async function drain(store: Store, options: DrainOptions = {}): Promise<{ running: number }> {
  onlyKnown('options', options, ['type', 'timeout', 'until', 'by']);
  const { type = ALL_TYPES, timeout, ...pauseOptions } = options;
  const ms = timeout === undefined ? Number.POSITIVE_INFINITY : duration('timeout', timeout);
  const wake = new Wake(store.clock);
  let isEnding = false;
  const end = (): void => {
    isEnding = true;
    wake.call();
  };
  const work = async (): Promise<{ running: number }> => {
    await pause(store, type, pauseOptions);
    let isOver = ms === 0;
    // A timer, because the time of day may be set meanwhile.
    const cancelTimer = store.clock.later(ms, () => {
      isOver = true;
      wake.call();
    });
    const endWatch = watch(store, wake);
    try {
      for (;;) {
        if (isEnding) throw new TsvqError('CLOSED', `the queue ${store.path} was closed; the pause stays`);
        const isLast = isOver;
        const running = await countRunning(store, type);
        if (running === 0 || isLast) return { running };
        await wake.within(POLL_MS);
      }
    } finally {
      cancelTimer();
      endWatch();
    }
  };
  return store.work(work, { stop: end, abandon: end });
}

/** Calls `wake` soon after each change of the file. @returns the function that ends this */
function watch(store: Store, wake: Wake): () => void {
  let cancelRest: (() => void) | undefined;
  const changed = (): void => {
    cancelRest ??= store.clock.later(REST_MS, () => {
      cancelRest = undefined;
      wake.call();
    });
  };
  try {
    const endWatch = store.watch(changed);
    return () => {
      endWatch();
      cancelRest?.();
    };
  } catch {
    // No watches are left. The file is read every half second all the same.
    return () => {};
  }
}

/** Counts the jobs that run, without the lock. Says 0 only after a look under it. */
async function countRunning(store: Store, type: string): Promise<number> {
  const index = await store.read('open');
  if (index === undefined) return 0;
  const isRunning = runningTest(store, type);
  const running = [...runningJobs(index)].filter(isRunning).length;
  if (running > 0) return running;
  // Without the lock, rows may be missing: a person may be editing the file.
  return store.update('open', (tx) => [...tx.running()].filter(isRunning).length);
}

/** Returns a test for jobs of the type whose worker is not known to be dead. */
function runningTest(store: Store, type: string): (job: StoredJob) => boolean {
  const here = jobsRunningHere(store);
  const deaths = new Map<string, boolean>();
  const isDead = (owner: string): boolean => {
    const dead = deaths.get(owner) ?? (owner !== '' && store.processes.liveness(owner) === 'dead');
    deaths.set(owner, dead);
    return dead;
  };
  return (job) => {
    if (type !== ALL_TYPES && job.type !== type) return false;
    return hasGivenUp(job.lockedBy) ? here.has(job.id) : !isDead(job.lockedBy);
  };
}
