import { escapeText } from '../file/format/text.js';
import { type LogLine, readProgressText } from '../job/log-line.js';
import { harmless } from '../view/text.js';
import type { Field } from './output.js';
import type { Looks } from './screen/looks.js';

/** The width of what a line is: `100 %`. */
const LABEL = 5;

/** Returns a line of a job's log for people. It is harmless. */
export function logLineText(line: LogLine, { time, colours }: Omit<Looks, 'screen'>): string {
  const [label, text] = partsOf(line);
  const isEdge = line.kind === 'start' || line.kind === 'end';
  const said = `${label.padStart(LABEL)}  ${harmless(text)}`;
  return `${colours.dim(time(line.at))}  ${isEdge ? colours.dim(said) : said}`.trimEnd();
}

function partsOf({ kind, attempt, text }: LogLine): [label: string, text: string] {
  const progress = kind === 'progress' ? readProgressText(text) : undefined;
  if (progress !== undefined) return [`${Math.floor(progress.percent)} %`, progress.message ?? ''];
  if (kind === 'start') return ['start', `attempt ${attempt}`];
  if (kind === 'end') return ['end', `attempt ${attempt} ${text}`];
  return [kind === 'log' ? '' : kind, text];
}

/** Returns a line of a job's log as fields of `plain`. */
export const logLineFields = ({ at, attempt, kind, text }: LogLine): Field[] => [
  at,
  attempt,
  kind,
  escapeText(text),
];
