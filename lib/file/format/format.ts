/**
 * The number of the file format that this version reads and writes. It grows with each change that an earlier version
 * would carry along wrongly: a new column, a new status word, another meaning. docs/upgrading.md has the list.
 */
export const FORMAT = 2;

/** The line right behind the header, which names the format. A file without it has format 1. */
export const FORMAT_LINE: string = `# tsvq format ${FORMAT}\n`;

const NAMED = /^# tsvq format (\S+)\s*$/;

/**
 * The format that a line names, without its LF; undefined for any other line. What is no number that this version could
 * have written is a later version's.
 */
export function formatIn(line: string): number | undefined {
  const name = NAMED.exec(line)?.[1];
  if (name === undefined) return undefined;
  return /^[1-9]\d{0,8}$/.test(name) ? Number(name) : Number.POSITIVE_INFINITY;
}
