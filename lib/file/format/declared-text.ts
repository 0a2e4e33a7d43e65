import type { Column } from './columns.js';
import { labelsOf, readMeta } from './meta.js';

/** The columns that a declaration decides, besides `meta`. */
const DECLARED: readonly Column[] = ['type', 'payload', 'priority', 'max_attempts', 'timeout', 'group'];

/**
 * Returns what a schedule's row says of its declaration, as text: equal declarations have equal ones. A pause makes no
 * difference, nor do notes of a later version.
 *
 * @param field returns the row's field in a column
 */
export function declaredText(field: (column: Column) => string): string {
  const meta = readMeta(field('meta'));
  return [...DECLARED.map(field), JSON.stringify([labelsOf(meta), meta['@schedule']])].join('\t');
}
