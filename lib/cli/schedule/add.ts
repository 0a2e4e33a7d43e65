import { type Command, Option } from 'commander';
import { durationText } from '../../job/checks.js';
import type { CatchUp, Overlap, ScheduleSpec } from '../../job/schedule-spec.js';
import { overStore } from '../../open-queue.js';
import { CATCH_UP, OVERLAP } from '../../schedule/recurrence.js';
import { nextRunOf } from '../../view/schedule-text.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { instantOf, type JobTexts, jobOptionsOf } from '../job-texts.js';
import { labelOption } from '../labels.js';
import { payloadOf } from '../payload.js';
import { findSchedule } from '../schedules.js';

interface Options extends JobTexts {
  cron?: string;
  every?: string;
  timezone?: string;
  catchUp?: CatchUp;
  catchUpWithin?: string;
  overlap?: Overlap;
  jitter?: string;
  startAt?: string;
  endAt?: string;
}

/** Defines `queue schedule add`. */
export function defineAdd(command: Command, cli: Cli): void {
  command
    .argument('<name>', 'the name of the schedule')
    .argument('<type>', 'the type of its jobs, which picks their handler')
    .argument('[json]', 'their payload as JSON; - reads it from stdin; default: null')
    .option(
      '--cron <expression>',
      'five fields: minute, hour, day, month, day of the week; or @daily and the like',
    )
    .option('--every <time>', "instead of --cron: the time between two jobs: '30s', '15m', '6h'")
    .option('--timezone <zone>', "the time zone of --cron: 'Europe/Berlin'; default: UTC")
    .addOption(
      new Option(
        '--catch-up <what>',
        'which missed slots are made up for, after a time without a worker; default: last',
      ).choices(CATCH_UP),
    )
    .option(
      '--catch-up-within <time>',
      'slots older than this are passed over; default: none, 1d with --catch-up all',
    )
    .addOption(
      new Option(
        '--overlap <what>',
        'what happens at a slot if an earlier job is not over; default: skip',
      ).choices(OVERLAP),
    )
    .option('--jitter <time>', 'each job starts up to so much after its slot; default: 0')
    .option('--start-at <time>', 'no slot comes before this time: ISO with an offset, or Unix seconds')
    .option('--end-at <time>', 'no slot comes after this time')
    .option('--priority <number>', 'higher first; default: 0')
    .option('--max-attempts <number>', "how often to try a job; default: the type's, or the worker's")
    .option('--timeout <time>', "the time limit of one attempt; default: the type's, or the worker's")
    .option(
      '--group <group>',
      "the customer or host that its jobs are for, which the type's limits may count apart",
    )
    .addOption(labelOption('a label of its jobs; its value is a text. May be given several times'));
  about(command, {
    text: `Says if the schedule was added, changed or is unchanged, and its next run in its own time zone. It makes the file if it is
missing. The payload of the jobs is given as for \`queue add\`. If a schedule of this name is there, what is left out has its
default, also if it had another value before. A pause stays. [Cron expressions](schedules.md#cron-expressions) have five fields.`,
    plain: 'name, outcome, next_run, id. The outcome is `added`, `changed` or `unchanged`.',
    exits: "0 if the schedule is on the disk; 2 if name, type, payload or option can't be used; 75.",
    examples: [
      "queue schedule add nightly backup --cron '30 2 * * *' --timezone Europe/Berlin",
      'queue schedule add rates fetch_rates \'{"base": "EUR"}\' --every 15m --catch-up-within 5m',
    ],
  }).action(async (name: string, type: string, json: string | undefined, options: Options) => {
    const payload = json === undefined ? undefined : await payloadOf(json);
    const queue = overStore(cli.store);
    const wasThere = (await queue.listSchedules()).some((schedule) => schedule.name === name);
    const { id, changed } = await queue.schedule(name, specOf(type, payload, options));
    const outcome = !changed ? 'unchanged' : wasThere ? 'changed' : 'added';
    const schedule = await findSchedule(queue, name);
    const { nextRun } = schedule;
    const told = `${outcome} ${name}; next run: ${nextRunOf(schedule)}`;
    cli.output.record({ name, id, outcome, nextRun }, told, [name, outcome, nextRun, id]);
  });
}

function specOf(type: string, payload: unknown, options: Options): ScheduleSpec {
  const { cron, every, timezone, catchUp, catchUpWithin, overlap, jitter, startAt, endAt } = options;
  return {
    ...{ type, payload, cron, timezone, catchUp, overlap },
    ...(every !== undefined && { every: durationText('--every', every) }),
    ...(catchUpWithin !== undefined && { catchUpWithin: durationText('--catch-up-within', catchUpWithin) }),
    ...(jitter !== undefined && { jitter: durationText('--jitter', jitter) }),
    ...(startAt !== undefined && { startAt: instantOf(startAt) }),
    ...(endAt !== undefined && { endAt: instantOf(endAt) }),
    options: jobOptionsOf(options),
  };
}
