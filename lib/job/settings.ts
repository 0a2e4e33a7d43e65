import { countText, durationText, queuePath, timeLimit } from './checks.js';
import type { WorkerOptions } from './options.js';
import { pingUrl } from './ping-url.js';
import { QUEUE_VARIABLES, queueOptionsFrom } from './queue-settings.js';
import { complain } from './worker-event.js';

/**
 * The project worker's differences from the defaults of {@link WorkerOptions}: waits of 30 s, 1 min, 2 min and so on
 * up to an hour, three hours together. They are numbers, because texts would load a module in each idle tick.
 */
export const WORKER_DEFAULTS: Required<Pick<WorkerOptions, 'maxAttempts' | 'backoff'>> = {
  maxAttempts: 10,
  backoff: { base: 15_000, factor: 2, max: 3_600_000, jitter: 0.1 },
};

/** The worker options as text; undefined if not given. */
export type WorkerTexts = {
  readonly [Option in
    | 'concurrency'
    | 'linger'
    | 'grace'
    | 'maxAttempts'
    | 'backoff'
    | 'timeout'
    | 'pingUrl']?: string | undefined;
};

/** The options that texts can set are the same for queues of all types of jobs. */
type Settings = Omit<WorkerOptions, 'schedules'>;

/** The functions that read these texts. */
const READERS: { [Option in keyof WorkerTexts]-?: (name: string, text: string) => WorkerOptions[Option] } = {
  concurrency: (name, text) => countText(name, text),
  linger: durationText,
  grace: durationText,
  maxAttempts: (name, text) => countText(name, text),
  // A table of waits, whose last one repeats.
  backoff: (name, text) => text.split(',').map((wait) => durationText(name, wait.trim())),
  timeout: (name, text) => timeLimit(name, durationText(name, text)),
  // An empty one counts as not set, as docker compose passes it.
  pingUrl: (name, text) => (text === '' ? undefined : pingUrl(name, text)),
};

/**
 * Reads worker options from text, with {@link WORKER_DEFAULTS}.
 *
 * @param nameOf returns an option's name in the text's source
 * @throws TsvqError `INVALID_ARGUMENT`, with that name
 */
export function readWorkerOptions(texts: WorkerTexts, nameOf: (option: string) => string): Settings {
  const given = Object.entries(READERS).flatMap(([option, read]) => {
    const text = texts[option as keyof WorkerTexts];
    return text === undefined ? [] : [[option, read(nameOf(option), text)]];
  });
  return { ...WORKER_DEFAULTS, ...Object.fromEntries(given) };
}

const variableOf = (option: string): string => `QUEUE_${option.replace(/[A-Z]/g, '_$&').toUpperCase()}`;

/**
 * Reads a worker's options from its environment: `QUEUE_CONCURRENCY`, `QUEUE_LINGER`, `QUEUE_GRACE`,
 * `QUEUE_MAX_ATTEMPTS`, `QUEUE_BACKOFF`, `QUEUE_TIMEOUT` and `QUEUE_PING_URL`. Durations need a unit ('30s'). `QUEUE_BACKOFF` is a table
 * of waits ('1m,5m,1h') whose last one repeats; one alone is the wait before each attempt. Unset options have
 * the defaults of {@link WorkerOptions}, except the attempts: 10, after waits of 30 s, doubled up to an hour.
 * So an outage of up to two hours fails no job. It warns on stderr about a variable whose name is almost one of these.
 *
 * @throws TsvqError `INVALID_ARGUMENT` that names the variable and its value. It checks `QUEUE_FILE` and the variables
 * of {@link queueOptionsFrom} as well
 * @example
 * await queue.processJobs(handlers, { ...workerOptionsFrom(process.env), signal });
 */
export function workerOptionsFrom(environment: Readonly<Record<string, string | undefined>>): Settings {
  const variables = Object.keys(READERS).map((option) => [option, variableOf(option)] as const);
  const known = ['QUEUE_FILE', ...QUEUE_VARIABLES, ...variables.map(([, name]) => name)];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('QUEUE_') || known.includes(name)) continue;
    const meant = known.find((other) => isSlip(name, other));
    if (meant !== undefined) complain(`${name} is not a setting, and has no effect; did you mean ${meant}?`);
  }
  if (environment.QUEUE_FILE) queuePath('QUEUE_FILE', environment.QUEUE_FILE);
  queueOptionsFrom(environment);
  return readWorkerOptions(
    Object.fromEntries(variables.map(([option, name]) => [option, environment[name]])),
    variableOf,
  );
}

/** True if two names differ so little that one is a typo: a letter in four or five. */
function isSlip(name: string, meant: string): boolean {
  const most = Math.max(1, Math.floor((meant.length - 'QUEUE_'.length) / 4));
  // Computes Levenshtein's distance, one row of the table at a time.
  let row = Array.from({ length: meant.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...name].entries()) {
    let left = i + 1;
    row = [
      left,
      ...row.slice(1).map((above, j) => {
        left = Math.min(left + 1, above + 1, (row[j] as number) + (letter === meant[j] ? 0 : 1));
        return left;
      }),
    ];
  }
  return (row.at(-1) as number) <= most;
}
