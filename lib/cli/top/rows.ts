import type { Snapshot, TypeSnapshot } from '../../view/snapshot.js';
import type { Look } from '../../view/view.js';
import type { Colours } from '../screen/colours.js';
import { tableLines } from '../screen/table.js';
import { errorColumns } from '../status/errors.js';
import { typeLines } from '../status/types.js';
import type { Choices } from './selection.js';

/** The rows of a list. */
export interface Rows extends Choices {
  /** Returns the table of the rows from one place to another, after its head. */
  table(from: number, to: number, columns: number, colours: Colours): string[];
}

/** A list before the first look. */
export const NO_ROWS: Rows = { size: 0, idAt: () => undefined, indexOf: () => -1, table: () => [] };

/** Returns the types of jobs, named by themselves. */
export function typeRows({ snapshot, health }: Look): Rows {
  const { types } = snapshot;
  const paused = new Set(health.pauses.map(({ type }) => type));
  const shown = (type: TypeSnapshot): TypeSnapshot =>
    paused.has(type.name) ? { ...type, name: `${type.name} (paused)` } : type;
  return {
    size: types.length,
    idAt: (index) => types[index]?.name,
    indexOf: (id) => types.findIndex(({ name }) => name === id),
    table: (from, to, columns, colours) => typeLines(types.slice(from, to).map(shown), columns, colours),
  };
}

/** Returns the groups of errors, named by their ids. A text has the room that it needs before the types have some. */
export function errorRows({ failures, at }: Snapshot): Rows {
  const all = errorColumns(at);
  const isTypes = ({ head }: (typeof all)[number]): boolean => head === 'TYPES';
  const shape = [...all.filter((column) => !isTypes(column)), ...all.filter(isTypes)];
  return {
    size: failures.length,
    idAt: (index) => failures[index]?.id,
    indexOf: (id) => failures.findIndex((group) => group.id === id),
    table: (from, to, columns) => tableLines(failures.slice(from, to), shape, columns),
  };
}
