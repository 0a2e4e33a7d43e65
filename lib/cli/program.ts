import { createRequire } from 'node:module';
import { Command, CommanderError, Option } from 'commander';
import { argsOf } from './argv.js';
import type { Cli, CommandModule, GlobalOptions } from './cli.js';
import { EXIT, exitCodeOf, messageOf } from './exit.js';
import { exampleLines, helpWidth, paragraphs, toPlain } from './help.js';
import { guardStreams, say, writeErr, writeOut } from './output.js';
import { CONVENTIONS, EXAMPLES, EXIT_CODES, VARIABLES } from './overview.js';

type Commands = Record<string, [summary: string, load: () => Promise<CommandModule>]>;

/** The commands by groups. A module is loaded only for its own command, because loading is most of a start's cost. */
const GROUPS: Record<string, Commands> = {
  'Add and run': {
    add: ['add a job, and print its id', () => import('./commands/add.js')],
    import: ['add jobs from a TSV, CSV or JSON Lines file', () => import('./commands/import.js')],
    relay: ["make jobs of what an app's database has committed", () => import('./commands/relay.js')],
    work: ['run the due jobs once, with the handlers of a module', () => import('./commands/work.js')],
  },
  Look: {
    status: ['show how the queue is doing', () => import('./commands/status.js')],
    top: ['show the queue live, and change jobs by keys', () => import('./commands/top.js')],
    web: ['serve a web page of the queue', () => import('./commands/web.js')],
    list: ['list jobs', () => import('./commands/list.js')],
    show: ['show all of one job', () => import('./commands/show.js')],
    logs: ['print what a job said while it ran', () => import('./commands/logs.js')],
    explain: ['say why a job waits, runs or failed', () => import('./commands/explain.js')],
    errors: ['group failed jobs by their errors', () => import('./commands/errors.js')],
    stats: ['count jobs by status and type', () => import('./commands/stats.js')],
    wait: ['wait until jobs have ended, and print their results', () => import('./commands/wait.js')],
    tail: ['tell what happens to jobs, as it happens', () => import('./commands/tail.js')],
    report: ['write one page for people, without a server', () => import('./commands/report.js')],
    metrics: ['print metrics for Prometheus', () => import('./commands/metrics.js')],
    check: ['print one line if something is wrong, for cron to mail', () => import('./commands/check.js')],
  },
  Change: {
    retry: ['run failed or cancelled jobs again', () => import('./commands/retry.js')],
    cancel: ['stop jobs that wait or run', () => import('./commands/cancel.js')],
    promote: ['let jobs that wait for their time start now', () => import('./commands/promote.js')],
    dismiss: ['let queue check no longer count failed jobs', () => import('./commands/dismiss.js')],
    edit: ['change a job in your editor', () => import('./commands/edit.js')],
    purge: ['take jobs out of the file for good', () => import('./commands/purge.js')],
  },
  'Pause and repeat': {
    pause: ['let no jobs of a type start, or of any type', () => import('./commands/pause.js')],
    resume: ['let jobs start again', () => import('./commands/resume.js')],
    schedule: ['add, list, pause or remove recurring jobs', () => import('./commands/schedule.js')],
  },
  'Care for the file': {
    doctor: ['find what is wrong with the file, and repair it', () => import('./commands/doctor.js')],
    compact: ['rewrite the file, and archive old finished jobs', () => import('./commands/compact.js')],
    export: ['write jobs as TSV, CSV or JSON Lines', () => import('./commands/export.js')],
    backup: ['copy the queue while it is in use', () => import('./commands/backup.js')],
    lock: ['run a command that edits the file, under the lock', () => import('./commands/lock.js')],
    unlock: ['take the lock from a process that is stuck', () => import('./commands/unlock.js')],
  },
  'Set up': {
    init: ['write a worker and a first handler into a project', () => import('./commands/init.js')],
    cron: ['print, install or check the line for crontab', () => import('./commands/cron.js')],
    completion: [
      'print a script that lets your shell complete commands',
      () => import('./commands/completion.js'),
    ],
  },
};

/** Runs one command line and sets the process's exit code. @param argv without node and the script */
export async function run(argv: readonly string[]): Promise<void> {
  guardStreams((error) => {
    say(`could not write to stdout: ${error.message}`);
    process.exitCode ||= EXIT.failed;
  });
  const program = createProgram();
  let cli: Cli | undefined;
  // Help needs no queue, so what a command works with is loaded only now.
  program.hook('preSubcommand', async (_, command) => {
    cli = await makeCli(() => program.opts<GlobalOptions>());
    await load(command, cli);
  });
  try {
    await program.parseAsync(argsOf(argv), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version also arrive here.
      if (error.exitCode !== 0) process.exitCode = EXIT.usage;
      return;
    }
    say(messageOf(error));
    process.exitCode = exitCodeOf(error);
  } finally {
    await cli?.close();
  }
}

function createProgram(): Command {
  const program = new Command('queue')
    .description('A job queue that is one plain-text file, driven by cron.')
    .usage('[options] <command>')
    .option('-V, --version', 'print the version')
    .on('option:version', printVersion)
    .helpOption('-h, --help', 'explain the command')
    .helpCommand(false)
    .option('-f, --file <path>', 'the queue file')
    .addOption(new Option('--json', 'print JSON Lines').conflicts('plain'))
    .option('--plain', 'print fields split by a TAB, without a header')
    .option('--lock-timeout <time>', 'how long to wait for the lock; default: 30s')
    .option('--any-file-system', 'also write on NFS, SMB, 9p or the like, which is refused otherwise')
    .addHelpText('after', ({ command }) => overview(command))
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut,
      writeErr,
      outputError: (text) => say(text.trim().replace(/^error: /, '')),
    })
    .showSuggestionAfterError()
    .exitOverride();
  for (const [group, commands] of Object.entries(GROUPS)) {
    program.commandsGroup(`${group}:`);
    for (const [name, [summary]] of Object.entries(commands)) program.command(name).description(summary);
  }
  return program;
}

/** Reads the version only now, because other commands don't need it. */
function printVersion(): never {
  const { version } = createRequire(import.meta.url)('tsvq/package.json') as { version: string };
  writeOut(`${version}\n`);
  throw new CommanderError(0, 'commander.version', version);
}

const makeCli = async (options: () => GlobalOptions): Promise<Cli> =>
  new (await import('./cli.js')).Cli(options, wholeProgram);

/** Gives a command its arguments, options, help and action. */
async function load(command: Command, cli: Cli): Promise<void> {
  const commands = Object.values(GROUPS).find((group) => Object.hasOwn(group, command.name())) as Commands;
  const [, loadModule] = commands[command.name()] as Commands[string];
  (await loadModule()).define(command, cli);
}

/** Returns the program with all commands, for what describes them. */
export async function wholeProgram(): Promise<Command> {
  const program = createProgram();
  const cli = await makeCli(() => ({}));
  for (const command of program.commands) await load(command, cli);
  return program;
}

/** Says what holds for all commands. */
function overview(program: Command): string {
  const help = program.createHelp();
  const rows = (title: string, all: readonly (readonly [string | number, string])[]): string[] => {
    const width = Math.max(...all.map(([name]) => String(name).length));
    const lines = all.map(([name, about]) => help.formatItem(String(name), width, toPlain(about), help));
    return ['', `${title}:`, ...lines];
  };
  help.prepareContext({ helpWidth: helpWidth() });
  return [
    '',
    ...paragraphs(help, CONVENTIONS),
    ...rows('Environment', VARIABLES),
    ...rows('Exit codes', EXIT_CODES),
    '',
    ...exampleLines(EXAMPLES),
  ].join('\n');
}
