/*
 * Jobs hold other people's text. On a terminal, an escape sequence in it could move the cursor, rewrite the
 * screen or change the window's title. Invisible and bidirectional format characters could make a line
 * read as something else. Shown as \uXXXX they are harmless and visible.
 */

/** The pattern of control and format characters, line separators and lone surrogates. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT: Record<string, string> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escapeUnits(text: string): string {
  let escaped = '';
  for (let i = 0; i < text.length; i++) escaped += `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return escaped;
}

/** Returns text on one line, with everything that a terminal would obey made visible. */
export const harmless = (text: string): string => text.replace(HARMFUL, (c) => SHORT[c] ?? escapeUnits(c));

/** Makes text harmless but keeps its line ends. */
export const harmlessLines = (text: string): string => text.split('\n').map(harmless).join('\n');

/** Returns JSON that parses to the same value and shows nothing harmful. */
export function toSafeJson(value: unknown, indent?: number): string {
  // JSON.stringify escapes only the controls below U+0020. Harmful ones above can only be in a string.
  return (stringify(value, indent) ?? 'null').replace(HARMFUL, (c) => (c === '\n' ? c : escapeUnits(c)));
}

/** The most levels that are shown, more than enqueue allows. An edit may leave too many for JSON.stringify. */
const DEEPEST = 1000;

/** Returns a value as JSON, without what is nested too deeply for that. */
export function stringify(value: unknown, indent?: number): string | undefined {
  try {
    return JSON.stringify(value, null, indent);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const depths = new Map<unknown, number>();
    const cut = function (this: unknown, _: string, part: unknown): unknown {
      if (typeof part !== 'object' || part === null) return part;
      const depth = (depths.get(this) ?? 0) + 1;
      depths.set(part, depth);
      return depth > DEEPEST ? '(nested too deeply to be shown)' : part;
    };
    return JSON.stringify(value, cut, indent);
  }
}

/** Formats a time in UTC, to the second. */
export const isoSeconds = (time: Date): string =>
  Number.isNaN(time.getTime()) ? 'never' : `${time.toISOString().slice(0, 19)}Z`;

/** The units of durations, in ms, the largest first. */
export const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** Formats a duration in its largest unit: `3m`, `12s`, `250ms`. */
export function span(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms >= size) ?? ['ms', 1];
  return `${Math.floor(ms / size)}${name}`;
}

/** Formats a duration in the largest unit that leaves nothing over: `90s`, `15m`. */
export function exactSpan(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${name}`;
}

/** Formats bytes in their largest unit: `1.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), 4);
  return `${(bytes / 1000 ** power).toFixed(1)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** Returns the first line of a text, at most `most` characters. */
export function firstLine(text: string, most = 80): string {
  const [line = ''] = text.split('\n', 1);
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
