import { invalid } from '../../job/checks.js';
import { STATUSES, type Status } from '../../job/job.js';

const ESCAPES: Record<string, string> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\uFFFD',
};

/** Escapes a text so that it is one field: no raw TAB, LF, CR or NUL (which has no escape and becomes U+FFFD). */
export const escapeText = (text: string): string =>
  text.replace(/[\t\n\r\\\0]/g, (c) => ESCAPES[c] as string);

/** Undoes {@link escapeText}; a backslash that escapes nothing stays. */
export const unescapeText = (field: string): string =>
  // The text between two escaped backslashes has none itself. One pattern for all four escapes takes five
  // times as long, seconds for a field of many MiB.
  field
    .split('\\\\')
    .map((text) => text.replaceAll('\\t', '\t').replaceAll('\\n', '\n').replaceAll('\\r', '\r'))
    .join('\\');

/** Shortens a text for a message, because fields may have many MiB. */
export const brief = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/**
 * True if a name has separators or controls, Unicode's invisible ones too, because an operator must be able to
 * type a name. Plain names are checked first, because compiling Unicode classes costs each cron tick 0.5 ms.
 */
export const hasControls = (name: string): boolean =>
  !/^[ -~]*$/.test(name) && /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(name);

/** True if a name fits a field unchanged and can't be mistaken for something else. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' &&
  name.length > 0 &&
  name.length <= 200 &&
  name === name.trim() &&
  !hasControls(name) &&
  !name.startsWith('#') &&
  !STATUSES.includes(name as Status);

/** Checks a name. @throws TsvqError `INVALID_ARGUMENT` */
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
