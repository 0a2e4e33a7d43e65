import type { Command } from 'commander';
import { eachSchedule, type ListedSchedule } from '../../view/listed-schedule.js';
import { cameTo, nextRunOf, whenOf, zoned } from '../../view/schedule-text.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { type Shape, say } from '../output.js';

const shape: Shape<ListedSchedule> = {
  columns: [
    { head: 'NAME', cell: ({ name }) => name, least: 12 },
    { head: 'TYPE', rank: 4, cell: ({ spec }) => spec.type, least: 8 },
    { head: 'WHEN', rank: 2, cell: ({ spec }) => whenOf(spec) },
    { head: 'NEXT RUN', rank: 1, cell: nextRunOf },
    {
      head: 'LAST RUN',
      rank: 3,
      cell: ({ lastSlot, spec }) => (lastSlot === undefined ? '' : zoned(lastSlot, spec)),
    },
    { head: 'CAME TO', cell: cameTo, least: 10 },
  ],
  plain: ({ name, spec, nextRun, lastSlot, lastJob, lastStatus, skipped, paused, fired, id }) => [
    ...[name, spec.type, spec.cron, spec.every === undefined ? undefined : Number(spec.every) / 1000],
    ...[spec.timezone, nextRun, lastSlot, lastJob, skipped ?? lastStatus],
    ...[paused ? 'paused' : '', fired, id],
  ],
};

/** Defines `queue schedule list`. */
export function defineList(command: Command, cli: Cli): void {
  about(command, {
    text: `Lists the schedules by name, with times in their own zone. \`CAME TO\` is the state of the last slot's job, also if that is
archived, or why the slot has no job.`,
    plain:
      'name, type, cron, every_seconds, timezone, next_run, last_slot, last_job, came_to, paused, fired, id. `came_to` is a status, `overlap` or `late`; with `--json`, it is `lastStatus` or `skipped`.',
    exits: '0; 3 if there is no queue file.',
    examples: ['queue schedule list', "queue schedule list --json | jq -r 'select(.paused) | .name'"],
  }).action(async () => {
    const { output, queue } = cli;
    const count = await output.records(eachSchedule(queue), shape);
    if (count === 0 && output.format === 'human') say(`no schedules in ${queue.file}`);
  });
}
