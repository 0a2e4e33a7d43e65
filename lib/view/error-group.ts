import { createHash } from 'node:crypto';

/** How much of an error's first line tells what failed. */
const MOST_CHARACTERS = 300;

/**
 * What differs between errors of one cause, and what looks like it and tells the cause. In the order in which it is
 * looked for: the first that fits counts.
 */
const PARTS: readonly (readonly [pattern: string, replacement: string | undefined])[] = [
  // Times, UUIDs, mail addresses, ids in hex.
  ['\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?(?:Z|[+-]\\d\\d:?\\d\\d)?', '#'],
  ['[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', '#'],
  ['[\\w.+-]{1,64}@[\\w.-]{1,255}', '…@…'],
  // An IPv4 address, with its port.
  ['\\b\\d{1,3}(?:\\.\\d{1,3}){3}(?::\\d{1,5})?\\b', undefined],
  ['\\b(?=[0-9a-f]*\\d)[0-9a-f]{8,}\\b', '#'],
  // A port, an enhanced status code of SMTP; a status code after a word that says so, or at the beginning.
  [':\\d{2,5}\\b', undefined],
  ['\\b[245]\\.\\d{1,3}\\.\\d{1,3}\\b', undefined],
  [
    '(?<=\\b(?:answered|replied|returned|status|code|response|http(?:/\\d(?:\\.\\d)?)?)[ :=]{1,2})[1-5]\\d\\d\\b',
    undefined,
  ],
  ['(?<=^|: )[245]\\d\\d(?=[ -])', undefined],
  ['\\d+(?:\\.\\d+)?', '#'],
];

const ANY = new RegExp(PARTS.map(([pattern]) => `(${pattern})`).join('|'), 'gi');

/**
 * Returns what an error has in common with others of the same cause: its first line, with numbers, ids, times and mail
 * addresses replaced. Status codes, ports and IP addresses stay.
 *
 * @example
 * groupText('job 4711: 10.0.4.17:5432 answered 503 after 1250 ms'); // 'job #: 10.0.4.17:5432 answered 503 after # ms'
 */
export function groupText(error: string): string {
  const end = error.indexOf('\n');
  const line = error.slice(0, Math.min(end < 0 ? error.length : end, MOST_CHARACTERS));
  return line
    .replace(/^Error: /, '')
    .replace(ANY, (found, ...groups) => {
      const i = groups.slice(0, PARTS.length).findIndex((group) => group !== undefined);
      return PARTS[i]?.[1] ?? found;
    })
    .trim();
}

/** Returns a short name of a group that is the same in every process: ten hex digits. */
export const groupId = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);
