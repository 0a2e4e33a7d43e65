import { isUtf8 } from 'node:buffer';

/** The number of hex digits of an id that this queue makes. */
export const OUR_ID = 16;

/** True for an id as this queue makes them. */
export const isOurId = (id: unknown): boolean => typeof id === 'string' && /^[0-9a-f]{16}$/.test(id);

/**
 * True for an id that decoding doesn't change, because another could not be named, nor its row found. False
 * after a byte order mark, because parsers remove that. False for 17 to 32 hex digits, because those are a
 * killed process's fragment and the id of a row that is glued to it.
 */
export function isId(bytes: Buffer, from: number, to: number): boolean {
  const length = to - from;
  if (length > OUR_ID && length <= 2 * OUR_ID && isHex(bytes, from, to)) return false;
  for (let i = from; i < to; i++) {
    if ((bytes[i] as number) < 128) continue;
    const id = bytes.subarray(from, to);
    return isUtf8(id) && id.indexOf('\uFEFF') !== 0;
  }
  return length > 0;
}

/** True if all bytes are lower-case hex digits. */
export function isHex(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte < 48 || byte > 102 || (byte > 57 && byte < 97)) return false;
  }
  return true;
}
