import type { Command } from 'commander';
import { countText, durationText } from '../../job/checks.js';
import type { ScheduleTimes } from '../../job/schedule-spec.js';
import { nextRuns } from '../../schedule/next-runs.js';
import { zoned } from '../../view/schedule-text.js';
import { isoSeconds, span } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { instantOf } from '../job-texts.js';
import { type Shape, say } from '../output.js';
import { findSchedule } from '../schedules.js';

interface Options {
  count?: string;
  cron?: string;
  every?: string;
  timezone?: string;
  from?: string;
}

/** A slot in UTC and in local time. */
interface Slot {
  readonly time: Date;
  readonly local: string;
}

/** Defines `queue schedule next`. */
export function defineNext(command: Command, cli: Cli): void {
  command
    .argument('[name]', 'the name of a schedule; without it, --cron or --every')
    .option('-n, --count <number>', 'how many; default: 5')
    .option('--cron <expression>', 'a cron expression to try; no queue is needed')
    .option('--every <time>', 'an interval to try; no queue is needed')
    .option('--timezone <zone>', 'the time zone of --cron; default: UTC')
    .option('--from <time>', 'print what comes after this time; default: now');
  about(command, {
    text: `Prints the next slots of a schedule; or, with \`--cron\` or \`--every\` instead of a name, those of an expression, for which no queue
is needed. It prints local time in the zone, with its offset from UTC, and UTC. With a jitter, jobs start up to so much after
these times.`,
    plain: 'time, local_time.',
    exits:
      "0; 2 if name, expression or option can't be used; 3 if there is no schedule of this name, or no queue file.",
    examples: [
      'queue schedule next nightly -n 3',
      "queue schedule next --cron '30 2 * * *' --timezone Europe/Berlin --from 2030-03-30T00:00:00Z",
    ],
  }).action(async (name: string | undefined, { count = '5', from, ...given }: Options) => {
    const most = countText('--count', count);
    const times = name === undefined ? timesOf(given) : await timesOfSchedule(cli, name, given);
    const after = from === undefined ? new Date() : instantOf(from);
    const slots = nextRuns(times, most, after).map((time) => ({ time, local: zoned(time, times) }));
    await cli.output.records(slots, shapeOf(times, Date.now()));
    if (slots.length === 0 && cli.output.format === 'human') say('no slot comes any more');
  });
}

const shapeOf = ({ timezone = 'UTC' }: ScheduleTimes, now: number): Shape<Slot> => ({
  columns: [
    { head: `TIME IN ${timezone}`, cell: ({ local }) => local },
    {
      head: 'DAY',
      rank: 1,
      cell: ({ local }) => new Date(`${local.slice(0, 10)}T00:00:00Z`).toUTCString().slice(0, 3),
    },
    { head: 'UTC', rank: 2, cell: ({ time }) => isoSeconds(time) },
    {
      head: '',
      rank: 1,
      cell: ({ time }) =>
        time.getTime() > now ? `in ${span(time.getTime() - now)}` : `${span(now - time.getTime())} ago`,
    },
  ],
  plain: ({ time, local }) => [time, local],
});

function timesOf({ cron, every, timezone }: Options): ScheduleTimes {
  if ((cron === undefined) === (every === undefined))
    throw usageError('give the name of a schedule, or --cron, or --every');
  return { cron, timezone, ...(every !== undefined && { every: durationText('--every', every) }) };
}

async function timesOfSchedule(cli: Cli, name: string, given: Options): Promise<ScheduleTimes> {
  const [option] = Object.keys(given);
  if (option !== undefined)
    throw usageError(`--${option} can't be given together with the name of a schedule`);
  const { spec, paused } = await findSchedule(cli.queue, name);
  if (paused) say(`${name} is paused, so it makes no jobs at these times: queue schedule resume ${name}`);
  return spec;
}
