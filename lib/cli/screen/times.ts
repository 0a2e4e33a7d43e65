import { type Command, Option } from 'commander';
import { isoSeconds } from '../../view/text.js';

/** Formats a time for people. */
export type TimeText = (time: Date) => string;

/** The options that choose the time zone of times for people. */
export interface TimeOptions {
  utc?: boolean;
}

/** Adds the options that choose the time zone. `--local` is the default, for those who have another one in an alias. */
export const addTimes = (command: Command): Command =>
  command
    .addOption(new Option('--utc', 'times for people in UTC').conflicts('local'))
    .option(
      '--local',
      'times for people in the zone of this machine, or of TZ, with their offset; the default',
    );

/** Returns what formats times as the options say. */
export const timeTextOf = ({ utc = false }: TimeOptions): TimeText => (utc ? isoSeconds : localSeconds);

/** Formats a time in the zone of this process, to the second: `2030-01-31T10:00:00+01:00`; in UTC with a `Z`. */
export function localSeconds(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  if (minutes === 0 || Number.isNaN(minutes)) return isoSeconds(time);
  const local = new Date(time.getTime() + minutes * 60_000);
  if (Number.isNaN(local.getTime())) return isoSeconds(time);
  const digits = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  const offset = `${digits(Math.abs(minutes) / 60)}:${digits(Math.abs(minutes) % 60)}`;
  return `${local.toISOString().slice(0, 19)}${minutes < 0 ? '-' : '+'}${offset}`;
}
