import { TsvqError } from '../../job/errors.js';
import { COLUMNS, type Column, columns } from './columns.js';
import { FORMAT_LINE } from './format.js';

/** The columns of dbbasic-queue, whose files open here as they are. */
export const ANCESTRAL: readonly Column[] = COLUMNS.slice(0, 9);

/** Where the columns stand in one file, by the names in its header. */
export interface Layout {
  /** The names in the header, in its order; among them columns that only the file's owner knows. */
  readonly names: readonly string[];
  /** Place of each of our columns, -1 for one that the file doesn't have yet. */
  readonly at: Readonly<Record<Column, number>>;
  /** True if the file has all our columns and `version` last; else a compaction adds them at the first write. */
  readonly current: boolean;
  /** Place of each of our columns, in the order of the list. */
  readonly places: readonly number[];
  /** What a new row has where nothing is given. */
  readonly blank: readonly string[];
}

const seen = new Map<string, Layout>();

/** The layout that a header line describes; the same object for the same header. @throws TsvqError `NOT_A_QUEUE` */
export function parseHeader(line: string, path: string): Layout {
  const known = seen.get(line);
  if (known !== undefined) return known;
  const names = line
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split('\t');
  const missing = ANCESTRAL.filter((name) => !names.includes(name));
  const first = names[0] === 'id';
  if (missing.length > 0 || !first || new Set(names).size < names.length) {
    throw new TsvqError(
      'NOT_A_QUEUE',
      `${path}: its first line is not the header of a queue (${missing.length > 0 ? `it lacks ${missing.join(', ')}` : first ? 'a column stands there twice' : 'its first column is not id'}); ` +
        'nothing was changed. Put the header back, or name another file.',
    );
  }
  const layout = layoutOf(names);
  seen.set(line, layout);
  return layout;
}

/** The layout of a file with just our columns. */
export const newLayout = (): Layout => layoutOf([...COLUMNS]);

/** The layout that an older file gets: its own columns, then ours that it lacks, `version` last. */
export function upgraded(layout: Layout): Layout {
  const known = layout.names.filter((name) => name !== 'version');
  const missing = COLUMNS.filter((name) => name !== 'version' && !known.includes(name));
  return layoutOf([...known, ...missing, 'version']);
}

/** The first two lines of a file: the header, and the number of the format. */
export const headOf = (layout: Layout): string => `${layout.names.join('\t')}\n${FORMAT_LINE}`;

function layoutOf(names: readonly string[]): Layout {
  const at = Object.fromEntries(COLUMNS.map((name) => [name, names.indexOf(name)])) as Record<Column, number>;
  const places = COLUMNS.map((name) => at[name]);
  const blank = names.map((name) => columns.find((column) => column.name === name)?.initial ?? '');
  const current = !places.includes(-1) && at.version === names.length - 1;
  return { names, at, current, places, blank };
}
