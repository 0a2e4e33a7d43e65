import { count, type Duration, defined, duration, instant, invalid, onlyKnown, timeLimit } from './checks.js';
import type { DefaultJobs, Job, TypeOf } from './job.js';
import { checkGroup, checkKey, checkName } from './name.js';

/**
 * The options of `enqueue`: when and how the job runs.
 *
 * @example
 * await enqueue('report', { month: '2030-01' }, { runAt: '2030-02-01T06:00:00Z', maxAttempts: 5, timeout: '10m' });
 */
export interface EnqueueOptions {
  /**
   * The earliest start: a Date, an ISO string with `Z` or an offset, or Unix seconds (fractions allowed). A
   * number above 1e11 is refused, because it looks like milliseconds. Default: now.
   */
  runAt?: Date | string | number | undefined;
  /** The shortest wait before the start. It is refused together with `runAt`. Default: none. */
  delay?: Duration | undefined;
  /** The priority, higher first; any finite number. Default 0. (In BullMQ, lower is sooner.) */
  priority?: number | undefined;
  /** How often the job is tried at most. Default: its type's, or the worker's, `maxAttempts`. */
  maxAttempts?: number | undefined;
  /** The time limit of one attempt, from 1 ms to a year. Default: its type's, or the worker's, `timeout`. */
  timeout?: Duration | undefined;
  /**
   * The customer, host or account that the job is for, so that the limits of its type can count each by itself; see
   * `rateLimit` and `concurrency` of {@link Policy}. Characters as in `dedupeKey`. Default: none.
   */
  group?: string | undefined;
  /**
   * A key of which the type is to have at most one job, 1 to 200 characters without control characters; not beginning
   * with `@`. True makes the payload itself the key (a hash of its JSON, whatever the order of its names). Such an
   * enqueue takes the lock, and any other doesn't. Default: none.
   */
  dedupeKey?: string | true | undefined;
  /**
   * Which jobs with the key count: `'active'` those that wait, also between two attempts, or run; `'queued'` those that
   * wait, so that one may be added while another runs; `'kept'` all in the file, finished ones too, which reads the
   * whole file. Default `'active'`.
   */
  dedupe?: DedupeScope | undefined;
  /**
   * What happens if such a job counts already.
   *
   * - `'return'`: nothing is added, and the id is that job's.
   * - `'reject'`: the call rejects with `DUPLICATE_JOB`.
   * - `'replace'`: a job that waits gets this one's payload, options and start, with all its attempts (debounce).
   * - `'update'`: like `'replace'`, but it keeps its start (throttle).
   *
   * With `'replace'` and `'update'`, a job behind one that runs is added, and waits until that one has ended. So what
   * it was asked for is done once more, with the last payload. Default `'return'`.
   */
  onDuplicate?: OnDuplicate | undefined;
  /** With `onDuplicate: 'replace'`: it starts no later than so long after the job was created. Default: no limit. */
  maxDelay?: Duration | undefined;
  /**
   * Labels of your own, for people, filters and handlers: names with JSON values, together at most 3 KiB of JSON. A
   * name can't begin with `@`. Default: none.
   */
  meta?: Readonly<Record<string, unknown>> | undefined;
}

/** Which jobs count for a key; see {@link EnqueueOptions.dedupe}. */
export type DedupeScope = 'active' | 'queued' | 'kept';

/** What a duplicate does; see {@link EnqueueOptions.onDuplicate}. */
export type OnDuplicate = 'return' | 'reject' | 'replace' | 'update';

/** What came of a job that was to be added. */
export interface Added {
  /** The job's id: of the new job, or of the one that counted already. */
  readonly id: string;
  /** What was done: `'added'`, nothing (`'existing'`), or the job that waited was changed. */
  readonly outcome: 'added' | 'existing' | 'replaced' | 'updated';
}

/** The options that jobs of a type have by default; see {@link QueueOptions.defaults}. */
export type EnqueueDefaults = Omit<EnqueueOptions, 'runAt' | 'meta'>;

/** The arguments of `enqueue` after the type. The payload is optional if its type allows undefined. */
export type EnqueueArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: EnqueueOptions]
  : [payload: Payload, options?: EnqueueOptions];

/** One job of {@link Queue.enqueueMany}. */
export type NewJob<Jobs = DefaultJobs> = {
  [T in TypeOf<Jobs>]: undefined extends Jobs[T]
    ? { type: T; payload?: Jobs[T]; options?: EnqueueOptions }
    : { type: T; payload: Jobs[T]; options?: EnqueueOptions };
}[TypeOf<Jobs>];

/** The filter of {@link listJobs} and {@link iterateJobs}. Without options, all jobs fit. */
export interface ListOptions {
  /** Only jobs in this state, or one of these. */
  status?: Job['status'] | readonly Job['status'][] | undefined;
  /** Only jobs of this type. */
  type?: string | undefined;
  /** Only jobs whose id begins with this. */
  idPrefix?: string | undefined;
  /** Only jobs with this key. */
  dedupeKey?: string | undefined;
  /** Only jobs of this group. */
  group?: string | undefined;
  /** True: only dismissed jobs. False: no dismissed ones; with `status: 'failed'`, the failures that are left. */
  dismissed?: boolean | undefined;
  /** Only jobs with all these labels, each with this value. */
  meta?: Readonly<Record<string, unknown>> | undefined;
  /** How many jobs to list at most, in the order of the file. Default: no limit. */
  limit?: number | undefined;
}

/** The checked {@link EnqueueOptions}: times in ms since 1970, durations in ms. */
export interface ResolvedEnqueueOptions {
  readonly runAt: number;
  readonly priority: number;
  readonly maxAttempts: number | undefined;
  readonly timeout: number | undefined;
  /** Undefined if the job has no key. */
  readonly dedupe: Dedupe | undefined;
}

/** The checked options about a job's key. */
export interface Dedupe {
  readonly scope: DedupeScope;
  readonly onDuplicate: OnDuplicate;
  /** In ms. */
  readonly maxDelay: number;
}

/** All values of {@link EnqueueOptions.dedupe}. */
export const SCOPES: readonly DedupeScope[] = ['active', 'queued', 'kept'];
/** All values of {@link EnqueueOptions.onDuplicate}. */
export const ON_DUPLICATE: readonly OnDuplicate[] = ['return', 'reject', 'replace', 'update'];

/** The names of all {@link EnqueueOptions}. */
const ENQUEUE_OPTIONS = [
  'runAt',
  'delay',
  'priority',
  'maxAttempts',
  'timeout',
  'group',
  'dedupeKey',
  'dedupe',
  'onDuplicate',
  'maxDelay',
  'meta',
] as const satisfies readonly (keyof EnqueueOptions)[];

/** The names of all {@link EnqueueDefaults}. */
const DEFAULT_OPTIONS = ENQUEUE_OPTIONS.filter((name) => name !== 'runAt' && name !== 'meta');

/** The checked defaults of job types. */
export type ResolvedDefaults = Record<string, EnqueueDefaults | undefined>;

/** Checks options. @param where the text before option names in errors @throws TsvqError `INVALID_ARGUMENT` */
export function resolveEnqueueOptions(
  options: EnqueueOptions,
  now: number,
  where = '',
): ResolvedEnqueueOptions {
  onlyKnown(`${where}options`, options, ENQUEUE_OPTIONS);
  const { runAt, delay, priority = 0, maxAttempts, timeout, group } = options;
  if (runAt !== undefined && delay !== undefined)
    throw invalid(`${where}delay`, delay, 'left out where runAt is given');
  if (typeof priority !== 'number' || !Number.isFinite(priority))
    throw invalid(`${where}priority`, priority, 'a finite number');
  if (group !== undefined) checkGroup(`${where}group`, group);
  const at =
    runAt !== undefined
      ? instant(`${where}runAt`, runAt)
      : now + (delay === undefined ? 0 : duration(`${where}delay`, delay));
  if (!(at < 1e14)) {
    const [name, value] = runAt === undefined ? ['delay', delay] : ['runAt', runAt];
    throw invalid(`${where}${name}`, value, 'a time before the year 5138');
  }
  return {
    runAt: at,
    priority,
    maxAttempts: maxAttempts === undefined ? undefined : count(`${where}maxAttempts`, maxAttempts),
    timeout: timeout === undefined ? undefined : timeLimit(`${where}timeout`, timeout),
    dedupe: resolveDedupe(options, where),
  };
}

/**
 * Checks the defaults of job types.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, naming type and option
 */
export function resolveDefaults(
  defaults: Readonly<Record<string, EnqueueDefaults | undefined>>,
): ResolvedDefaults {
  if (typeof defaults !== 'object' || defaults === null || Array.isArray(defaults))
    throw invalid('defaults', defaults, 'an object of options, one for each job type');
  // A copy without a prototype, because a type may be called constructor.
  const copy: ResolvedDefaults = Object.assign(Object.create(null), defaults);
  for (const [type, options] of Object.entries(copy)) {
    if (options === undefined) continue;
    checkName('the type of a default', type);
    const name = `defaults.${type}`;
    onlyKnown(name, options, DEFAULT_OPTIONS);
    resolveEnqueueOptions(options, 0, `${name}.`);
    copy[type] = { ...options };
  }
  return copy;
}

/** Returns the options of a call, with the defaults of its type. */
export function withDefaults(options: EnqueueOptions, defaults: EnqueueDefaults | undefined): EnqueueOptions {
  if (defaults === undefined || typeof options !== 'object' || options === null) return options;
  const { delay, maxDelay, ...rest } = defaults;
  const given: EnqueueOptions = { ...rest, ...defined(options) };
  // A default that the call's options exclude doesn't count.
  if (given.runAt === undefined && delay !== undefined) given.delay ??= delay;
  if (given.onDuplicate === 'replace' && maxDelay !== undefined) given.maxDelay ??= maxDelay;
  return given;
}

function resolveDedupe(options: EnqueueOptions, where: string): Dedupe | undefined {
  const { dedupeKey, dedupe = 'active', onDuplicate = 'return', maxDelay } = options;
  if (dedupeKey === undefined) {
    // Nearly all jobs have none of these.
    if ((options.dedupe ?? options.onDuplicate ?? maxDelay) === undefined) return undefined;
    for (const name of ['dedupe', 'onDuplicate', 'maxDelay'] as const) {
      if (options[name] !== undefined)
        throw invalid(`${where}${name}`, options[name], 'left out where there is no dedupeKey');
    }
    return undefined;
  }
  checkKey(`${where}dedupeKey`, dedupeKey);
  if (!SCOPES.includes(dedupe)) throw invalid(`${where}dedupe`, dedupe, `one of ${SCOPES.join(', ')}`);
  if (!ON_DUPLICATE.includes(onDuplicate))
    throw invalid(`${where}onDuplicate`, onDuplicate, `one of ${ON_DUPLICATE.join(', ')}`);
  if (maxDelay !== undefined && onDuplicate !== 'replace')
    throw invalid(`${where}maxDelay`, maxDelay, "left out unless onDuplicate is 'replace'");
  return {
    scope: dedupe,
    onDuplicate,
    maxDelay: maxDelay === undefined ? Number.POSITIVE_INFINITY : duration(`${where}maxDelay`, maxDelay),
  };
}
