import { invalid } from '../../job/checks.js';
import { STATUSES, type Status } from '../../job/job.js';

const ESCAPES: Record<string, string> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\uFFFD',
};

/** Free text as one field: no raw TAB, LF, CR or NUL (which no escape stands for; it becomes U+FFFD). */
export const escapeText = (text: string): string =>
  text.replace(/[\t\n\r\\\0]/g, (c) => ESCAPES[c] as string);

/** The inverse of {@link escapeText}; a backslash that escapes nothing stays as it is. */
export const unescapeText = (field: string): string =>
  // What stands between two escaped backslashes has none of its own. A pattern for all four at once takes five times
  // as long, seconds for a field of many MiB.
  field
    .split('\\\\')
    .map((part) => part.replaceAll('\\t', '\t').replaceAll('\\n', '\n').replaceAll('\\r', '\r'))
    .join('\\');

/** As much of a text as a message should hold: a file may have fields of many MiB. */
export const brief = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/**
 * Separators and controls of all kinds, the invisible ones of Unicode too: an operator has to be able to type a name.
 * Plain names are told first, since compiling the classes of Unicode takes half a millisecond of every tick.
 */
const hasControls = (name: string): boolean =>
  !/^[ -~]*$/.test(name) && /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(name);

/** Whether a name stands in a field as it is and can't be taken for something else there. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' &&
  name.length > 0 &&
  name.length <= 200 &&
  name === name.trim() &&
  !hasControls(name) &&
  !name.startsWith('#') &&
  !STATUSES.includes(name as Status);

/** Lets only those through. @throws TsvqError `INVALID_ARGUMENT` */
export function checkName(what: string, name: unknown): string {
  if (!isName(name)) {
    throw invalid(
      what,
      name,
      'a name of 1 to 200 characters without control characters, not beginning with #, without a space at either end, and no status word',
    );
  }
  return name;
}
