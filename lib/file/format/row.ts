import type Papa from 'papaparse';
import { dependency } from '../../job/dependency.js';

let papa: typeof Papa | undefined;

/** The fields of a row as in the file, in the order of its header. */
export type Row = string[];

const AS_IS = { delimiter: '\t', newline: '\n', fastMode: true, skipEmptyLines: true } as const;

/**
 * Splits lines into rows. fastMode only splits at tabs and line ends, because otherwise a single `"` would
 * change how the rest is read.
 */
export function splitRows(text: string): Row[] {
  papa ??= dependency<typeof Papa>('papaparse', () => require('papaparse'));
  const { data } = papa.parse<Row>(text, AS_IS);
  for (const row of data) trimEnd(row);
  return data;
}

/** Splits one line, without its LF, as {@link splitRows} does. */
export function splitRow(line: string): Row {
  const row = line.split('\t');
  trimEnd(row);
  return row;
}

/** Removes the CR or spaces that an editor left at the line's end. */
function trimEnd(row: Row): void {
  const last = row.length - 1;
  const field = row[last] as string;
  // Not with a pattern, because one takes minutes for a few MiB of spaces that are not at the end.
  let length = field.length;
  while (field[length - 1] === '\r' || field[length - 1] === ' ') length--;
  row[last] = field.slice(0, length);
}

export const joinRow = (row: Row): string => `${row.join('\t')}\n`;
