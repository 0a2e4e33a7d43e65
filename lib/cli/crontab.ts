import { realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative } from 'node:path';
import { usageError } from './exit.js';
import { harmless } from './format.js';

/** What a crontab line starts, as absolute paths. */
export interface CronJob {
  readonly node: string;
  /** Where the line changes to. */
  readonly folder: string;
  readonly script: string;
  /** Only where it isn't the one that the script finds by itself. */
  readonly queueFile: string | undefined;
  readonly log: string;
}

/** The line that starts the worker every minute. @throws CliError (usage) for a path that no crontab can hold */
export function crontabLine({ node, folder, script, queueFile, log }: CronJob): string {
  const inside = (path: string): string => quote(isInside(folder, path) ? relative(folder, path) : path);
  const setting = queueFile === undefined ? '' : `QUEUE_FILE=${quote(queueFile)} `;
  const command = `cd ${quote(folder)} && ${setting}${quote(node)} ${inside(script)} >> ${inside(log)} 2>&1`;
  // cron ends the command at a bare % and takes the rest for its input.
  return `* * * * * ${command.replaceAll('%', '\\%')}`;
}

const isInside = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return !isAbsolute(way) && way !== '..' && !way.startsWith('../');
};

/** For sh. Without backslashes, of which crons make different things. */
function quote(path: string): string {
  // What is invisible is printed as an escape, which would be another path.
  if (path.includes('\\') || harmless(path) !== path) {
    throw usageError(
      `the crontab line can't be printed: ${JSON.stringify(harmless(path))} has a line end, a backslash or an invisible character in it`,
    );
  }
  return /^[\w@+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'"'"'`)}'`;
}

/**
 * The path to call this node by. The one that the PATH leads to outlives an upgrade (/usr/local/bin/node); what is
 * behind its symlinks often has the version in it.
 */
export function stableNode(path: string = process.env.PATH ?? '', node: string = process.execPath): string {
  for (const folder of path.split(delimiter)) {
    // fnm makes a folder of symlinks for each shell, which goes with it.
    if (!isAbsolute(folder) || folder.includes('multishell')) continue;
    const candidate = join(folder, 'node');
    try {
      if (realpathSync(candidate) === realpathSync(node)) return candidate;
    } catch {
      // No node in there.
    }
  }
  return node;
}

/** Whether a version manager keeps this node in a folder that goes with the next upgrade. */
export const isVersioned = (node: string): boolean => /\/v?\d+\.\d+\.\d+([-_]\d+)?\//.test(node);
