import { type Duration, duration, instant, invalid } from '../job/checks.js';
import { TsvqError } from '../job/errors.js';
import type { CatchUp, Overlap, Recurrence, ScheduleTimes } from '../job/schedule-spec.js';

/** All values of {@link ScheduleTimes.catchUp}. */
export const CATCH_UP: readonly CatchUp[] = ['last', 'all'];
/** All values of {@link ScheduleTimes.overlap}. */
export const OVERLAP: readonly Overlap[] = ['skip', 'queue', 'cancel', 'allow'];

const DAY = 86_400_000;
/** Five fields, or a nickname. Croner would also take a date. */
const EXPRESSION = /^\s*(@[a-z]+|\S+(\s+\S+){4})\s*$/i;
const MOST_CHARACTERS = 200;

/**
 * Checks when a schedule is due, without loading croner; {@link slotsOf} checks the expression and the time zone.
 *
 * @param where the text before option names in errors
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function checkRecurrence(spec: ScheduleTimes, where: string): Recurrence {
  const { cron, every, timezone, catchUp = 'last', overlap = 'skip', jitter = 0 } = spec;
  if ((cron === undefined) === (every === undefined)) {
    const what = cron === undefined ? 'neither cron nor every' : 'both cron and every';
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${where.slice(0, -2) || 'the schedule'} has ${what}; it needs one of them`,
    );
  }
  if (cron !== undefined) checkExpression(`${where}cron`, cron);
  if (every !== undefined && timezone !== undefined)
    throw invalid(`${where}timezone`, timezone, 'left out where there is every: it counts seconds');
  if (timezone !== undefined && (typeof timezone !== 'string' || timezone === '' || timezone.length > 100))
    throw invalid(`${where}timezone`, timezone, "the name of a time zone, like 'Europe/Berlin'");
  if (!CATCH_UP.includes(catchUp)) throw invalid(`${where}catchUp`, catchUp, `one of ${CATCH_UP.join(', ')}`);
  if (!OVERLAP.includes(overlap)) throw invalid(`${where}overlap`, overlap, `one of ${OVERLAP.join(', ')}`);
  if (catchUp === 'all' && (overlap === 'skip' || overlap === 'cancel'))
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${where}overlap is "${overlap}"${spec.overlap === undefined ? ', the default' : ''}; ` +
        "it must be 'queue' or 'allow' where catchUp is 'all': the jobs of one catch-up would leave only one of them",
    );
  const startAt = spec.startAt === undefined ? undefined : instant(`${where}startAt`, spec.startAt);
  const endAt = spec.endAt === undefined ? undefined : instant(`${where}endAt`, spec.endAt);
  if (startAt !== undefined && endAt !== undefined && endAt < startAt)
    throw invalid(`${where}endAt`, spec.endAt, 'not before startAt');
  return {
    cron: cron?.trim(),
    every: every === undefined ? undefined : interval(`${where}every`, every),
    timezone: timezone ?? 'UTC',
    catchUp,
    catchUpWithin:
      spec.catchUpWithin === undefined
        ? withinByDefault(catchUp)
        : duration(`${where}catchUpWithin`, spec.catchUpWithin),
    overlap,
    jitter: spread(`${where}jitter`, jitter),
    startAt,
    endAt,
  };
}

function checkExpression(name: string, cron: unknown): void {
  if (typeof cron !== 'string' || cron.length > MOST_CHARACTERS)
    throw invalid(name, cron, 'a cron expression');
  if (cron.trim().split(/\s+/).length === 6)
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${name} is ${JSON.stringify(cron)}, which has six fields; it must have five: for less than a minute use every`,
    );
  if (!EXPRESSION.test(cron))
    throw invalid(
      name,
      cron,
      "five fields (minute, hour, day, month, day of the week), or a name like '@daily'",
    );
}

function interval(name: string, every: Duration): number {
  const ms = duration(name, every);
  if (ms < 1000 || ms % 1000 !== 0 || ms > 1e14)
    throw invalid(name, every, "whole seconds, at least '1s'; without a unit it counts ms");
  return ms;
}

function spread(name: string, jitter: Duration): number {
  const ms = duration(name, jitter);
  if (ms > 366 * DAY) throw invalid(name, jitter, 'at most a year');
  return ms;
}

const withinByDefault = (catchUp: CatchUp): number => (catchUp === 'last' ? Number.POSITIVE_INFINITY : DAY);

/** A recurrence as in the file: times and durations in seconds. Defaults are left out. */
interface RecurrenceNote {
  readonly cron?: string;
  readonly every?: number;
  readonly timezone?: string;
  readonly catchUp?: CatchUp;
  /** A number, or null for no limit. */
  readonly catchUpWithin?: number | null;
  readonly overlap?: Overlap;
  readonly jitter?: number;
  readonly startAt?: number;
  readonly endAt?: number;
}

/** Returns a recurrence for the file. Equal ones have equal JSON, because the names are in a fixed order. */
export function noteOf(recurrence: Recurrence): RecurrenceNote {
  const { cron, every, timezone, catchUp, catchUpWithin, overlap, jitter, startAt, endAt } = recurrence;
  const within = Number.isFinite(catchUpWithin) ? catchUpWithin / 1000 : null;
  return {
    ...(cron !== undefined && { cron }),
    ...(every !== undefined && { every: every / 1000 }),
    ...(timezone !== 'UTC' && { timezone }),
    ...(catchUp !== 'last' && { catchUp }),
    ...(catchUpWithin !== withinByDefault(catchUp) && { catchUpWithin: within }),
    ...(overlap !== 'skip' && { overlap }),
    ...(jitter !== 0 && { jitter: jitter / 1000 }),
    ...(startAt !== undefined && { startAt: startAt / 1000 }),
    ...(endAt !== undefined && { endAt: endAt / 1000 }),
  };
}

/** Reads a recurrence from the file. Returns undefined if an edit by hand damaged it. */
export function recurrenceIn(note: Readonly<Record<string, unknown>>): Recurrence | undefined {
  const inMs = (seconds: unknown): number | undefined =>
    seconds === undefined ? undefined : seconds === null ? Number.POSITIVE_INFINITY : Number(seconds) * 1000;
  try {
    return checkRecurrence(
      {
        ...(note as Pick<ScheduleTimes, 'cron' | 'timezone' | 'catchUp' | 'overlap' | 'startAt' | 'endAt'>),
        every: inMs(note.every),
        catchUpWithin: inMs(note.catchUpWithin),
        jitter: inMs(note.jitter),
      },
      'schedule.',
    );
  } catch {
    return undefined;
  }
}
