import type { Command } from 'commander';
import { nextRunOf } from '../../view/schedule-text.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { say } from '../output.js';
import { findSchedule, noSchedule } from '../schedules.js';

/** Defines `queue schedule remove`. */
export function defineRemove(command: Command, cli: Cli): void {
  command.argument('<name>', 'the name of the schedule');
  about(command, {
    text: `Jobs that the schedule has made stay. If the code of a worker declares it, the next worker adds it again: pause it instead.`,
    plain: 'name.',
    exits: '0 done; 3 if there is no schedule of this name, or no queue file; 75.',
    examples: ['queue schedule remove nightly'],
  }).action(async (name: string) => {
    const { output, queue } = cli;
    if (!(await queue.unschedule(name))) throw noSchedule(queue, name);
    const hint = 'A worker whose code declares it adds it again: pause it instead';
    output.changed({ name }, `removed ${name}; jobs that it has made stay. ${hint}`, [name]);
  });
}

/** Defines `queue schedule pause`. */
export function definePause(command: Command, cli: Cli): void {
  command.argument('<name>', 'the name of the schedule');
  about(command, {
    text: `The schedule makes no jobs until \`queue schedule resume\`, also if its declaration changes. Jobs that it has made run.`,
    plain: 'name.',
    exits: '0 done; 3 if there is no schedule of this name, or no queue file; 75.',
    examples: ['queue schedule pause nightly'],
  }).action(async (name: string) => {
    const { output, queue } = cli;
    if (!(await queue.pauseSchedule(name))) throw noSchedule(queue, name);
    output.changed({ name }, `paused ${name}, until queue schedule resume`, [name]);
  });
}

/** Defines `queue schedule resume`. */
export function defineResume(command: Command, cli: Cli): void {
  command.argument('<name>', 'the name of the schedule');
  about(command, {
    text: `The schedule goes on at its first slot after now. The slots of the pause are not made up for.`,
    plain: 'name, next_run.',
    exits: '0 done; 3 if there is no schedule of this name, or no queue file; 75.',
    examples: ['queue schedule resume nightly'],
  }).action(async (name: string) => {
    const { output, queue } = cli;
    if (!(await queue.resumeSchedule(name))) throw noSchedule(queue, name);
    const schedule = await findSchedule(queue, name);
    const { nextRun } = schedule;
    output.changed({ name, nextRun }, `resumed ${name}; next run: ${nextRunOf(schedule)}`, [name, nextRun]);
  });
}

/** Defines `queue schedule run`. */
export function defineRun(command: Command, cli: Cli): void {
  command.argument('<name>', 'the name of the schedule');
  about(command, {
    text: `Makes a job of the schedule now, and prints its id. The slots stay as they are, and a pause doesn't matter. If an earlier job is
not over, the schedule's \`--overlap\` decides. With \`skip\` nothing is added, a message on stderr says so, and the id is that of the
earlier job. With \`--json\` or \`--plain\`, the outcome is on stdout instead: \`added\` or \`existing\`.`,
    plain: 'id, outcome.',
    exits: '0 done; 3 if there is no schedule of this name, or no queue file; 75.',
    examples: ['queue schedule run nightly'],
  }).action(async (name: string) => {
    const { output, queue } = cli;
    await findSchedule(queue, name);
    const { id, outcome } = await queue.runNow(name);
    output.record({ id, outcome }, id, [id, outcome]);
    if (output.format !== 'human' || outcome === 'added') return;
    // The job may be over meanwhile.
    const status = (await queue.getJob(id))?.status ?? 'there';
    say(
      `existing: nothing was added, because an earlier job of ${name} is ${status} and its overlap is skip`,
    );
  });
}
