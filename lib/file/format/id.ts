import { isUtf8 } from 'node:buffer';

/** The number of hex digits of our ids. */
export const OUR_ID = 16;

/**
 * True for an id that decoding doesn't change: another could not be named, nor its row found. False for
 * one after a byte order mark, which parsers remove. False for an id of ours joined with part of another,
 * because then a row was appended right after the fragment of a killed writer: that is no job.
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

/** True if the bytes have nothing but lower-case hex digits. */
export function isHex(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte < 48 || byte > 102 || (byte > 57 && byte < 97)) return false;
  }
  return true;
}
