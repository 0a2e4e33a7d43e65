import { UNITS } from './text.js';

/** Formats a number for people: `999`, `20.0k`, `1.2M`. */
export function short(number: number): string {
  if (number < 10_000) return String(number);
  const [size, unit] = number < 999_950 ? [1000, 'k'] : [1_000_000, 'M'];
  return `${(number / size).toFixed(1)}${unit}`;
}

/** Formats a duration exactly enough for people: `378ms`, `2.5s`, `37s`, `3m 24s`, `1h 26m`, `4d 2h`. */
export function lasting(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000) * 1000;
  const i = UNITS.findIndex(([, size]) => seconds >= size);
  const [name, size] = UNITS[i] as (typeof UNITS)[number];
  const [nextName, nextSize] = UNITS[i + 1] ?? ['', 0];
  const rest = nextSize === 0 ? 0 : Math.floor((seconds % size) / nextSize);
  return `${Math.floor(seconds / size)}${name}${rest === 0 ? '' : ` ${rest}${nextName}`}`;
}

/** How a time stands to now: it was, it comes, or something has lasted since it. */
export type Relation = 'ago' | 'until' | 'lasting';

/**
 * Says how a time stands to now: `3m 24s ago`, `in 12s`, `1h 26m`. Servers and browsers call it with the same result.
 *
 * @param time in ms since 1970, as `now`
 */
export function relative(relation: Relation, time: number, now: number): string {
  const ms = Math.max(0, relation === 'until' ? time - now : now - time);
  if (ms < 1000 && relation !== 'lasting') return relation === 'ago' ? 'just now' : 'now';
  const text = ms < 9_950 ? `${Math.floor(ms / 1000)}s` : lasting(ms);
  return { ago: `${text} ago`, until: `in ${text}`, lasting: text }[relation];
}

/** Formats a whole number with its thousands apart: `20,000`. */
export const grouped = (number: number): string => number.toLocaleString('en');

/** Says how many jobs ended in a minute, on average: `20.3/min`. */
export const rate = ({
  completed,
  failed,
  minutes,
}: {
  readonly completed: number;
  readonly failed: number;
  readonly minutes: readonly number[];
}): string => `${((completed + failed) / minutes.length).toFixed(1)}/min`;
