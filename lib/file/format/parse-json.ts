import { TsvqError } from '../../job/errors.js';
import { pathStep } from './json.js';
import { brief } from './text.js';

/** A number in JSON text whose value JavaScript would change. */
interface Inexact {
  /** The path to the number from the value: `.items[3].user_id`; empty for the value itself. */
  readonly place: string;
  /** The number's text. */
  readonly written: string;
  /** JavaScript's value for the number. */
  readonly becomes: string;
}

/**
 * Only a number of more than fifteen digits, or with an exponent of three digits, can be inexact. Most
 * payloads have no such number, and cost only this search.
 */
const DOUBTFUL = /(?:^|[[:,\s])-?(?:[\d.]{16}|[\d.]+[eE][+-]?\d{3})/;
const NUMBER = /-?[\d.]+(?:[eE][+-]?\d+)?/y;
/** The largest number of significant digits that programs write for a double. */
const DOUBLE_DIGITS = 17;
/** The smallest double with all its digits; a smaller one has fewer. */
const SMALLEST_NORMAL = 2 ** -1022;

/**
 * Parses JSON text if JavaScript holds every number in it. `JSON.parse` alone would silently change
 * an id of 18 digits. A whole number must come back digit for digit. A fraction may have 17 significant
 * digits, as many as programs write for a double.
 *
 * @param name the value's name in the error: `payload`, say
 * @throws SyntaxError if the text isn't JSON; TsvqError `INVALID_ARGUMENT`, naming the place and the remedy
 * @example
 * parseJson('{"user_id":175928847299117063}', 'payload'); // throws: payload.user_id is 175928847299117063, which …
 */
export function parseJson(text: string, name: string): unknown {
  const value: unknown = JSON.parse(text);
  const inexact = findInexact(text);
  if (inexact === undefined) return value;
  throw new TsvqError(
    'INVALID_ARGUMENT',
    `${tellInexact(inexact, name)}; write it as a string: "${brief(inexact.written)}"`,
  );
}

/** Describes a number that JavaScript would change, and its new value. @param name the name of the JSON value */
export const tellInexact = ({ place, written, becomes }: Inexact, name: string): string =>
  `${name}${brief(place)} is ${brief(written)}, which JavaScript can't hold exactly (it would become ${becomes})`;

/** Finds the first number that JavaScript can't hold. @param json valid JSON */
export function findInexact(json: string): Inexact | undefined {
  if (!DOUBTFUL.test(json)) return undefined;
  /** The steps to the place at `i`: an array's index, or an object's key as written. */
  const path: (string | number)[] = [];
  let isKey = false;
  for (let i = 0; i < json.length; i++) {
    const char = json[i] as string;
    const last = path.length - 1;
    if (char === '"') {
      const end = endOfString(json, i);
      if (isKey) path[last] = json.slice(i, end + 1);
      isKey = false;
      i = end;
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = i;
      const [written] = NUMBER.exec(json) as RegExpExecArray;
      if (!isExact(written)) return { place: placeOf(path), written, becomes: String(Number(written)) };
      i += written.length - 1;
    } else if (char === '{') {
      path.push('""');
      isKey = true;
    } else if (char === '[') path.push(0);
    else if (char === '}' || char === ']') {
      path.pop();
      isKey = false;
    } else if (char === ',') {
      isKey = typeof path[last] === 'string';
      if (!isKey) path[last] = (path[last] as number) + 1;
    }
  }
  return undefined;
}

/** Finds the quote that ends a string. */
function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); ; quote = json.indexOf('"', quote + 1)) {
    let before = quote;
    while (json[before - 1] === '\\') before--;
    // After an odd number of backslashes, the quote is escaped.
    if ((quote - before) % 2 === 0) return quote;
  }
}

const placeOf = (path: readonly (string | number)[]): string =>
  path.map((step) => pathStep(typeof step === 'number' ? step : (JSON.parse(step) as string))).join('');

/** True if JavaScript's shortest text for a number equals it, or if a fraction keeps all that a double can. */
function isExact(written: string): boolean {
  const value = Number(written);
  if (!Number.isFinite(value)) return false;
  const given = decimal(written);
  if (given.digits === '') return true;
  const kept = decimal(String(value));
  if (given.digits === kept.digits && given.power === kept.power) return true;
  const isFraction = given.power < 0;
  return isFraction && given.digits.length <= DOUBLE_DIGITS && Math.abs(value) >= SMALLEST_NORMAL;
}

/** Returns a number's digits without sign or outer zeros, and the last one's power of ten. */
function decimal(number: string): { digits: string; power: number } {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const all = whole + fraction;
  let start = 0;
  let end = all.length;
  // Not with a pattern, because one for zeros at the end takes minutes if millions precede another digit.
  while (all[start] === '0') start++;
  while (end > start && all[end - 1] === '0') end--;
  return { digits: all.slice(start, end), power: Number(exponent) - fraction.length + all.length - end };
}
