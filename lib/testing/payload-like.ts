/** A part of a payload: of objects, any properties; all else as it is. */
export type PayloadLike<Payload> = Payload extends readonly (infer Item)[]
  ? readonly PayloadLike<Item>[]
  : Payload extends object
    ? { readonly [Name in keyof Payload]?: PayloadLike<Payload[Name]> | undefined }
    : Payload;

/** Returns a part as JSON has it: a Date is a text. What JSON can't hold stays, and fits no payload. */
export function asJson(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (typeof (part as { toJSON?: unknown }).toJSON === 'function')
    return asJson((part as { toJSON(key: string): unknown }).toJSON(''));
  if (Array.isArray(part)) return part.map(asJson);
  // A Map, say: JSON makes an empty object of it, which would fit each object.
  if (Object.keys(part).length === 0 && ![Object.prototype, null].includes(Object.getPrototypeOf(part)))
    return UNFIT;
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, asJson(value)]));
}

/** A value that no payload has. */
const UNFIT = Symbol('not JSON');

/** True if a payload has all of a part. Lists have to be as long. A property that is undefined has to be missing. */
export function isLike(payload: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return Object.is(payload, part);
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload) !== Array.isArray(part))
    return false;
  if (Array.isArray(part) && part.length !== (payload as unknown[]).length) return false;
  return Object.entries(part).every(([name, value]) =>
    isLike(Object.hasOwn(payload, name) ? payload[name as keyof typeof payload] : undefined, value),
  );
}
