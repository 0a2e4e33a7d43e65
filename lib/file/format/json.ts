import { errorMessage, TsvqError } from '../../job/errors.js';

/**
 * Returns a value as compact JSON, if JSON holds all of it. `JSON.stringify` alone would silently drop
 * functions, turn NaN into null and a Map into {}, and the job would later get another value. The result of a
 * value's own `toJSON` is taken as it is.
 *
 * @param name the value's name in the error: `payload`, say
 * @throws TsvqError `INVALID_ARGUMENT`, naming the place: `payload.user.age is NaN …`
 * @example
 * toJson({ to: 'ann@example.com' }, 'payload'); // '{"to":"ann@example.com"}'
 */
export function toJson(value: unknown, name: string): string {
  if (value === undefined) return 'null';
  let problem: string | undefined;
  try {
    problem = obstacle(value, []);
    if (problem !== undefined)
      throw new TsvqError('INVALID_ARGUMENT', `${name}${problem}; JSON can't hold that`);
    const json = JSON.stringify(value);
    if (json !== undefined) return json;
  } catch (cause) {
    if (problem !== undefined) throw cause;
    // A getter or a toJSON threw.
    throw new TsvqError('INVALID_ARGUMENT', `${name} can't be written as JSON: ${errorMessage(cause)}`, {
      cause,
    });
  }
  throw new TsvqError('INVALID_ARGUMENT', `${name} is ${typeof value}; JSON can't hold that`);
}

/**
 * Returns the built-in kind of an object, because JSON would make {} of most kinds. Arrays and instances of a
 * user's classes count as an `Object`.
 */
function kindOf(value: object): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null || Array.isArray(value)) return 'Object';
  // A user's class may name a kind as well, but its content is in its properties.
  const isCollection = ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set;
  if (Symbol.toStringTag in value && !isCollection && Object.keys(value).length > 0) return 'Object';
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  // JSON takes the value of the first three, and a module is an object of its exports.
  return /^(String|Number|Boolean|Module)$/.test(kind) && !Number.isNaN(value.valueOf()) ? 'Object' : kind;
}

/**
 * Finds a value in `value` that JSON can't hold. Returns the path to it, then what it is; undefined if there
 * is none. The path is built on the way back, because nearly every value is fine, and some hold millions.
 */
function obstacle(value: unknown, above: object[]): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : ` is ${value}`;
    case 'object':
      break;
    default:
      return ` is ${typeof value === 'bigint' ? `the BigInt ${value}n` : `a value of type ${typeof value}`}`;
  }
  if (value === null) return undefined;
  if (above.includes(value)) return ' refers back to a value that contains it';
  if (above.length > 500) return ' is nested more than 500 levels deep';
  const kind = kindOf(value);
  if (kind === 'Date' && Number.isNaN(Number(value))) return ' is an invalid Date';
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return undefined;
  if (kind === 'Promise') return ' is a promise (is an await missing?)';
  if (kind !== 'Object') return ` is ${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`;
  above.push(value);
  let problem: string | undefined;
  const isArray = Array.isArray(value);
  for (const key of isArray ? value.keys() : Object.keys(value)) {
    const part = (value as Record<string | number, unknown>)[key];
    // JSON leaves out such a property too.
    if (part === undefined && !isArray) continue;
    problem = obstacle(part, above);
    if (problem !== undefined) {
      problem = pathStep(key) + problem;
      break;
    }
  }
  above.pop();
  return problem;
}

/** Returns one step of the path to a value inside another: `.name`, `["a name"]` or `[3]`. */
export const pathStep = (key: string | number): string =>
  typeof key === 'string' && /^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
