/** A part of a payload: of objects, any properties; all else as it is. */
export type PayloadLike<Payload> = Payload extends readonly (infer Item)[]
  ? readonly PayloadLike<Item>[]
  : Payload extends object
    ? { readonly [Name in keyof Payload]?: PayloadLike<Payload[Name]> | undefined }
    : Payload;

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
