import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import type { Cli } from '../cli.js';
import { checkCron } from '../cron/check.js';
import { asCrontabText, fromCrontabText, readCrontab, writeCrontab } from '../cron/crontab.js';
import { startsWorker } from '../cron/line.js';
import { CliError, EXIT, notFound } from '../exit.js';
import { about } from '../help.js';
import { say } from '../output.js';
import { findProject, projectCronLine, workerScript } from '../project.js';

const LINE = `The line starts \`workers/queue_worker.js\` of the project at or above the working directory, every minute, with the paths of
this machine, and appends what it prints to \`worker.log\` next to the queue.`;

const LINGER = `With \`--linger 55s\`, each worker stays until the next one comes, so that jobs start within milliseconds.`;

export function define(command: Command, cli: Cli): void {
  about(command.helpCommand(false), {
    text: `Prints, installs, checks or removes the line in your crontab that starts the worker. ${LINE} Do it as the user that the
web app runs as.`,
    exits:
      "0; 1 if the crontab can't be read or written, or the check found something; 2 if an option can't be used; 3 if there is no project, or no worker in it.",
    examples: ['queue cron install', 'queue cron check', 'queue cron print --linger 55s'],
  });
  definePrint(command.command('print').description('print the line for crontab'), cli);
  defineInstall(command.command('install').description('add the line to your crontab'), cli);
  defineCheck(command.command('check').description('find out if cron starts the worker'), cli);
  defineUninstall(command.command('uninstall').description('remove the line from your crontab'), cli);
}

function definePrint(command: Command, cli: Cli): void {
  lingerOption(command);
  about(command, {
    text: `${LINE} It installs nothing: paste the line with \`crontab -e\`, or use \`queue cron install\`.

${LINGER}`,
    plain: 'line.',
    exits: '0; 2 if no crontab can hold a path; 3 if there is no project, or no worker in it.',
    examples: ['queue cron print', 'queue cron print --linger 55s'],
  }).action(({ linger }: { linger?: string }) => {
    const line = lineOf(cli, linger).line;
    cli.output.record({ line }, line, [line]);
  });
}

function defineInstall(command: Command, cli: Cli): void {
  lingerOption(command).option('--replace', 'write the line in place of another that starts this worker');
  about(command, {
    text: `Adds the line to the crontab of the user who calls it. All other lines stay byte for byte. If a line that starts this
worker is there already, it stays as it is, also if it differs, because you may have changed it: \`--replace\` writes this one in
its place.

${LINGER}`,
    plain: 'line.',
    exits:
      "0 if the line is there; 1 if another line starts this worker, or the crontab can't be read or written; 3 if there is no project, or no worker in it.",
    examples: ['queue cron install', 'queue cron install --linger 55s --replace'],
  }).action(async ({ linger, replace = false }: { linger?: string; replace?: boolean }) => {
    const { line, isOwn } = lineOf(cli, linger);
    const lines = await readCrontab();
    const own = lines.filter(isOwn);
    const wanted = `${asCrontabText(line)}\n`;
    if (own.some((text) => text.trimEnd() === wanted.trimEnd()) && (own.length === 1 || !replace)) {
      say('the crontab has the line already');
    } else if (own.length > 0 && !replace) {
      throw new CliError(
        EXIT.failed,
        `another line starts this worker, and stays: ${fromCrontabText(own[0] as string).trim()}\n  queue cron install --replace writes this one in its place: ${line}`,
      );
    } else {
      const at = lines.findIndex(isOwn);
      const others = lines.filter((text) => !isOwn(text)).map(ended);
      others.splice(at < 0 ? others.length : at, 0, wanted);
      await writeCrontab(others);
      for (const text of own) say(`removed from your crontab: ${fromCrontabText(text).trim()}`);
      say(at < 0 ? 'added to your crontab:' : 'replaced in your crontab:');
    }
    cli.output.record({ line }, line, [line]);
  });
}

function defineCheck(command: Command, cli: Cli): void {
  about(command, {
    text: `Says if cron starts the worker of the project at or above the working directory: if your crontab has the line, if the line's
node and script are there, if a cron runs on this machine, and when a worker looked last.`,
    plain: 'a line for each problem: problem.',
    exits: '0 if all is well; 1 if something is wrong; 3 if there is no project, or no worker in it.',
    examples: ['queue cron check'],
  }).action(async () => {
    const { output } = cli;
    const project = findProject();
    const { facts, problems } = await checkCron(project, cli);
    if (problems.length > 0) process.exitCode = EXIT.failed;
    output.text(
      [...facts.map((text) => `ok: ${text}`), ...problems.map((text) => `wrong: ${text}`)].join('\n'),
    );
    for (const problem of problems) output.data({ problem }, [problem]);
  });
}

function defineUninstall(command: Command, cli: Cli): void {
  about(command, {
    text: `Removes each line that starts the worker of the project at or above the working directory from your crontab, and prints
it. All other lines stay byte for byte. Jobs stay in the queue, and wait.`,
    plain: 'the lines that were removed: line.',
    exits:
      "0, also if there was no such line; 1 if the crontab can't be read or written; 3 if there is no project.",
    examples: ['queue cron uninstall'],
  }).action(async () => {
    const project = findProject();
    const lines = await readCrontab();
    const isOwn = ownLine(project);
    const own = lines.filter(isOwn);
    if (own.length === 0) return say(`no line of your crontab starts ${workerScript(project)}`);
    await writeCrontab(lines.filter((text) => !isOwn(text)));
    say(own.length === 1 ? 'removed from your crontab:' : `${own.length} lines removed from your crontab:`);
    for (const text of own) {
      const line = fromCrontabText(text).trimEnd();
      cli.output.record({ line }, line, [line]);
    }
  });
}

const lingerOption = (command: Command): Command =>
  command.option('--linger <time>', "how long each worker stays and waits for more jobs: '55s'; default: 0");

/** Makes the line for this project, and what tells the lines that start the same worker. */
function lineOf(cli: Cli, linger: string | undefined) {
  const project = findProject();
  const script = workerScript(project);
  if (!existsSync(script)) throw notFound(`there is no worker at ${script} (queue init writes one)`);
  if (linger !== undefined) durationText('--linger', linger);
  return { line: projectCronLine(project, cli.options, linger), isOwn: ownLine(project) };
}

const ownLine =
  (project: string) =>
  (line: string): boolean =>
    startsWorker(fromCrontabText(line), project, workerScript(project));

/** Gives the last line the LF that a line after it needs. */
const ended = (line: string): string => (line.endsWith('\n') ? line : `${line}\n`);
