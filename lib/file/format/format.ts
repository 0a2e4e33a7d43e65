/**
 * The number of the file format that this version of tsvq reads and writes. It grows with each change that an
 * earlier version would get wrong: a new column, status word or meaning. docs/upgrading.md lists them.
 */
export const FORMAT = 2;

/** The line after the header, which names the format. A file without it has format 1. */
export const FORMAT_LINE: string = `# tsvq format ${FORMAT}\n`;

const NAMED = /^# tsvq format (\S+)\s*$/;

/**
 * Returns the format that a line without its LF names; undefined for any other line. Infinity stands for a
 * number that this version of tsvq can't have written, because then a later version has.
 */
export function formatIn(line: string): number | undefined {
  const name = NAMED.exec(line)?.[1];
  if (name === undefined) return undefined;
  return /^[1-9]\d{0,8}$/.test(name) ? Number(name) : Number.POSITIVE_INFINITY;
}
