import { zoneClock } from '../schedule/cron.js';
import { isoSeconds } from './text.js';

/** Formats a time in a time zone, to the second: `2030-03-31T03:00:00+02:00`. In an unknown zone, it is UTC. */
export function isoInZone(time: Date, timezone: string): string {
  const clock = timezone === 'UTC' ? undefined : clockOf(timezone);
  if (clock === undefined || Number.isNaN(time.getTime())) return isoSeconds(time);
  const local = clock(time.getTime());
  const minutes = Math.round((local - time.getTime()) / 60_000);
  const digits = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  const offset = `${digits(Math.abs(minutes) / 60)}:${digits(Math.abs(minutes) % 60)}`;
  return `${new Date(local).toISOString().slice(0, 19)}${minutes < 0 ? '-' : '+'}${offset}`;
}

function clockOf(timezone: string): ReturnType<typeof zoneClock> | undefined {
  try {
    return zoneClock(timezone);
  } catch {
    // A file may name a zone that this machine doesn't know.
    return undefined;
  }
}
