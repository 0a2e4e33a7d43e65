import { createRequire } from 'node:module';
import { Command, CommanderError, Option } from 'commander';
import { Cli, type CommandModule, type GlobalOptions } from './cli.js';
import { EXIT, exitCodeOf, messageOf } from './exit.js';
import { guardStreams, say, writeErr, writeOut } from './output.js';

/** The commands. A module is loaded only for its own command, because loading is most of a start's cost. */
const COMMANDS: Record<string, [summary: string, load: () => Promise<CommandModule>]> = {
  add: ['add a job, and print its id', () => import('./commands/add.js')],
  errors: ['group failed jobs by their errors', () => import('./commands/errors.js')],
  list: ['list jobs', () => import('./commands/list.js')],
  status: ['show how the queue is doing', () => import('./commands/status.js')],
  show: ['show all of one job', () => import('./commands/show.js')],
  explain: ['say why a job waits, runs or failed', () => import('./commands/explain.js')],
  cancel: ['stop jobs that wait or run', () => import('./commands/cancel.js')],
  retry: ['run failed or cancelled jobs again', () => import('./commands/retry.js')],
  promote: ['let jobs that wait for their time start now', () => import('./commands/promote.js')],
  dismiss: ['let queue check no longer count failed jobs', () => import('./commands/dismiss.js')],
  pause: ['let no jobs of a type start, or of any type', () => import('./commands/pause.js')],
  resume: ['let jobs start again', () => import('./commands/resume.js')],
  schedule: ['add, list, pause or remove recurring jobs', () => import('./commands/schedule.js')],
  work: ['run the due jobs once, with the handlers of a module', () => import('./commands/work.js')],
  stats: ['count jobs by status and type', () => import('./commands/stats.js')],
  check: ['print one line if something is wrong, for cron to mail', () => import('./commands/check.js')],
  metrics: ['print metrics for Prometheus', () => import('./commands/metrics.js')],
  doctor: ['find what is wrong with the file', () => import('./commands/doctor.js')],
  compact: ['rewrite the file, and archive old finished jobs', () => import('./commands/compact.js')],
  purge: ['take jobs out of the file for good', () => import('./commands/purge.js')],
  lock: ['run a command that edits the file, under the lock', () => import('./commands/lock.js')],
  unlock: ['take the lock from a process that is stuck', () => import('./commands/unlock.js')],
  cron: ['print the line for crontab', () => import('./commands/cron.js')],
  init: ['write a worker and a first handler into a project', () => import('./commands/init.js')],
};

const HELP = `
The beginning of an ID is enough, if no other job's ID begins with it.

Environment:
  QUEUE_FILE  the queue file; default: data/queue.tsv next to the nearest package.json
  QUEUE_RETENTION  how long finished jobs stay in the file: '30d', or 'completed=1d,failed=90d'; default: 7d, failed 30d
  QUEUE_ARCHIVE  0, false or no: drop jobs after that time, instead of moving them to archive/
  QUEUE_ARCHIVE_RETENTION  how long the archive keeps a month after its end; default: for ever
  QUEUE_MAX_BYTES  the most that the file may have ('10GB') after a job is added; default: 4 GiB
  QUEUE_MIN_FREE  the space that the disk must have ('1GB') for a job to start; default: 0
  QUEUE_ANY_FILE_SYSTEM  1, true or yes: like --any-file-system
  QUEUE_NO_WORKER_AFTER  how long no worker may look before adding a job warns; 0: never; default: 10m

Exit codes:
  0   done
  1   failed, or something is wrong (check, doctor)
  2   usage: an argument or option can't be used; nothing was changed
  3   not found: no such queue file, job, schedule or module
  75  busy: another process held the lock for too long; try again

Data goes to stdout, messages to stderr. The output of --json and --plain stays the same; the tables may change.

Examples:
  $ queue add send_email '{"to": "ann@example.com"}' --delay 10m
  $ queue list --status failed --no-dismissed
  $ queue show 3fa9
  $ queue list --status failed --no-dismissed --plain | cut -f1 | xargs -r queue retry
  $ queue help add`;

/** Runs one command line and sets the process's exit code. @param argv without node and the script */
export async function run(argv: readonly string[]): Promise<void> {
  guardStreams((error) => {
    say(`could not write to stdout: ${error.message}`);
    process.exitCode ||= EXIT.failed;
  });
  const program = createProgram();
  const cli = new Cli(() => program.opts<GlobalOptions>());
  program.hook('preSubcommand', async (_, command) => {
    const [, load] = COMMANDS[command.name()] as (typeof COMMANDS)[string];
    (await load()).define(command, cli);
  });
  // `queue help add` means `queue add --help`.
  const args = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version also arrive here.
      if (error.exitCode !== 0) process.exitCode = EXIT.usage;
      return;
    }
    say(messageOf(error));
    process.exitCode = exitCodeOf(error);
  } finally {
    await cli.close();
  }
}

function createProgram(): Command {
  const { version } = createRequire(import.meta.url)('tsvq/package.json') as { version: string };
  const program = new Command('queue')
    .description('A job queue that is one plain-text file, driven by cron.')
    .usage('[options] <command>')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand(false)
    .option('-f, --file <path>', 'the queue file')
    .addOption(new Option('--json', 'print JSON Lines').conflicts('plain'))
    .option('--plain', 'print fields split by a TAB, without a header')
    .option('--lock-timeout <time>', 'how long to wait for the lock; default: 30s')
    .option('--any-file-system', 'also write on NFS, SMB, 9p or the like, which is refused otherwise')
    .addHelpText('after', HELP)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut,
      writeErr,
      outputError: (text) => say(text.trim().replace(/^error: /, '')),
    })
    .showSuggestionAfterError()
    .exitOverride();
  for (const [name, [summary]] of Object.entries(COMMANDS)) program.command(name).description(summary);
  return program;
}
