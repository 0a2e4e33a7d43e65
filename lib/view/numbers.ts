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
