import { STATUSES, type Status } from '../../job/job.js';

/** The byte that a strike puts in place of each letter of the status. */
export const DASH = 45;

const WORDS = STATUSES.map((word) => Buffer.from(word));

/** Returns the status word in bytes[from, to), if any. */
export function statusIn(bytes: Buffer, from: number, to: number): Status | undefined {
  for (let i = 0; i < WORDS.length; i++) {
    const word = WORDS[i] as Buffer;
    if (word.length !== to - from) continue;
    let same = 0;
    while (same < word.length && word[same] === bytes[from + same]) same++;
    if (same === word.length) return STATUSES[i] as Status;
  }
  return undefined;
}

/** True if bytes[from, to) are a status word with dashes for one or more of its letters. */
export function isDashed(bytes: Buffer, from: number, to: number): boolean {
  const found = bytes.subarray(from, to);
  return found.includes(DASH) && WORDS.some((word) => isLike(word, found));
}

const isLike = (word: Buffer, found: Buffer): boolean =>
  word.length === found.length && found.every((byte, i) => byte === DASH || byte === word[i]);
