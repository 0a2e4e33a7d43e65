import type { RequestKind } from './protocol.js';

/** What kind of schedules to play. */
export interface Mode {
  readonly name: string;
  readonly lockLetsTwoIn?: boolean;
  readonly neverCompacts?: boolean;
  readonly foreignIsDead?: boolean;
  /** How many containers the processes live in; by the seed, if it is left out. */
  readonly namespaces?: number;
  /** No kills, pauses and jumps: then whoever commits crosses out what that supersedes. */
  readonly undisturbed?: boolean;
  /** Bytes in each payload: what is read in large pieces is read off the event loop. */
  readonly padding?: number;
  readonly powerLoss?: boolean;
  /** The share of appends after which the power fails, before their sync. */
  readonly powerFailsAtAppends?: number;
  readonly syncFails?: boolean;
  readonly killCutsWrites?: boolean;
  /** In ms; by the seed, if it is left out. */
  readonly lockTimeout?: number;
  readonly variant?: string;
  /** After a power loss the disk may have damaged a row that was durable. */
  readonly damage?: boolean;
  /** Readers that have never seen the file come and go. */
  readonly readers?: boolean;
  /** They list what there is, in place of asking for each job. */
  readonly readersList?: boolean;
  /** A person edits the file under the lock, and leaves it without its last LF where nobody runs. */
  readonly person?: boolean;
  /** The share of appends to the queue's file that write a part of what they were given, and say so. */
  readonly shortWrites?: number;
  /** The share of appends before which an app stands still for a moment. */
  readonly slowAppends?: number;
  /** Calls to hit, where the usual ones find nothing. */
  readonly aims?: readonly string[];
  /** What web apps are asked, where the usual is too rarely what matters. */
  readonly requests?: readonly RequestKind[];
  /** Web apps ask for jobs with keys, and for pauses. */
  readonly keyed?: boolean;
  /** Web apps and workers declare schedules, and ask of them. */
  readonly scheduled?: boolean;
  /** Most jobs are of types with limits; what their limits count. */
  readonly limited?: 'type' | 'group';
}

/**
 * The design claims that what was acknowledged survives even this. A write that is cut as well can end up in one line
 * with another's row: nothing is lost by that, but the job is held until a person has looked.
 */
export const TWO_IN: Mode = {
  name: 'two in the lock',
  lockLetsTwoIn: true,
  neverCompacts: true,
  killCutsWrites: false,
};

/** More than is read at one go, and calls of one process that look while another one writes. */
export const UNDISTURBED: Mode = {
  name: 'undisturbed',
  undisturbed: true,
  neverCompacts: true,
  namespaces: 1,
  padding: 40_000,
  requests: ['enqueue', 'enqueueMany', 'enqueueMany', 'cancel', 'cancel', 'get', 'get', 'get'],
};

/** In all of these nothing may be found. */
export const MODES: readonly Mode[] = [
  { name: 'normal' },
  { name: 'containers', namespaces: 2 },
  UNDISTURBED,
  // The same, with compactions that set finished jobs apart, kills and pauses.
  { name: 'large payloads', padding: 40_000 },
  { name: 'power loss', powerLoss: true },
  TWO_IN,
  { name: 'damage', powerLoss: true, damage: true },
  { name: 'slow appends', slowAppends: 0.3 },
  // A person who is passed over would put an old copy in the place of what others wrote meanwhile: one container.
  { name: 'visitors', readers: true, person: true, shortWrites: 0.1, namespaces: 1 },
  { name: 'keyed', keyed: true, shortWrites: 0.05 },
  { name: 'keyed, power loss', keyed: true, powerLoss: true },
  { name: 'scheduled', scheduled: true, shortWrites: 0.05 },
  { name: 'scheduled, power loss', scheduled: true, powerLoss: true },
  { ...TWO_IN, name: 'scheduled, two in the lock', scheduled: true },
  { name: 'limited', limited: 'type', shortWrites: 0.05 },
  { name: 'limited by group', limited: 'group', shortWrites: 0.05 },
  { name: 'limited, power loss', limited: 'type', powerLoss: true },
  { name: 'limited by group, power loss', limited: 'group', powerLoss: true },
];
