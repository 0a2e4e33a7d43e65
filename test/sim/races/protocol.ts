import type { Spec } from './slot-requests.js';

/** Calls that a process waits for, standing still. */
export type Call = readonly [op: string, ...args: (string | number | null)[]];

/** What a process says while it runs; it takes no step. */
export type Word =
  /** A call that is under way beside it; bytes to write as latin1. */
  | ['begin', id: number, call: Call, bytes?: string]
  | ['timer', id: number, ms: number]
  | ['cancel', id: number]
  | ['immediate', id: number]
  | ['watch', id: number, folder: string]
  | ['unwatch', id: number]
  | Note;

/** What those who judge want to know. */
export type Note =
  /** A request was answered. */
  | ['answer', request: number, value: unknown]
  | ['refusal', request: number, code: string, message: string, existing: readonly string[]]
  /** A handler was called. */
  | ['run', id: string, attempt: number, mark?: string]
  /** A handler has enqueued a follow-up. */
  | ['follow', id: string, attempt: number, followUp: string]
  /** … or one with a key, which is left out if the key is held. */
  | ['follow keyed', id: string, attempt: number, index: number, type: string, key: string]
  /** What a worker said to its logger. */
  | ['event', event: string, id: string, attempt: number, text: string]
  /** A job's state as a reader was told it; null: that there is no such job. */
  | ['saw', id: string, status: string | null]
  /** A person is about to take a job out of the file. */
  | ['takes out', id: string]
  /** … or to leave the line of one without its LF. */
  | ['leaves open', id: string]
  | ['exit', code: string, message: string];

/** What a process says when it hands the turn over. */
export interface Report {
  readonly words: Word[];
  /** What it waits for; undefined: it has nothing to do. */
  readonly call?: Call;
}

/** What comes of a call. */
export interface Reply {
  value?: unknown;
  /** An error's code. */
  error?: string;
  /** There is no reply: the process is dead. */
  killed?: boolean;
}

/** What happens to a process that has nothing to do. */
export type Command =
  | { begin: Life }
  | { end: true }
  /** A call that was under way has come to its end. */
  | { done: number; reply: Reply }
  | { timer: number }
  | { immediate: number }
  | { changed: number; name: string }
  | { request: number; what: RequestKind; args: readonly unknown[] };

export type RequestKind =
  | 'enqueue'
  | 'enqueueMany'
  | 'add'
  | 'addMany'
  | 'cancel'
  | 'retry'
  | 'get'
  | 'compact'
  | 'pause'
  | 'resume'
  | 'schedule'
  | 'unschedule'
  | 'pauseSchedule'
  | 'resumeSchedule'
  | 'runNow'
  | 'close';

/** A virtual process. */
export interface Life {
  readonly pid: number;
  /** Of its host; a process of another one can't be judged. */
  readonly namespace: number;
  readonly boot: number;
  readonly seed: number;
  readonly role: 'app' | 'worker' | 'reader' | 'person';
  readonly queue: { durability: 'sync' | 'os'; lockTimeout: number };
  readonly worker: {
    concurrency: number;
    linger: number;
    grace: number;
    maxAttempts: number;
    maxTime?: number;
    schedules?: Record<string, Spec>;
  };
  /** A worker has handlers for types with limits as well. */
  readonly servesLimited: boolean;
  /** Jobs that a reader asks for, or that a person takes out. */
  readonly ids?: readonly string[];
  /** A reader asks for the list of all, in place of one by one. */
  readonly lists?: boolean;
  /** A person leaves the last line without its LF. */
  readonly leavesNoEnd?: boolean;
  /** Compaction left out. */
  readonly neverCompacts: boolean;
  /** Which part of the code is replaced by one that is known to be wrong; '' for none. */
  readonly variant: string;
}

export const QUEUE = '/data/queue.tsv';
export const LOCK = `${QUEUE}.lock`;
/** Where the workers keep when the next job of each lane may start. */
export const LIMITS = `${QUEUE}.limits`;

/** `host.boot.namespace.pid.start.random`, as lib/file/lock/process-id.ts has it. */
export const ownerName = ({ boot, namespace, pid }: Life, n: number): string =>
  `host.boot${boot}.${namespace}.${pid}.1.${n.toString(16)}`;
