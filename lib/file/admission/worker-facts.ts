import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { Handler } from '../../runner/handler.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';

/** The facts about a worker that the rules of admission need. */
export interface WorkerFacts {
  /** The worker's name in its claims. */
  readonly owner: string;
  readonly store: Store;
  readonly maxWorkers: number;
  /** The default time limit of a job, in ms. */
  readonly timeout: number;
  /** True if the type has a handler. */
  readonly handles: (type: string) => boolean;
  /** True if an earlier attempt of the job still runs in this process. */
  readonly isBusy: (id: string) => boolean;
}

/** Returns the facts about a worker of this process that the rules need. */
export function workerFacts(
  store: Store,
  handlers: ReadonlyMap<string, Handler>,
  { maxWorkers, timeout }: ResolvedWorkerOptions,
): WorkerFacts {
  const runningHere = jobsRunningHere(store);
  return {
    owner: store.processes.self(),
    store,
    maxWorkers,
    timeout,
    handles: (type) => handlers.has(type),
    isBusy: (id) => runningHere.has(id),
  };
}
