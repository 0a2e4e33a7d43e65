import { TsvqError } from '../../job/errors.js';
import { COLUMNS, type Column, columns } from './columns.js';
import { FORMAT_LINE } from './format.js';

/** The columns of dbbasic-queue; this queue opens its files as they are. */
export const ANCESTRAL: readonly Column[] = COLUMNS.slice(0, 9);

/** The places of one file's columns, as its header says. */
export interface Layout {
  /** The names in the header, in its order; some may be of columns that only the file's owner knows. */
  readonly names: readonly string[];
  /** The place of each column of this queue; -1 if the file doesn't have it yet. */
  readonly at: Readonly<Record<Column, number>>;
  /** True if the file has all columns of this queue, `version` last. Otherwise the first write adds them. */
  readonly current: boolean;
  /** The places of this queue's columns, in the order of {@link COLUMNS}. */
  readonly places: readonly number[];
  /** The fields of a new row before the job's values are put in. */
  readonly blank: readonly string[];
}

const seen = new Map<string, Layout>();

/** Returns a header line's layout; equal headers get the same object. @throws TsvqError `NOT_A_QUEUE` */
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
      `${path}: its first line is not the header of a queue (${missing.length > 0 ? `it lacks ${missing.join(', ')}` : first ? 'it has a column twice' : 'its first column is not id'}); ` +
        'nothing was changed. Put the header back, or name another file.',
    );
  }
  const layout = layoutOf(names);
  seen.set(line, layout);
  return layout;
}

/** Returns the layout of a new file: this queue's columns alone. */
export const newLayout = (): Layout => layoutOf([...COLUMNS]);

/** Returns an older file's new layout: its columns, then the missing ones of this queue, `version` last. */
export function upgraded(layout: Layout): Layout {
  const known = layout.names.filter((name) => name !== 'version');
  const missing = COLUMNS.filter((name) => name !== 'version' && !known.includes(name));
  return layoutOf([...known, ...missing, 'version']);
}

/** Returns a file's first two lines: the header and the format's number. */
export const headOf = (layout: Layout): string => `${layout.names.join('\t')}\n${FORMAT_LINE}`;

function layoutOf(names: readonly string[]): Layout {
  const at = Object.fromEntries(COLUMNS.map((name) => [name, names.indexOf(name)])) as Record<Column, number>;
  const places = COLUMNS.map((name) => at[name]);
  const blank = names.map((name) => columns.find((column) => column.name === name)?.initial ?? '');
  const current = !places.includes(-1) && at.version === names.length - 1;
  return { names, at, current, places, blank };
}
