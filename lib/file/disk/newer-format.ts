import { FORMAT } from '../format/format.js';
import type { OpenFile } from './open-file.js';

/** Why this version may not write a file: a later one has, whose rows may mean more than this one knows. */
export function newerThanThis({
  isNewer,
  path,
  format,
}: Pick<OpenFile, 'isNewer' | 'path' | 'format'>): string | undefined {
  if (!isNewer) return undefined;
  return (
    `${path} has ${Number.isFinite(format) ? `format ${format}` : 'a format'} that this version of tsvq can't write (it ` +
    `writes format ${FORMAT}). A later version has upgraded the file; restart this process with that version. Reading goes on`
  );
}
