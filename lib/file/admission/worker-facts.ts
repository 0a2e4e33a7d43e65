import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { ServedTypes } from '../../runner/served-types.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { DiskRoom, type RoomEvents } from './disk-room.js';

/** The facts about a worker that the rules of admission need. */
export interface WorkerFacts {
  /** The worker's name in its claims. */
  readonly owner: string;
  readonly store: Store;
  readonly maxWorkers: number;
  /** The types that have a handler. */
  readonly types: ServedTypes;
  /** True if an earlier attempt of the job still runs in this process. */
  readonly isBusy: (id: string) => boolean;
  /** The room on the queue's disk. */
  readonly room: DiskRoom;
}

/** Returns the facts about a worker of this process that the rules need. */
export function workerFacts(
  store: Store,
  types: ServedTypes,
  { maxWorkers }: ResolvedWorkerOptions,
  events: RoomEvents,
): WorkerFacts {
  const runningHere = jobsRunningHere(store);
  return {
    owner: store.processes.self(),
    store,
    maxWorkers,
    types,
    isBusy: (id) => runningHere.has(id),
    room: new DiskRoom(store, events),
  };
}
