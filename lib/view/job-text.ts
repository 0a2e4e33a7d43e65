import type { Job } from '../job/job.js';
import type { Progress } from '../job/progress.js';
import { grouped } from './numbers.js';
import { firstLine, harmless, harmlessLines, isoSeconds, toSafeJson } from './text.js';

/** `1 job`, `2 jobs`. */
export const counted = (count: number): string => `${count} ${count === 1 ? 'job' : 'jobs'}`;

/** How many types a summary names. */
const MOST_TYPES = 5;

/** Says how many jobs there are of each type: `316 sync_crm, 112 webhook`. */
export function typesText(types: ReadonlyMap<string, number>): string {
  const all = [...types].sort(([, a], [, b]) => b - a);
  const named = all.slice(0, MOST_TYPES).map(([type, count]) => `${grouped(count)} ${type}`);
  return [...named, ...(all.length > MOST_TYPES ? [`${all.length - MOST_TYPES} more types`] : [])].join(', ');
}

/** How much of a text a row of a list shows. */
const MOST_TEXT = 300;

/** Says how far a job is, on one harmless line: `42 % page 9`. */
export const progressLine = ({ percent, message = '' }: Progress): string =>
  harmless(`${Math.floor(percent)} % ${message}`.trimEnd());

/**
 * Returns what tells a job from others in a list, on one harmless line: its error, if it runs how far it is, or
 * otherwise its payload.
 */
export function errorOrPayload({ status, error, payload, progress }: Job): string {
  if (status === 'processing' && progress !== undefined) return progressLine(progress);
  const isTold = error !== undefined && (status === 'failed' || status === 'pending');
  return isTold
    ? harmless(firstLine(error, MOST_TEXT))
    : firstLine(payload === undefined ? '' : toSafeJson(payload), MOST_TEXT);
}

/** Says which attempt a job is at: `3 of 5, and 1 that don't count`. */
export function attemptsText({ attempts, forgiven, maxAttempts }: Job): string {
  const limit = maxAttempts === undefined ? '' : ` of ${maxAttempts}`;
  return `${attempts - forgiven}${limit}${forgiven > 0 ? `, and ${forgiven} that don't count` : ''}`;
}

/** Says which slot of its schedule a job is for; undefined if no schedule made it. */
export function slotText({ schedule }: Job): string | undefined {
  if (schedule === undefined) return undefined;
  return schedule.slot === undefined ? 'by hand' : `slot ${isoSeconds(schedule.slot)}`;
}

/** A line of an error. */
export interface ErrorLine {
  readonly text: string;
  /** `what` failed, a `frame` of the stack, or neither. */
  readonly kind: 'what' | 'frame' | 'other';
}

/** Returns the lines of an error. They are harmless. */
export const errorLinesOf = (error: string): ErrorLine[] =>
  harmlessLines(error)
    .split('\n')
    .map((text, i) => ({
      text,
      kind: /^\s+at /.test(text) ? 'frame' : i === 0 || /^caused by: /.test(text) ? 'what' : 'other',
    }));
