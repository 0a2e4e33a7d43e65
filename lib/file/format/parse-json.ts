import { TsvqError } from '../../job/errors.js';
import { pathStep } from './json.js';
import { brief } from './text.js';

/** A number in JSON text whose value JavaScript would change. */
interface Inexact {
  /** The path to it from the value: `.items[3].user_id`; empty for the value itself. */
  readonly place: string;
  /** As it is written. */
  readonly written: string;
  /** What JavaScript would make of it. */
  readonly becomes: string;
}

/**
 * Only such a number can be inexact: one of more than fifteen digits, or with an exponent of three. Most payloads have
 * none, and cost this one look.
 */
const DOUBTFUL = /(?:^|[[:,\s])-?(?:[\d.]{16}|[\d.]+[eE][+-]?\d{3})/;
const NUMBER = /-?[\d.]+(?:[eE][+-]?\d+)?/y;
/** Programs write a double with as many significant digits at the most. */
const DOUBLE_DIGITS = 17;
/** A double below it has fewer digits. */
const SMALLEST_NORMAL = 2 ** -1022;

/**
 * A value from JSON text, if JavaScript holds every number in it. `JSON.parse` alone would silently make another number
 * of an id of 18 digits. A whole number has to come back digit for digit, and a fraction may have 17 significant
 * digits, as many as programs write of a double.
 *
 * @param name how the error calls the value: `payload`, say
 * @throws SyntaxError for what is no JSON; TsvqError `INVALID_ARGUMENT`, naming the place and the remedy
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

/** What such a number is, and would become. @param name how the value that it is in is called */
export const tellInexact = ({ place, written, becomes }: Inexact, name: string): string =>
  `${name}${brief(place)} is ${brief(written)}, which JavaScript can't hold exactly (it would become ${becomes})`;

/** The first number in a text that JavaScript can't hold. @param json what JSON.parse takes */
export function findInexact(json: string): Inexact | undefined {
  if (!DOUBTFUL.test(json)) return undefined;
  /** The arrays and objects around the place: of an array the index in it, of an object the key, as it is written. */
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
      if (!isHeld(written)) return { place: placeOf(path), written, becomes: String(Number(written)) };
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

/** Where the quote is that ends a string. */
function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); ; quote = json.indexOf('"', quote + 1)) {
    let before = quote;
    while (json[before - 1] === '\\') before--;
    // One behind an odd number of backslashes is itself escaped.
    if ((quote - before) % 2 === 0) return quote;
  }
}

const placeOf = (path: readonly (string | number)[]): string =>
  path.map((step) => pathStep(typeof step === 'number' ? step : (JSON.parse(step) as string))).join('');

/** Whether JavaScript's shortest text for a number says what is written, or all that a double can say of it. */
function isHeld(written: string): boolean {
  const value = Number(written);
  if (!Number.isFinite(value)) return false;
  const given = decimal(written);
  if (given.digits === '') return true;
  const kept = decimal(String(value));
  if (given.digits === kept.digits && given.power === kept.power) return true;
  const isFraction = given.power < 0;
  return isFraction && given.digits.length <= DOUBLE_DIGITS && Math.abs(value) >= SMALLEST_NORMAL;
}

/** A number without its sign as digits, none at either end 0, and the power of ten of the last one. */
function decimal(number: string): { digits: string; power: number } {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const all = whole + fraction;
  let start = 0;
  let end = all.length;
  // Not by a pattern: one for zeros at the end takes minutes where millions stand before another digit.
  while (all[start] === '0') start++;
  while (end > start && all[end - 1] === '0') end--;
  return { digits: all.slice(start, end), power: Number(exponent) - fraction.length + all.length - end };
}
