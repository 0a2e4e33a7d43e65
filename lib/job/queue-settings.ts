import { durationText, invalid, switchText } from './checks.js';
import type { QueueOptions } from './queue-options.js';
import type { RetentionOption } from './retention.js';

/** The options of a queue that texts can set. They are the same for queues of all types of jobs. */
type Settings = Pick<
  QueueOptions,
  'retention' | 'archive' | 'archiveRetention' | 'maxBytes' | 'minFree' | 'anyFileSystem' | 'noWorkerAfter'
>;

/** The variable of each option, and the function that reads its text. */
const READERS: {
  [Option in keyof Settings]-?: readonly [
    variable: string,
    read: (name: string, text: string) => Settings[Option],
  ];
} = {
  retention: ['QUEUE_RETENTION', retentionText],
  archive: ['QUEUE_ARCHIVE', switchText],
  archiveRetention: ['QUEUE_ARCHIVE_RETENTION', durationText],
  // As with the option, Infinity sets no limit.
  maxBytes: [
    'QUEUE_MAX_BYTES',
    (name, text) => (text === 'Infinity' ? Number.POSITIVE_INFINITY : bytesText(name, text, 1)),
  ],
  minFree: ['QUEUE_MIN_FREE', (name, text) => bytesText(name, text, 0)],
  anyFileSystem: ['QUEUE_ANY_FILE_SYSTEM', switchText],
  noWorkerAfter: [
    'QUEUE_NO_WORKER_AFTER',
    (name, text) => (/^(false|no)$/i.test(text) ? false : durationText(name, text)),
  ],
};

/** The names of all variables that {@link queueOptionsFrom} reads. */
export const QUEUE_VARIABLES: readonly string[] = Object.values(READERS).map(([variable]) => variable);

/**
 * Reads a queue's options from the environment, so that all processes that open its file have the same.
 *
 * - `QUEUE_RETENTION`: one duration ('30d'), or one for each state ('completed=1d,failed=90d,cancelled=7d'). A state
 *   that is left out has its default.
 * - `QUEUE_ARCHIVE` and `QUEUE_ANY_FILE_SYSTEM`: 1, true, yes; 0, false, no.
 * - `QUEUE_ARCHIVE_RETENTION`: a duration.
 * - `QUEUE_MAX_BYTES` and `QUEUE_MIN_FREE`: bytes in digits, or with a unit: k, M, G or T, in powers of 1000 ('10MB').
 * - `QUEUE_NO_WORKER_AFTER`: a duration; 0, false, no.
 *
 * Durations need a unit, and may be 'Infinity', as `QUEUE_MAX_BYTES` may. An empty variable counts as not set. Unset
 * options are left out, so they have the defaults of {@link QueueOptions}.
 *
 * @throws TsvqError `INVALID_ARGUMENT` that names the variable and its value
 * @example
 * const queue = openQueue('data/queue.tsv', queueOptionsFrom(process.env));
 */
export function queueOptionsFrom(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.entries(READERS).flatMap(([option, [variable, read]]) => {
    const text = environment[variable];
    // An empty QUEUE_ARCHIVE must not mean no, because that would drop jobs.
    return text ? [[option, read(variable, text)]] : [];
  });
  return Object.fromEntries(given);
}

const STATES: readonly string[] = ['completed', 'failed', 'cancelled'];

/** Reads one duration for all states, or a list of states with theirs. @throws TsvqError `INVALID_ARGUMENT` */
function retentionText(name: string, text: string): RetentionOption {
  if (!text.includes('=')) return durationText(name, text);
  const parts = text.split(',').map((part) => part.split('=').map((side) => side.trim()));
  const states = parts.map(([state = '']) => state);
  const isUsable = parts.every(
    ([state = '', time, ...more]) => STATES.includes(state) && time && !more.length,
  );
  if (!isUsable || new Set(states).size < states.length) {
    throw invalid(
      name,
      text,
      "a duration like '30d', or one for each state, like 'completed=1d,failed=90d,cancelled=7d', each state at most once",
    );
  }
  return Object.fromEntries(
    parts.map(([state, time]) => [state, durationText(`${name}: ${state}`, time as string)]),
  );
}

const UNITS = ['', 'K', 'M', 'G', 'T'];

/** Reads a number of bytes, at least `min`. @throws TsvqError `INVALID_ARGUMENT` */
function bytesText(name: string, text: string, min: number): number {
  const [, digits, unit = ''] = /^(\d{1,15})(?: ?([kmgt])b?)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1000 ** UNITS.indexOf(unit.toUpperCase());
  // Not true of NaN, either.
  if (bytes >= min && Number.isSafeInteger(bytes)) return bytes;
  throw invalid(
    name,
    text,
    `a number of bytes of at least ${min}, in digits, or with a unit, like '10MB' or '1GB': k, M, G or T, in powers of 1000`,
  );
}
