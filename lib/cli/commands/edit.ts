import type { Command } from 'commander';
import { edit } from '../../file/operations/edit.js';
import { findStored } from '../../file/operations/get.js';
import type { Status } from '../../job/job.js';
import type { Cli } from '../cli.js';
import { isConfirmed } from '../confirm.js';
import { editText } from '../editor.js';
import { CliError, EXIT, messageOf, notFound, usageError } from '../exit.js';
import { about } from '../help.js';
import { resolveIds } from '../ids.js';
import { readJobText, writeJobText } from '../job-edit.js';
import { say } from '../output.js';

/** The states in which a job may be edited: no worker has it, and it can still run. */
const EDITABLE: readonly Status[] = ['pending', 'waiting', 'failed', 'cancelled'];

export function define(command: Command, cli: Cli): void {
  command.argument('<id>', 'ID of the job, or the beginning of it');
  about(command, {
    text: `Opens a job as text in your editor: \`$VISUAL\`, \`$EDITOR\`, or \`vi\`. You may change its payload, its start, priority,
limit of attempts, time limit, group and labels. The text is checked, and written as the job's next version, if the job is
still what you edited. Its state and its attempts stay: to run a failed job again, use \`queue retry\` afterwards.

If the text can't be used, the command says why, and asks on a terminal if you want to edit it again. A text that wasn't
written is kept in a file, which stderr names. Jobs that run or are completed can't be edited. For a schedule, use
\`queue schedule add\`.`,
    plain: 'id, type, status of a job that was changed.',
    exits:
      "0 if the job is changed, or the text is as it was; 1 if the job has changed meanwhile, is in no state for it, or the editor failed; 2 if the text can't be used; 3 if the job is unknown; 75.",
    examples: ['queue edit 3fa9', 'EDITOR="sed -i s/old.example/new.example/" queue edit 3fa9'],
  }).action(async (given: string) => {
    const { output, existingStore: store } = cli;
    const [id] = await resolveIds(store, [given]);
    const job = id === undefined ? undefined : await findStored(store, id);
    if (job === undefined) throw notFound(`there is no job ${given} in ${store.path}`);
    const { type, status } = job;
    if (!EDITABLE.includes(status)) {
      const instead = status === 'recurring' ? ' a schedule; queue schedule add changes it' : ` ${status}`;
      throw new CliError(
        EXIT.failed,
        `job ${job.id} (${type}) is${instead}; only waiting, pending, failed and cancelled jobs can be edited`,
      );
    }
    const before = writeJobText(job.toJob());
    const text = await editText(before, `${job.id}.json`);
    for (;;) {
      try {
        const { current } = text;
        if (current === before) {
          text.remove();
          return say('nothing was changed');
        }
        if (!(await edit(store, job, readJobText(current)))) {
          const now = (await findStored(store, job.id))?.status ?? 'no longer there';
          throw new CliError(
            EXIT.failed,
            `job ${job.id} (${type}) has changed meanwhile, and is ${now}; nothing was written, and your text is in ${text.path}`,
          );
        }
        break;
      } catch (error) {
        if (error instanceof CliError && error.exitCode === EXIT.failed) throw error;
        if (!process.stdin.isTTY) throw usageError(`${messageOf(error)}; your text is in ${text.path}`);
        say(messageOf(error));
        if (!(await isConfirmed('edit it again?')))
          throw usageError(`nothing was written; your text is in ${text.path}`);
        await text.again();
      }
    }
    text.remove();
    output.changed({ id: job.id, type, status }, `changed ${job.id} (${type})`, [job.id, type, status]);
  });
}
