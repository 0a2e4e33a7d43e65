import { count, type Duration, defined, duration, invalid, onlyKnown } from './checks.js';
import type { DefaultJobs, TypeOf } from './job.js';
import { type EnqueueDefaults, resolveDefaults } from './job-options.js';
import { openTelemetry } from './open-telemetry.js';
import { type Retention, type RetentionOption, resolveRetention } from './retention.js';
import type { Tracing } from './tracing.js';

/**
 * The options of {@link openQueue}.
 *
 * @example
 * const queue = openQueue('data/queue.tsv', { durability: 'os', retention: '30d' });
 */
export interface QueueOptions<Jobs = DefaultJobs> {
  /**
   * What an acknowledged job survives. With `'sync'` it survives power loss. With `'os'` it survives the death of any
   * process, but not of the machine. Default `'sync'`.
   */
  durability?: 'sync' | 'os' | undefined;
  /**
   * How long finished jobs stay in the file: one time for all, or one for each state. Older ones move to archive/ next
   * to the file. `Infinity` keeps them. Default: `completed` and `cancelled` `'7d'`, `failed` `'30d'`.
   */
  retention?: RetentionOption | undefined;
  /**
   * False drops finished jobs that are past their retention time, instead of moving them to archive/. Default true.
   */
  archive?: boolean | undefined;
  /**
   * How long the archive keeps a month after its end. A compaction then removes the files of that month. `Infinity`
   * keeps all. Default `Infinity`.
   */
  archiveRetention?: Duration | undefined;
  /** The largest payload, and the largest result, in bytes of JSON. Default 1 MiB; at most 100 MiB. */
  maxPayload?: number | undefined;
  /**
   * The most bytes that the file may have after an `enqueue`, which fails with `QUEUE_FULL` otherwise. Everything else
   * may still write. `Infinity` sets no limit. Default 4 GiB.
   */
  maxBytes?: number | undefined;
  /**
   * The bytes that have to be free on the file's disk. With less, a worker starts no job, and no schedule makes one;
   * running jobs are recorded. It warns once. 0 doesn't look. Default 0.
   */
  minFree?: number | undefined;
  /** How long a call waits for the lock before it fails with `LOCK_TIMEOUT`. Default `'30s'`. */
  lockTimeout?: Duration | undefined;
  /**
   * True allows writes on any file system. Otherwise the first write fails with `FILE_SYSTEM` on NFS, SMB, 9p or
   * another one that several machines share. A worker warns once about a file system in memory, in a container's own
   * layer, or of FUSE. Only Linux tells file systems apart. Default false.
   */
  anyFileSystem?: boolean | undefined;
  /**
   * `enqueue` warns if jobs are due, and no worker has looked at the queue for so long: cron or the worker has stopped, or
   * works on another file. The warning goes to stderr, once until a worker is back. `false`, 0 and `Infinity` never warn.
   * Default `'10m'`.
   */
  noWorkerAfter?: Duration | false | undefined;
  /**
   * What this process's jobs of a type have by default, for `enqueue` and for follow-ups. An option of the call wins.
   * Default: none.
   */
  defaults?: { readonly [T in TypeOf<Jobs>]?: EnqueueDefaults } | undefined;
  /**
   * True to make OpenTelemetry spans of added jobs and attempts, by the package `@opentelemetry/api`, which you install.
   * A job carries its trace to the worker. See docs/events.md. Default: false.
   */
  tracing?: boolean | undefined;
}

const DAY = 86_400_000;

/** The defaults of the options of a queue; durations in ms. */
export const QUEUE_DEFAULTS: ResolvedQueueOptions = {
  durability: 'sync',
  retention: { completed: 7 * DAY, failed: 30 * DAY, cancelled: 7 * DAY },
  archive: true,
  archiveRetention: Number.POSITIVE_INFINITY,
  maxPayload: 1_048_576,
  maxBytes: 4_294_967_296,
  minFree: 0,
  lockTimeout: 30_000,
  anyFileSystem: false,
  noWorkerAfter: 600_000,
  defaults: {},
  tracing: undefined,
};

/** The checked {@link QueueOptions}, durations in ms. */
export interface ResolvedQueueOptions {
  readonly durability: 'sync' | 'os';
  readonly retention: Retention;
  readonly archive: boolean;
  readonly archiveRetention: number;
  readonly maxPayload: number;
  readonly maxBytes: number;
  readonly minFree: number;
  readonly lockTimeout: number;
  readonly anyFileSystem: boolean;
  /** Infinity never warns. */
  readonly noWorkerAfter: number;
  readonly defaults: Readonly<Record<string, EnqueueDefaults | undefined>>;
  /** Undefined without the option. */
  readonly tracing: Tracing | undefined;
}

/** Checks options, and adds the defaults. @throws TsvqError `INVALID_ARGUMENT` */
export function resolveQueueOptions(options: QueueOptions): ResolvedQueueOptions {
  onlyKnown('options', options, QUEUE_OPTIONS);
  const given = { ...QUEUE_DEFAULTS, ...defined(options) };
  const { durability } = given;
  if (durability !== 'sync' && durability !== 'os') throw invalid('durability', durability, "'sync' or 'os'");
  return {
    durability,
    retention: resolveRetention(given.retention, QUEUE_DEFAULTS.retention),
    archive: flag('archive', given.archive),
    archiveRetention: duration('archiveRetention', given.archiveRetention),
    maxPayload: payloadLimit(given.maxPayload),
    maxBytes:
      given.maxBytes === Number.POSITIVE_INFINITY ? given.maxBytes : byteCount('maxBytes', given.maxBytes, 1),
    minFree: byteCount('minFree', given.minFree, 0),
    lockTimeout: duration('lockTimeout', given.lockTimeout),
    anyFileSystem: flag('anyFileSystem', given.anyFileSystem),
    noWorkerAfter:
      (given.noWorkerAfter !== false && duration('noWorkerAfter', given.noWorkerAfter)) ||
      Number.POSITIVE_INFINITY,
    defaults: resolveDefaults(given.defaults),
    tracing: flag('tracing', options.tracing ?? false) ? openTelemetry() : undefined,
  };
}

const QUEUE_OPTIONS = [
  'durability',
  'retention',
  'archive',
  'archiveRetention',
  'maxPayload',
  'maxBytes',
  'minFree',
  'lockTimeout',
  'anyFileSystem',
  'noWorkerAfter',
  'defaults',
  'tracing',
] as const satisfies readonly (keyof QueueOptions)[];

function flag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(name, value, 'true or false');
  return value;
}

function byteCount(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw invalid(name, value, `a number of bytes, a whole number of at least ${min}`);
}

/** The largest `maxPayload`: payload, result and follow-ups must fit into one row, and a row into one string. */
const MOST_PAYLOAD = 100 * 1024 * 1024;

function payloadLimit(value: unknown): number {
  const bytes = count('maxPayload', value);
  if (bytes <= MOST_PAYLOAD) return bytes;
  throw invalid('maxPayload', value, `at most ${MOST_PAYLOAD}, 100 MiB`);
}
