import { fileURLToPath } from 'node:url';
import type Ms from 'ms';
import { dependency } from './dependency.js';
import { isInstance, TsvqError } from './errors.js';

/** A time span: a number of milliseconds, or a text with a unit: `'500ms'`, `'90s'`, `'10m'`, `'2h'`, `'7d'`. */
export type Duration = number | string;

/** A time: a Date, an ISO string with an offset (`'2030-01-31T09:00:00Z'`), or Unix seconds. */
export type Instant = Date | string | number;

/** Makes an error for an unusable option, with its name, value and type. @param wanted what it must be */
export function invalid(name: string, value: unknown, wanted: string): TsvqError {
  const shown = describe(value);
  return new TsvqError(
    'INVALID_ARGUMENT',
    `${name} is ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown} (${typeof value}); it must be ${wanted}`,
  );
}

/** Returns any value as text, also an object without a prototype, or a proxy that throws. */
function describe(value: unknown): string {
  for (const text of [String, (other: unknown) => Object.prototype.toString.call(other)]) {
    try {
      if (typeof value === 'string') return JSON.stringify(value);
      // String([1]) is 1, which hides that it is an array.
      return text === String && Array.isArray(value) ? JSON.stringify(value) : text(value);
    } catch {
      // Try the next one.
    }
  }
  return 'something without a text';
}

/** Returns a duration in ms. @throws TsvqError `INVALID_ARGUMENT` unless it is a non-negative time. */
export function duration(name: string, value: unknown): number {
  let ms: unknown = value;
  // An environment variable may say this.
  if (value === 'Infinity') ms = Number.POSITIVE_INFINITY;
  else if (typeof value === 'string' && value.trim() !== '' && value.length <= 100) {
    ms = dependency<typeof Ms>('ms', () => require('ms'))(value as Ms.StringValue);
  }
  if (typeof ms !== 'number' || !(ms >= 0)) {
    throw invalid(name, value, "a number of milliseconds, or a duration like '10m' or '2h'");
  }
  return ms;
}

/**
 * Reads a duration from the environment or the command line, in ms. It refuses a number without a unit, except 0,
 * because such a number mostly means seconds.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function durationText(name: string, text: string): number {
  // Infinity has no unit.
  const bare = Number(text);
  if (bare > 0 && bare < Number.POSITIVE_INFINITY) {
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${name} is ${text}, which has no unit; for ${bare} seconds write ${bare}s`,
    );
  }
  try {
    return duration(name, text);
  } catch {
    throw invalid(name, text, "a duration with its unit, like '30s', '10m' or '2h'");
  }
}

/** Reads a whole number in digits from environment or command line. @throws TsvqError `INVALID_ARGUMENT` */
export function countText(name: string, text: string, min = 1): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (value >= min) return value;
  throw invalid(name, text, `a whole number of at least ${min}, in digits`);
}

/** Checks a whole number, at least `min`. @throws TsvqError `INVALID_ARGUMENT` */
export function count(name: string, value: unknown, min = 1): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    throw invalid(name, value, `a whole number of at least ${min}`);
  }
  return value;
}

/** Refuses a misspelt option instead of ignoring it. @throws TsvqError `INVALID_ARGUMENT` */
export function onlyKnown(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw invalid(what, options, 'an object');
  // Makes no list of keys, because every job of an enqueueMany is checked here.
  for (const key in options) {
    if (!known.includes(key))
      throw invalid(
        `${what}.${key}`,
        (options as Record<string, unknown>)[key],
        `left out: the options are ${known.join(', ')}`,
      );
  }
}

const ISO_WITH_OFFSET = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;

/** Reads a time, in ms since 1970. @throws TsvqError `INVALID_ARGUMENT` */
export function instant(name: string, value: unknown): number {
  if (typeof value === 'number') {
    if (value > 1e11)
      throw invalid(name, value, 'Unix seconds (this looks like milliseconds: divide by 1000)');
    if (value >= 0) return Math.round(value * 1000);
  } else if (isInstance(Date, value)) {
    if (value.getTime() >= 0) return value.getTime();
  } else if (typeof value === 'string' && ISO_WITH_OFFSET.test(value)) {
    const ms = Date.parse(value.replace(' ', 'T'));
    const day = value.slice(0, 10);
    // Date.parse would take 31 February for 3 March.
    if (ms >= 0 && new Date(day).toISOString().startsWith(day)) return ms;
  }
  throw invalid(
    name,
    value,
    "a Date, an ISO string with an offset ('2030-01-31T09:00:00Z'), or Unix seconds",
  );
}

/** Removes keys whose value is undefined, so that they take their default. */
export function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Checks that a value is text. @throws TsvqError `INVALID_ARGUMENT` */
export function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(name, value, 'a string');
  return value;
}

/** A year in ms, as in '1y'. It limits an attempt and a wait. */
export const YEAR: number = 365.25 * 24 * 3_600_000;

/** Checks an attempt's time limit, in ms. @throws TsvqError `INVALID_ARGUMENT` */
export function timeLimit(name: string, value: unknown): number {
  const ms = duration(name, value);
  if (ms >= 1 && ms <= YEAR) return ms;
  throw invalid(name, value, 'at least 1 ms and at most a year: a dead worker is known by it');
}

/** The schemes that make an address even without slashes: of a queue or database, or half a file URL. */
const SERVICES =
  'file|rediss?|valkeys?|postgres(?:ql)?|mysql|mariadb|mongodb(?:\\+srv)?|amqps?|nats|kafka|memcached?|https?|sqlite3?|libsql|s3|gs|gcs|abfss?|wasbs?|hdfs|ftps?|sftp|sqs|mssql|sqlserver|jdbc|etcd|beanstalkd?';
/** A scheme and its slashes, or a service's scheme; a shell or an .env file may leave quotes before it. */
const ADDRESS = new RegExp(`^[\\s"'<]*((?:[a-z][a-z\\d+.-]+:)+//|(?:${SERVICES}):)(.*)$`, 'is');
/** The pattern of user and password, host, and the rest. Only this form shows where the password ends. */
const AUTHORITY = /^([^/?#@]*@)?([^/?#@:]*(?::\d*)?|\[[\da-f:.]+\](?::\d*)?)([/?#][^@]*)?$/is;
/** The pattern of a quoted path, because docker --env-file, for one, keeps quotes. */
const QUOTED = /^\s*(["'`]).*\1\s*$/s;

/**
 * Returns the path that names a queue file. An address would make a folder called `redis:`.
 *
 * @param name the value's name in errors
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function queuePath(name: string, value: unknown): string {
  const text = isInstance(URL, value) ? value.href : value;
  const wanted = 'it must be a path, or a file: URL';
  if (typeof text !== 'string' || text === '' || text.includes('\0')) {
    throw new TsvqError('INVALID_ARGUMENT', `${name} is ${describe(value)}; ${wanted}`);
  }
  if (/^file:\//i.test(text)) return pathOfUrl(name, text);
  const [, scheme, rest = ''] =
    ADDRESS.exec(text) ?? (value === text ? [] : ['', `${text.split(':')[0]}:`, '/']);
  if (scheme === undefined) return unquoted(name, text);
  // Without slashes, a password's place is unknown.
  const address = `${scheme}${scheme.endsWith('//') ? withoutSecrets(rest) : '…'}`;
  throw new TsvqError(
    'INVALID_ARGUMENT',
    `${name} is ${JSON.stringify(address)}, an address that names no file; ${wanted}, like data/queue.tsv; ` +
      'write ./ before a path that has a colon',
  );
}

/** Refuses a blank or quoted path, which would be an empty queue. @throws TsvqError `INVALID_ARGUMENT` */
function unquoted(name: string, path: string): string {
  if (path.trim() === '')
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${name} is ${describe(path)}, which is blank; it must be a path`,
    );
  if (!QUOTED.test(path)) return path;
  const what = `${name} is ${describe(path)}, which has quotes around it; write it without them`;
  throw new TsvqError('INVALID_ARGUMENT', `${what}, or with ./ before it if they are part of its name`);
}

/** Reads a switch that isn't empty. @throws TsvqError `INVALID_ARGUMENT` */
export function switchText(name: string, text: string): boolean {
  if (/^(1|true|yes)$/i.test(text)) return true;
  if (/^(0|false|no)$/i.test(text)) return false;
  throw invalid(name, text, '1, true or yes; or 0, false or no');
}

function pathOfUrl(name: string, url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    // The URL names another computer, or a name in it has a slash.
    const why = (cause as Error).message;
    throw new TsvqError('INVALID_ARGUMENT', `${name} is ${url.replace(/\/\/[^/]*@/, '//…@')}: ${why}`, {
      cause,
    });
  }
}

/** Returns an address with only its host. Passwords are before it, and often after it as well. */
function withoutSecrets(rest: string): string {
  const [, user, host, more] = AUTHORITY.exec(rest) ?? [];
  if (host === undefined) return '…';
  return `${user === undefined ? '' : '…@'}${host}${more === undefined ? '' : '/…'}`;
}
