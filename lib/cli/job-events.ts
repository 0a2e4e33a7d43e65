import { isSchedule } from '../file/format/meta.js';
import { escapeText } from '../file/format/text.js';
import { versionOf } from '../file/operations/history.js';
import type { RowChange } from '../file/operations/row-feed.js';
import type { Status } from '../job/job.js';
import { eventOf, type JobEventName } from '../job/job-event.js';
import { lasting } from '../view/numbers.js';
import { firstLine, harmless } from '../view/text.js';
import type { Field } from './output.js';
import type { Colours } from './screen/colours.js';
import type { Looks } from './screen/looks.js';
import { fit, pad } from './screen/width.js';

/** What happened to a job, as `queue tail` tells it. */
export interface TailEvent {
  readonly event: JobEventName;
  /** When it happened, or was seen; undefined if neither is known. */
  readonly at: Date | undefined;
  readonly id: string;
  readonly type: string;
  readonly status: Status;
  readonly attempt: number | undefined;
  readonly error: string | undefined;
  /** When the job is due, if it waits for a later time. */
  readonly runAt: Date | undefined;
  /** How long the attempt took, in ms. */
  readonly took: number | undefined;
}

/** What ends an attempt, and when that is known. */
const ENDS: ReadonlySet<string> = new Set(['completed', 'failed']);

/** Returns what a change of rows says; undefined for schedules and forgotten jobs. @param seen when it was seen, if just now */
export function tailEventOf({ before, after }: RowChange, seen?: Date): TailEvent | undefined {
  if (isSchedule(after.meta) || after.isForgotten) return undefined;
  const job = versionOf(after);
  const found = eventOf(before && versionOf(before), job);
  if (found === undefined) return undefined;
  const { event } = found;
  // The row of a retry for later has only its start, which says nothing of when it was written.
  const isAhead = event === 'retried' && Number(found.at) > Date.now();
  const at = isAhead ? seen : (found.at ?? seen);
  const { startedAt, finishedAt, runAt } = job;
  const tellsError = event === 'failed' || event === 'retrying';
  const isLater = job.status === 'pending' && at !== undefined && runAt > at;
  return {
    ...{ event, at, id: job.id, type: job.type, status: job.status },
    attempt: job.attempts > 0 ? job.attempts : undefined,
    error: tellsError ? job.error : undefined,
    runAt: isLater || event === 'retrying' ? runAt : undefined,
    took:
      ENDS.has(event) && startedAt !== undefined && finishedAt !== undefined
        ? finishedAt.getTime() - startedAt.getTime()
        : undefined,
  };
}

/** Returns an event's fields of `plain`; the help of `tail` names them. */
export const eventFields = ({
  event,
  at,
  id,
  type,
  status,
  attempt,
  error = '',
  runAt,
}: TailEvent): Field[] => [...[event, at, id, type, status, attempt], escapeText(error), runAt];

/** The width of an event's name. */
const NAME = 9;
/** The width that a type has at least, so that most lines are aligned. */
const TYPE = 16;
/** The length of an error where there is no terminal. */
const LONGEST = 200;

/** Returns an event as a line for people, harmless. */
export function eventLine(event: TailEvent, { time, colours, screen }: Looks): string {
  const full = event.at === undefined ? '' : time(event.at);
  // On a terminal, a person knows the day and the zone.
  const when = screen === undefined ? pad(full, 20) : pad(full.slice(5, 19).replace('T', ' '), 14);
  const rest = `  ${event.id}  ${pad(harmless(event.type), TYPE)}  ${harmless(saidOf(event))}`.trimEnd();
  const shown = screen === undefined ? rest : fit(rest, Math.max(1, screen - when.length - NAME - 2));
  const name = pad(event.event, NAME);
  return `${colours.dim(when)}  ${colourOf(event.event, colours)?.(name) ?? name}${shown}`;
}

function saidOf({ attempt, error, runAt, at, took, event }: TailEvent): string {
  const why = error === undefined ? '' : firstLine(error, LONGEST);
  const next =
    runAt === undefined || at === undefined
      ? ''
      : `in ${lasting(Math.max(0, runAt.getTime() - at.getTime()))}`;
  const parts = [
    attempt !== undefined && event !== 'retried' && (event !== 'completed' || attempt > 1)
      ? `attempt ${attempt}`
      : '',
    took === undefined ? '' : `took ${lasting(Math.max(0, took))}`,
    event === 'retrying' && next !== '' ? `again ${next}` : next,
  ].filter((part) => part !== '');
  return [parts.join(', '), why].filter((part) => part !== '').join(': ');
}

const colourOf = (
  event: JobEventName,
  { good, bad, warn }: Colours,
): ((text: string) => string) | undefined =>
  event === 'completed' ? good : event === 'failed' ? bad : event === 'retrying' ? warn : undefined;
