import { createInterface } from 'node:readline/promises';
import { type Command, Option } from 'commander';
import {
  countPurgeable,
  countTooYoung,
  PURGEABLE,
  type PurgeableStatus,
  type PurgeOptions,
} from '../../file/operations/purge.js';
import { durationText } from '../../job/checks.js';
import type { Cli } from '../cli.js';
import { EXIT, usageError } from '../exit.js';
import { examples } from '../help.js';
import { say } from '../output.js';

interface Options {
  status?: PurgeableStatus[];
  type?: string;
  olderThan?: string;
  dryRun?: boolean;
  yes?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .addOption(
      new Option('--status <status...>', 'jobs in this state, or in one of these; required').choices(
        PURGEABLE,
      ),
    )
    .option('--type <type>', 'only jobs of this type')
    .option('--older-than <time>', 'only jobs that ended so long ago; pending ones: added so long ago')
    .option('--dry-run', 'only print how many jobs they are')
    .option('--yes', "don't ask")
    .addHelpText(
      'after',
      `
Takes the jobs out of the file for good; they don't go to the archive. A finished job goes once it finished a minute
ago; how many are younger is said. Asks first on a terminal; without one, --yes is needed.
--plain prints: purged; with --dry-run how many would be
${examples('queue purge --status failed --older-than 90d', 'queue purge --status pending --type report --dry-run')}`,
    )
    .action(async ({ status, type, olderThan, dryRun = false, yes = false }: Options) => {
      if (status === undefined)
        throw usageError(`--status is missing; name one or more of ${PURGEABLE.join(', ')}`);
      const { output, queue, existingStore: store } = cli;
      const options: PurgeOptions = {
        status,
        type,
        ...(olderThan !== undefined && { olderThan: durationText('--older-than', olderThan) }),
      };
      if (dryRun) {
        const { purgeable, tooYoung } = await countPurgeable(store, options);
        const text = `${jobs(purgeable)} would be purged${young(tooYoung)}`;
        return output.record({ purged: purgeable, tooYoung }, text, [purgeable]);
      }
      if (!yes) {
        const count = jobs((await countPurgeable(store, options)).purgeable);
        if (!(await isConfirmed(`purge ${count} from ${store.path} for good?`))) {
          say('nothing was purged');
          process.exitCode = EXIT.failed;
          return;
        }
      }
      const { purged } = await queue.purge(options);
      const tooYoung = await countTooYoung(store, options);
      output.record({ purged, tooYoung }, `${jobs(purged)} purged${young(tooYoung)}`, [purged]);
    });
}

const jobs = (count: number): string => `${count} ${count === 1 ? 'job' : 'jobs'}`;

/** Says of jobs that a purge has left for now. */
const young = (count: number): string =>
  count === 0
    ? ''
    : `, and ${count} ended less than a minute ago, which ${count === 1 ? 'stays' : 'stay'} for now; try again in a minute`;

/** Asks the person at the terminal. @throws CliError (usage) without a terminal */
async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw usageError('this is no terminal, so nothing was purged; give --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
