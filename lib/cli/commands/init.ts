import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { systemFs } from '../../file/disk/fs.js';
import { giveLikeFolder, makeFolders } from '../../file/disk/ownership.js';
import { describePlace, placeOf } from '../../file/disk/place.js';
import type { Cli } from '../cli.js';
import { CliError, EXIT } from '../exit.js';
import { about } from '../help.js';
import { say } from '../output.js';
import { findProject, projectCronLine } from '../project.js';
import { type ModuleKind, projectFiles } from '../templates.js';

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Writes \`workers/queue_worker.js\`, \`workers/handlers/hello.js\` and \`data/.gitignore\` into the project at or above the working
directory. A file that exists already stays as it is. It prints the line for crontab, and installs nothing: \`queue cron install\`
does.`,
    exits:
      "0; 1 if a file can't be written; 3 if there is no package.json at or above the working directory.",
    examples: [
      'npm install tsvq && npx queue init',
      'npx queue add hello \'{"name": "Ann"}\' && node workers/queue_worker.js',
    ],
  }).action(() => {
    const project = findProject();
    for (const [name, text] of Object.entries(projectFiles(moduleKind(project)))) {
      say(write(project, name, text) ? `wrote ${name}` : `kept ${name}, which exists already`);
    }
    if (!isInstalled(project)) say('tsvq is not installed in this project yet: npm install tsvq');
    const { store } = cli;
    const place = store.options.anyFileSystem ? undefined : placeOf(store.fs, store.realPath);
    if (place !== undefined) say(describePlace(place, store.realPath));
    const line = projectCronLine(project, cli.options);
    say('to run jobs every minute, paste this line with crontab -e:');
    cli.output.record({ line }, line, [line]);
  });
}

/** Writes a file. @returns false if it exists already */
function write(project: string, name: string, text: string): boolean {
  const path = join(project, name);
  makeFolders(systemFs, dirname(path));
  let fd: number;
  try {
    fd = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    giveLikeFolder(systemFs, fd, project);
    writeFileSync(fd, text);
    return true;
  } finally {
    closeSync(fd);
  }
}

function moduleKind(project: string): ModuleKind {
  const path = join(project, 'package.json');
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as { type?: unknown } | null;
    return content?.type === 'module' ? 'module' : 'commonjs';
  } catch (error) {
    throw new CliError(EXIT.failed, `${path} can't be read: ${(error as Error).message}`);
  }
}

function isInstalled(project: string): boolean {
  try {
    createRequire(join(project, 'package.json')).resolve('tsvq/package.json');
    return true;
  } catch {
    return false;
  }
}
