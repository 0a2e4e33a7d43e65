import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { Handler } from '../../runner/handler.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';

/** What the rules need to know of a worker. */
export interface WorkerFacts {
  /** The name in its claims. */
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

/** Returns what the rules need to know of a worker of this process. */
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
