import { realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative } from 'node:path';
import { harmless } from '../../view/text.js';
import { usageError } from '../exit.js';

/** The parts of a crontab line, as absolute paths. */
export interface CronJob {
  readonly node: string;
  /** The folder that the line changes to. */
  readonly folder: string;
  readonly script: string;
  /** The queue file, if the script doesn't find the file by itself. */
  readonly queueFile: string | undefined;
  readonly log: string;
  /** How long each worker stays, as text; undefined if it ends once nothing is due. */
  readonly linger: string | undefined;
}

/** Makes the line to start the worker every minute. @throws CliError (usage) if no crontab can hold a path */
export function crontabLine({ node, folder, script, queueFile, log, linger }: CronJob): string {
  const inside = (path: string): string => quote(isInside(folder, path) ? relative(folder, path) : path);
  const settings = [
    ...(queueFile === undefined ? [] : [`QUEUE_FILE=${quote(queueFile)} `]),
    ...(linger === undefined ? [] : [`QUEUE_LINGER=${quote(linger)} `]),
  ].join('');
  const command = `cd ${quote(folder)} && ${settings}${quote(node)} ${inside(script)} >> ${inside(log)} 2>&1`;
  // cron ends the command at a bare % and uses the rest as its input.
  return `* * * * * ${escaped(command)}`;
}

/** True if a crontab's line starts this script, or names it after a `cd` to its project. */
export function startsWorker(line: string, folder: string, script: string): boolean {
  if (/^\s*(#|$)/.test(line)) return false;
  const cd = `cd ${escaped(quote(folder))}`;
  const changes = [`${cd} `, `${cd}/ `, `${cd};`].some((text) => line.includes(text));
  return hasPath(line, escaped(quote(script))) || (changes && hasPath(line, relative(folder, script)));
}

/** True if a path stands in a line as a whole, and not as a part of another path. */
function hasPath(line: string, path: string): boolean {
  for (let at = line.indexOf(path); at >= 0; at = line.indexOf(path, at + 1)) {
    const [before, after] = [line.slice(0, at), line.slice(at + path.length)];
    if (/(^|[\s"'=(;&|])(\.\/|\$PWD\/)?$/.test(before) && /^($|[\s"');&|<>])/.test(after)) return true;
  }
  return false;
}

const escaped = (command: string): string => command.replaceAll('%', '\\%');

const isInside = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return !isAbsolute(way) && way !== '..' && !way.startsWith('../');
};

/** Quotes for sh. Backslashes are refused: crons treat them differently. */
function quote(path: string): string {
  // Invisible characters are printed as escapes, which would be another path.
  if (path.includes('\\') || harmless(path) !== path) {
    throw usageError(
      `the crontab line can't be printed: ${JSON.stringify(harmless(path))} has a line end, a backslash or an invisible character in it`,
    );
  }
  return /^[\w@+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'"'"'`)}'`;
}

/**
 * Returns the path to call this node by. The one in the PATH outlives an upgrade (/usr/local/bin/node). Its
 * symlink's target often has the version in it.
 */
export function stableNode(path: string = process.env.PATH ?? '', node: string = process.execPath): string {
  for (const folder of path.split(delimiter)) {
    // fnm makes a folder of symlinks for each shell, and removes that folder later.
    if (!isAbsolute(folder) || folder.includes('multishell')) continue;
    const candidate = join(folder, 'node');
    try {
      if (realpathSync(candidate) === realpathSync(node)) return candidate;
    } catch {
      // This folder has no node.
    }
  }
  return node;
}

/** True if a version manager keeps this node in a folder that the next upgrade removes. */
export const isVersioned = (node: string): boolean => /\/v?\d+\.\d+\.\d+([-_]\d+)?\//.test(node);
