import { invalid, text } from './checks.js';

/** How far a job is, as its handler said. */
export interface Progress {
  /** 0 to 100. */
  readonly percent: number;
  /** What it is doing, in one line. */
  readonly message?: string;
}

/** The longest message, in characters. Each row of the job has a copy of it, and the end of a log has to hold one. */
const LONGEST = 500;
/** What ends a line, or would end a row. */
const LINE_END = /[\r\n\0]+/g;

/**
 * Checks what a handler says. A number below 0 or above 100 counts as these, and more than two decimals are
 * rounded. A message becomes one line of 500 characters at most.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function checkProgress(percent: unknown, message: unknown): Progress {
  if (typeof percent !== 'number' || Number.isNaN(percent)) throw invalid('percent', percent, 'a number');
  const clamped = Math.round(Math.min(100, Math.max(0, percent)) * 100) / 100;
  return message === undefined
    ? { percent: clamped }
    : { percent: clamped, message: oneLine(text('message', message)) };
}

function oneLine(message: string): string {
  const short = message.length > LONGEST ? `${cut(message, LONGEST - 1)}…` : message;
  return short.replace(LINE_END, ' ').trim();
}

/** Returns the beginning of a text, without the first half of a character that UTF-16 writes as two. */
export const cut = (whole: string, length: number): string =>
  whole.slice(0, length).replace(/[\ud800-\udbff]$/, '');

/** Returns progress as JSON for a row: a number, or an object if there is a message. */
export const progressJson = ({ percent, message }: Progress): string =>
  JSON.stringify(message === undefined ? percent : { percent, message });

/** Reads progress from a row; undefined if there is none, or an edit by hand left something else. */
export function parseProgress(json: string): Progress | undefined {
  if (json === '') return undefined;
  try {
    const value: unknown = JSON.parse(json);
    const { percent, message } = typeof value === 'object' ? (value as Progress) : { percent: value };
    return checkProgress(percent, message);
  } catch {
    return undefined;
  }
}
