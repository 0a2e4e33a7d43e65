import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { readHeartbeat } from '../../file/disk/heartbeat.js';
import { span } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { workerScript } from '../project.js';
import { fromCrontabText, readCrontab } from './crontab.js';
import { startsWorker } from './line.js';

/** What {@link checkCron} found, each a sentence for people. */
interface Findings {
  readonly facts: readonly string[];
  readonly problems: readonly string[];
}

/** A worker that looked so long ago may have missed a minute; one minute is what it takes. */
const LATE_MS = 150_000;
/** What cron searches for programs unless the crontab says otherwise. */
const CRON_PATH = '/usr/bin:/bin';
/** The names of cron daemons. `systemd` alone doesn't read crontabs. */
const DAEMONS = new Set(['cron', 'crond', 'fcron', 'cronie', 'dcron']);

/** Looks at all that has to be so that cron starts a project's worker. */
export async function checkCron(project: string, cli: Cli): Promise<Findings> {
  const facts: string[] = [];
  const problems: string[] = [];
  const tell = (isWell: boolean | undefined, fact: string, problem: string): void => {
    if (isWell === true) facts.push(fact);
    else if (isWell === false) problems.push(problem);
  };
  const script = workerScript(project);
  tell(existsSync(script), `${script} is there`, `there is no worker at ${script}; queue init writes one`);
  const lines = (await readCrontab()).map((line) => fromCrontabText(line).trim());
  const own = lines.findIndex((line) => startsWorker(line, project, script));
  tell(
    own >= 0,
    `your crontab has the line: ${lines[own]}`,
    `no line of your crontab starts the worker; queue cron install adds it. It may be the crontab of another user, or /etc/cron.d`,
  );
  const node = nodeOf(lines[own] ?? '');
  if (node !== undefined) {
    const path = pathOf(lines.slice(0, own));
    tell(
      isThere(node, path),
      `its node is there: ${node}`,
      isAbsolute(node)
        ? `its node is gone: ${node}; queue cron install --replace writes the line with this machine's`
        : `cron doesn't find ${node} in its PATH, ${path}; queue cron install --replace writes the line with the whole path`,
    );
  }
  tell(
    hasDaemon(),
    'a cron runs on this machine',
    'no cron runs on this machine: start it (systemctl start cron), or install it',
  );
  const { store } = cli;
  const heartbeat = readHeartbeat(store.fs, store.realPath);
  const since = heartbeat && store.clock.now() - heartbeat.at;
  tell(
    since !== undefined && since < LATE_MS,
    `a worker looked ${span(since ?? 0)} ago`,
    since === undefined
      ? `no worker has looked at ${store.path} yet; see worker.log next to it after the next minute`
      : `the last worker looked at ${store.path} ${span(since)} ago; see worker.log next to it`,
  );
  return { facts, problems };
}

/** Returns the program that a line runs the worker with, as far as it can be read. */
const nodeOf = (line: string): string | undefined =>
  /(?:^|&&|;)\s*(?:\w+=(?:'[^']*'|\S)*\s+)*([^\s'=]*node[^\s'=]*)\s/.exec(line)?.[1];

/** Returns the PATH that the lines of a crontab set, or cron's own. */
function pathOf(lines: readonly string[]): string {
  const set = lines.map((line) => /^PATH\s*=\s*(.*)$/.exec(line)?.[1]).filter((path) => path !== undefined);
  return set.at(-1)?.replaceAll(/^["']|["']$/g, '') ?? CRON_PATH;
}

function isThere(program: string, path: string): boolean {
  const places = isAbsolute(program)
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Looks for a cron among the processes. Undefined if this system doesn't tell, or hides those of other users. */
function hasDaemon(): boolean | undefined {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
  const names = pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    } catch {
      return '';
    }
  });
  if (names.some((name) => DAEMONS.has(name))) return true;
  return pids.includes('1') ? false : undefined;
}
