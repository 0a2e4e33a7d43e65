import type { Command } from 'commander';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { notFound } from '../exit.js';
import { about } from '../help.js';
import { resolveIds } from '../ids.js';

export function define(command: Command, cli: Cli): void {
  command.argument('<id>', 'ID of the job, or the beginning of it');
  about(command, {
    text: `Says in a few sentences why a job waits, runs or has failed, what happens next and when, and what you can type. Of a limit of
how many jobs run at a time it can only say that it may be the reason, because only the worker knows the limit.`,
    plain: 'id, status, why and next; then a command in each line.',
    exits: '0; 2 if the ID could be several jobs; 3 if the job is unknown.',
    examples: ['queue explain 3fa9', 'queue explain 3fa9 --json | jq -r .next'],
  }).action(async (given: string) => {
    const { output, queue, existingStore: store } = cli;
    const [id] = await resolveIds(store, [given]);
    const job = id === undefined ? undefined : await queue.getJob(id);
    if (job === undefined)
      throw notFound(`there is no job ${given} in ${store.path}; queue show --archive finds old ones`);
    const explanation = await new View(queue).explain(job, Date.now());
    const { why, next, commands } = explanation;
    if (output.format === 'human')
      output.text(`${why}\n${next}\n\n${commands.map((line) => `  ${line}`).join('\n')}`);
    else output.data({ id: job.id, status: job.status, ...explanation }, [job.id, job.status, why, next]);
    if (output.format === 'plain') for (const line of commands) output.data({}, [line]);
  });
}
