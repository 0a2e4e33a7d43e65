import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { nearestProject } from '../default-queue.js';
import { queuePath } from '../job/checks.js';
import type { GlobalOptions } from './cli.js';
import { crontabLine, isVersioned, stableNode } from './cron/line.js';
import { notFound } from './exit.js';
import { say } from './output.js';

/** Finds the project at or above the working directory. @throws CliError (not found) */
export function findProject(): string {
  const real = nearestProject(process.cwd());
  const named = nearestProject(workingFolder());
  // The parent of a symlink to a folder in the project may be outside of the project.
  const folder = named !== undefined && realpathSync(named) === real ? named : real;
  if (folder === undefined) {
    throw notFound(
      `there is no package.json at or above ${process.cwd()}: go into a project, or make one with npm init`,
    );
  }
  return folder;
}

/** Returns the working folder as the shell names it, because the target of a symlink like `current` is temporary. */
function workingFolder(): string {
  const { PWD } = process.env;
  try {
    if (PWD !== undefined && realpathSync(PWD) === process.cwd()) return resolve(PWD);
  } catch {
    // PWD is a shell's folder, not this process's.
  }
  return process.cwd();
}

/** Returns a project's worker script. */
export const workerScript = (project: string): string => join(project, 'workers', 'queue_worker.js');

/** Makes the crontab line for a project's worker. Warns about a missing folder and a node that an upgrade removes. */
export function projectCronLine(project: string, { file }: GlobalOptions, linger?: string): string {
  const own = join(project, 'data', 'queue.tsv');
  const [name, named] = file === undefined ? ['QUEUE_FILE', process.env.QUEUE_FILE || own] : ['--file', file];
  const queueFile = resolve(workingFolder(), queuePath(name, named));
  const folder = dirname(queueFile);
  const node = stableNode();
  const line = crontabLine({
    node,
    folder: project,
    script: workerScript(project),
    queueFile: queueFile === own ? undefined : queueFile,
    log: join(folder, 'worker.log'),
    linger,
  });
  if (!existsSync(folder)) say(`make the folder ${folder} first: without it the log can't be written`);
  if (isVersioned(node))
    say(`${node} is in a folder of one version: print the line again after each upgrade of Node`);
  return line;
}
