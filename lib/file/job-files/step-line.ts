import type { RecordedStep } from '../../job/step.js';
import { seconds } from '../format/columns.js';
import { TORN } from '../format/line.js';

/** Returns a step as a line of its job's file, with the LF. */
export const stepLine = ({ name, attempt, at, result }: RecordedStep): string =>
  `${name}\t${attempt}\t${seconds(at)}\t${result}\n`;

/** Matches the time of a step. */
const TIME = /^\d{1,12}(\.\d+)?$/;
/** Matches the mark that some editors put before the first line. */
const MARK = /^\ufeff/;
/** Matches white space that an editor may leave at the end of a line. */
const LEFT_BY_EDITOR = /[\r ]+$/;

/**
 * Reads a line.
 *
 * @param line without the LF
 * @returns undefined for a line that records no step: a torn one, a comment, or one that an edit has damaged
 */
export function readStepLine(line: string): RecordedStep | undefined {
  const text = line.replace(MARK, '').replace(LEFT_BY_EDITOR, '');
  // Power loss may keep the length of a line and lose its bytes.
  if (text.startsWith('#') || text.endsWith(TORN) || text.includes('\0')) return undefined;
  // An editor that removes white space at the end of a line removes the TAB before an empty result.
  const [name = '', attempt = '', time = '', result = '', ...rest] = text.split('\t');
  if (name === '' || !/^[1-9]\d{0,14}$/.test(attempt) || !TIME.test(time) || rest.length > 0)
    return undefined;
  return { name, attempt: Number(attempt), at: Math.round(Number(time) * 1000), result };
}
