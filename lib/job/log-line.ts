import { checkProgress, cut, type Progress } from './progress.js';

/** The kinds of lines. */
const LOG_KINDS = ['progress', 'log', 'out', 'err', 'start', 'end'] as const;

/**
 * What a line of a job's log says.
 *
 * - `log`: what the handler wrote
 * - `progress`: how far the job is, and what it is doing
 * - `start`, `end`: an attempt that writes to the log wrote its first line, and ended
 * - `out`, `err`: what a child process wrote
 */
export type LogKind = (typeof LOG_KINDS)[number];

/** A line of a job's log. */
export interface LogLine {
  readonly at: Date;
  readonly attempt: number;
  readonly kind: LogKind;
  readonly text: string;
}

/** The longest line of a log, in characters. */
const LONGEST = 32 * 1024;

/** Returns the lines of a text for a log. One line end at the end of the text makes no empty line; NUL is replaced. */
export const logLines = (text: string): string[] =>
  text
    .replace(/(\r\n|\r|\n)$/, '')
    .replaceAll('\0', '\ufffd')
    .split(/\r\n|\r|\n/)
    .map((line) => (line.length > LONGEST ? `${cut(line, LONGEST)}…` : line));

/** Returns a line of a log, with its LF. @param at in ms @param text without line ends */
export const formatLogLine = (at: number, attempt: number, kind: LogKind, text: string): string =>
  `${Math.round(at) / 1000}\t${attempt}\t${kind}\t${text}\n`;

const LINE = /^(\d+(?:\.\d+)?)\t(\d+)\t(\w+)\t(.*)$/s;

/** Reads a line of a log. @returns undefined for one that an edit or a cut write damaged */
function parseLogLine(line: string): LogLine | undefined {
  const [, at, attempt, kind, text = ''] = LINE.exec(line) ?? [];
  const known = LOG_KINDS.find((name) => name === kind);
  if (known === undefined) return undefined;
  return { at: new Date(Number(at) * 1000), attempt: Number(attempt), kind: known, text };
}

/** Reads the lines of a log. Bytes after the last line end are a write that is under way, or was cut. */
export const parseLog = (log: string): LogLine[] =>
  log
    .slice(0, log.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => parseLogLine(line) ?? []);

/** Returns the text of a progress line: the number, and the message if there is one. */
export const progressText = ({ percent, message }: Progress): string =>
  message ? `${percent} ${message}` : String(percent);

/** Reads the text of a progress line; undefined for one that an edit damaged. */
export function readProgressText(text: string): Progress | undefined {
  const [, percent, message] = /^(\d\S*)(?: (.*))?$/s.exec(text) ?? [];
  const number = Number(percent);
  return Number.isNaN(number) ? undefined : checkProgress(number, message);
}

/** Returns the newest progress of an attempt among the lines of a log; undefined if they have none. */
export function newestProgress(log: string, attempt: number): Progress | undefined {
  const mark = `\t${attempt}\tprogress\t`;
  const end = log.lastIndexOf('\n') + 1;
  // The text of another line may have the mark, too.
  for (let at = log.lastIndexOf(mark, end); at >= 0; at = at === 0 ? -1 : log.lastIndexOf(mark, at - 1)) {
    const line = parseLogLine(log.slice(log.lastIndexOf('\n', at) + 1, log.indexOf('\n', at)));
    if (line?.kind !== 'progress' || line.attempt !== attempt) continue;
    const progress = readProgressText(line.text);
    if (progress !== undefined) return progress;
  }
  return undefined;
}
