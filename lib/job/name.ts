import { invalid } from './checks.js';
import { STATUSES, type Status } from './job.js';

/**
 * True if a name has separators or controls, Unicode's invisible ones too, because an operator must be able to
 * type a name. Plain names are checked first, because compiling Unicode classes costs each cron tick 0.5 ms.
 */
const hasControls = (name: string): boolean =>
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

/** True for a text that a dedupe key or a group may be. Those that begin with @ are the queue's own. */
const isKey = (key: unknown): key is string =>
  typeof key === 'string' &&
  key !== '' &&
  [...key].length <= 200 &&
  !key.startsWith('@') &&
  !hasControls(key);

const KEY = '1 to 200 characters without control characters, not beginning with @';

/** Checks a dedupe key: a text, or true for the payload itself. @throws TsvqError `INVALID_ARGUMENT` */
export function checkKey(what: string, key: unknown): void {
  if (key !== true && !isKey(key)) throw invalid(what, key, `true, or ${KEY}`);
}

/** Checks the name of a group. @throws TsvqError `INVALID_ARGUMENT` */
export function checkGroup(what: string, group: unknown): void {
  if (!isKey(group)) throw invalid(what, group, KEY);
}

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
