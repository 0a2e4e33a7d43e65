import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { ServedTypes } from '../../runner/served-types.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { DiskRoom, type RoomEvents } from './disk-room.js';
import { LimitsFile } from './limits-file.js';

/** The facts about a worker that the rules of admission need. */
export interface WorkerFacts {
  /** The worker's name in its claims. */
  readonly owner: string;
  readonly store: Store;
  readonly maxWorkers: number;
  /** The types that have a handler. */
  readonly types: ServedTypes;
  /** The ids of the jobs whose handlers run in this process. They may be those of earlier attempts. */
  readonly runningHere: ReadonlySet<string>;
  /** The jobs that were recorded as ended while their handlers went on here, by id. */
  readonly goingOn: Map<string, { readonly type: string; readonly group: string }>;
  readonly limits: LimitsFile;
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
  return {
    owner: store.processes.self(),
    store,
    maxWorkers,
    types,
    runningHere: jobsRunningHere(store),
    goingOn: new Map(),
    limits: new LimitsFile(store.fs, store.realPath),
    room: new DiskRoom(store, events),
  };
}
