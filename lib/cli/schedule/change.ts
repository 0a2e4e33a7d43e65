import type { Command } from 'commander';
import type { Cli } from '../cli.js';
import { examples } from '../help.js';
import { say } from '../output.js';
import { findSchedule, nextRunOf, noSchedule } from '../schedules.js';

/** Defines `queue schedule remove`. */
export function defineRemove(command: Command, cli: Cli): void {
  command
    .argument('<name>', 'the name of the schedule')
    .addHelpText(
      'after',
      `
Its jobs stay. If the code of a worker declares the schedule, the worker adds it again: pause it instead.
--plain prints: name
${examples('queue schedule remove nightly')}`,
    )
    .action(async (name: string) => {
      const { output, queue } = cli;
      if (!(await queue.unschedule(name))) throw noSchedule(queue, name);
      const hint = 'A worker whose code declares it adds it again: pause it instead';
      output.changed({ name }, `removed ${name}; jobs that it has made stay. ${hint}`, [name]);
    });
}

/** Defines `queue schedule pause`. */
export function definePause(command: Command, cli: Cli): void {
  command
    .argument('<name>', 'the name of the schedule')
    .addHelpText(
      'after',
      `
It makes no jobs until queue schedule resume, also if its declaration changes. Jobs that it has made run.
--plain prints: name
${examples('queue schedule pause nightly')}`,
    )
    .action(async (name: string) => {
      const { output, queue } = cli;
      if (!(await queue.pauseSchedule(name))) throw noSchedule(queue, name);
      output.changed({ name }, `paused ${name}, until queue schedule resume`, [name]);
    });
}

/** Defines `queue schedule resume`. */
export function defineResume(command: Command, cli: Cli): void {
  command
    .argument('<name>', 'the name of the schedule')
    .addHelpText(
      'after',
      `
It goes on at its first slot after now. The slots of the pause are not made up for.
--plain prints: name next_run
${examples('queue schedule resume nightly')}`,
    )
    .action(async (name: string) => {
      const { output, queue } = cli;
      if (!(await queue.resumeSchedule(name))) throw noSchedule(queue, name);
      const schedule = await findSchedule(queue, name);
      const { nextRun } = schedule;
      output.changed({ name, nextRun }, `resumed ${name}; next run: ${nextRunOf(schedule)}`, [name, nextRun]);
    });
}

/** Defines `queue schedule run`. */
export function defineRun(command: Command, cli: Cli): void {
  command
    .argument('<name>', 'the name of the schedule')
    .addHelpText(
      'after',
      `
The slots of the schedule stay as they are, and a pause doesn't matter. If an earlier job is not over, the schedule's
--overlap decides. With skip nothing is added, a message on stderr says so, and the id is that of the earlier job.
--plain prints: id outcome
${examples('queue schedule run nightly')}`,
    )
    .action(async (name: string) => {
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
