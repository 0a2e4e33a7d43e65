import { FORMAT } from '../format/format.js';
import type { OpenFile } from './open-file.js';

/** Returns why this version of tsvq may not write a file; undefined if it may. Rows of a later one may mean more. */
export function newerThanThis({ path, format }: Pick<OpenFile, 'path' | 'format'>): string | undefined {
  if (format <= FORMAT) return undefined;
  return (
    `${path} has ${Number.isFinite(format) ? `format ${format}` : 'a format'} that this version of tsvq can't write (it ` +
    `writes format ${FORMAT}). A later version has upgraded the file; restart this process with that version. Reading goes on`
  );
}
