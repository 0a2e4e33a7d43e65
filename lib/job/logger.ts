import { invalid } from './checks.js';
import { EVENT_LEVELS, type EventLevel, type WorkerEvent, warnOnly } from './worker-event.js';

/** A logger with a function for each level, as pino, winston and bunyan have. It gets the event, and a text for people. */
export interface LevelLogger {
  /** Missing if the logger takes no such events. */
  debug?(event: WorkerEvent, message: string): unknown;
  info(event: WorkerEvent, message: string): unknown;
  warn(event: WorkerEvent, message: string): unknown;
  error(event: WorkerEvent, message: string): unknown;
}

/** A logger as the worker calls it. */
export interface Logger {
  /** The levels that it takes. Events of other levels need not be made. */
  readonly levels: readonly EventLevel[];
  tell(event: WorkerEvent): unknown;
}

/** Checks the option `logger`. @throws TsvqError `INVALID_ARGUMENT` */
export function resolveLogger(logger: unknown = warnOnly): Logger {
  if (typeof logger === 'function')
    return {
      levels: logger === warnOnly ? ['warn'] : ['info', 'warn', 'error'],
      tell: logger as Logger['tell'],
    };
  const { debug, info, warn, error } = (logger ?? {}) as Partial<LevelLogger>;
  if (![info, warn, error].every((call) => typeof call === 'function'))
    throw invalid('logger', logger, 'a function of one event, or an object with info(), warn() and error()');
  const by = logger as LevelLogger;
  return {
    levels: typeof debug === 'function' ? ['debug', 'info', 'warn', 'error'] : ['info', 'warn', 'error'],
    tell: (event) => by[EVENT_LEVELS[event.event]]?.(event, textOf(event)),
  };
}

/** Returns an event as a text: `job 91366eea097eb742 (report) retried: Error: no`. */
function textOf({ event, id, type, schedule, message, error, jobs }: WorkerEvent): string {
  if (event === 'warning') return message ?? '';
  const about = [
    schedule !== undefined && `schedule ${schedule}`,
    schedule === undefined && id !== undefined && `job ${id}`,
    jobs !== undefined && `${jobs} jobs`,
    type !== undefined && (id === undefined ? type : `(${type})`),
  ].filter((part) => part !== false);
  const why = error?.split('\n')[0] ?? message;
  return `${[...about, event.replace('_', ' ')].join(' ')}${why === undefined ? '' : `: ${why}`}`;
}
