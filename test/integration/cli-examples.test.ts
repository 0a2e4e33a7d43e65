import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Command } from 'commander';
import { aboutOf } from '../../lib/cli/help.js';
import { EXAMPLES } from '../../lib/cli/overview.js';
import { wholeProgram } from '../../lib/cli/program.js';
import { sqliteOutbox } from '../../lib/outbox.js';
import { temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';
import { HEADER, line, writeQueue } from '../support/queue-file.js';
import { findDrivers, openDatabase, withoutSqlite } from '../support/sqlite.js';
import { project } from './app-project.js';
import { CLI, run } from './cli-process.js';

/*
 * Every example of the help and the man page is run, by a shell, in a project whose queue has what the examples name.
 */

const program = await wholeProgram();
const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];
const examples = [
  ...new Set([...EXAMPLES, ...everyCommand(program).flatMap((command) => aboutOf(command)?.examples ?? [])]),
];

/** Those that tell by their exit code that something is wrong, as it is in this queue. */
const ALARMS = /^queue (check|status|cron check|wait)\b/;
/** What has to be so that an example can do something. */
const BEFORE: readonly (readonly [RegExp, string])[] = [
  [/^queue (cancel|promote) 3fa9/, 'queue retry 3fa9 --delay 1h'],
  [/backup\/queue\.tsv doctor/, 'queue backup backup/queue.tsv'],
  [/export jobs.csv/, 'rm jobs.csv'],
  [/^queue resume webhook/, 'queue pause webhook'],
  [/^queue resume$/, 'queue pause'],
];

/** Those that would go on until a person stops them. */
const LASTING = /^queue (top|tail -f|web)\b/;
/** What these show, and how a person then stops them. */
const UNTIL: readonly (readonly [RegExp, shows: string, key: string])[] = [
  [/^queue top/, 'q quit', 'q'],
  [/^queue web/, 'is at http', '\x03'],
  [/^queue tail/, '3fa95c01d2e8b764', '\x03'],
];

const now = Date.now() / 1000;
const failed = {
  status: 'failed',
  attempts: 3,
  version: 4,
  created_at: now - 300,
  run_at: now - 200,
  started_at: now - 100,
  finished_at: now - 90,
} as const;

const ROWS = [
  line({
    id: '3fa95c01d2e8b764',
    type: 'send_email',
    ...failed,
    error: 'connect ECONNREFUSED 10.0.4.17:5432',
  }),
  line({ id: '8c1e55d0aa67f29b', type: 'report', run_at: now + 3600 }),
  line({ id: '8c1e55d0aa67f29c', type: 'report', ...failed, error: 'no such user' }),
];

/** Programs that the examples call, and that must not run here. */
const STUBS: Record<string, string> = {
  queue: `exec "${process.execPath}" "${CLI}" "$@"`,
  npx: 'shift; exec queue "$@"',
  npm: 'exit 0',
  vi: 'exit 0',
  crontab:
    '[ "$1" = -l ] || exec cat > "$HOME/crontab"; [ ! -e "$HOME/crontab" ] || exec cat "$HOME/crontab"',
};

/** Files that the examples read. */
const FILES: Record<string, string> = {
  'order.json': '{ "order": 7 }',
  'orders.json': '[{ "order": 7 }, { "order": 8 }]',
  'jobs.csv': 'type,payload\nreport,"{""month"": 1}"\n',
  'customers.csv': 'name,payload\nAnn,"{""id"": 1}"\n',
  'old.tsv': `${HEADER}\n${ROWS[1]}`,
};

/** A project whose queue has what the examples name. */
async function template(t: TestContext): Promise<string> {
  const cwd = project(t, '{ "type": "module" }');
  await run(t, ['init'], { cwd });
  writeQueue(join(cwd, 'data/queue.tsv'), ...ROWS);
  mkdirSync(join(cwd, 'home/.config/fish/completions'), { recursive: true });
  for (const name of ['bin', 'backup', 'var/lib/prometheus/node-exporter'])
    mkdirSync(join(cwd, name), { recursive: true });
  for (const [name, script] of Object.entries(STUBS)) {
    writeFileSync(join(cwd, 'bin', name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(cwd, 'bin', name), 0o755);
  }
  const handlers = 'export const send_email = async () => {};\nexport const report = async () => {};\n';
  for (const name of ['handlers.js', 'workers/handlers.js']) writeFileSync(join(cwd, name), handlers);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(cwd, name), text);
  if (!withoutSqlite) sqliteOutbox(openDatabase(t, join(cwd, 'app.db'))).create();
  await run(t, ['schedule', 'add', 'nightly', 'backup', '--cron', '30 2 * * *'], { cwd });
  return cwd;
}

/** A copy of it for one example. */
function sandbox(t: TestContext, from: string) {
  const cwd = temporaryFolder(t);
  cpSync(from, cwd, { recursive: true, verbatimSymlinks: true });
  const PATH = `${join(cwd, 'bin')}:${dirname(process.execPath)}:${bareEnvironment.PATH}`;
  const env = {
    ...bareEnvironment,
    ...findDrivers,
    PATH,
    HOME: join(cwd, 'home'),
    QUEUE_FILE: join(cwd, 'data/queue.tsv'),
  };
  return { cwd, env };
}

/** Why an example can't be run here. */
function obstacle(example: string): string | undefined {
  if (example.startsWith('queue relay postgres')) return 'there is no such database';
  if (example.startsWith('queue relay') && withoutSqlite) return withoutSqlite;
  const shell = shellOf(example);
  const needed = [shell, ...(/\bjq\b/.test(example) ? ['jq'] : [])];
  const missing = needed.find((name) => spawnSync(name, ['--version']).error !== undefined);
  return missing && `${missing} is not installed`;
}

const shellOf = (example: string): string => (/completion zsh/.test(example) ? 'zsh' : 'bash');

test('every example does what it says', { concurrency: 3 }, async (t) => {
  const from = await template(t);
  const results = examples.map((example) =>
    t.test(example, { skip: obstacle(example) ?? false }, async (t) => {
      const { cwd, env } = sandbox(t, from);
      for (const [which, before] of BEFORE) if (which.test(example)) await inShell('bash', before, cwd, env);
      // Folders of the machine are folders of the project here.
      const own = anyPort(example).replaceAll(
        / "?\/(backup|var\/lib\/prometheus\/node-exporter)\//g,
        (path) => path.replace('/', `${cwd}/`),
      );
      const { code, stderr } = LASTING.test(example)
        ? await untilStopped(own, cwd, env)
        : await inShell(shellOf(example), own, cwd, env);
      const expected = ALARMS.test(example) ? 1 : 0;
      assert.equal(code, expected, `exits with ${code}: ${stderr}`);
      assert.doesNotMatch(stderr, /command not found|unknown option|error:/);
    }),
  );
  await Promise.all(results);
});

/** Lets a server of an example listen where nothing else does. */
const anyPort = (example: string): string =>
  example.startsWith('queue web') && !example.includes('--port') ? `${example} --port 0` : example;

/** Runs it in a terminal, where a person stops it once it shows something: by q for a screen, otherwise by ^C. */
async function untilStopped(example: string, cwd: string, env: NodeJS.ProcessEnv) {
  writeFileSync(join(cwd, 'example.sh'), example);
  const child = spawn('script', ['-qec', 'exec bash example.sh', '/dev/null'], { cwd, env, timeout: 60_000 });
  const [, shows, key] = UNTIL.find(([which]) => which.test(example)) as (typeof UNTIL)[number];
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!printed.includes(shows) && (printed + text).includes(shows)) child.stdin.write(key);
    printed += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  // ^C ends the other programs of a pipe as well.
  return { code: code === 130 && example.includes('|') ? 0 : code, stderr: printed };
}

const inShell = (shell: string, command: string, cwd: string, env: NodeJS.ProcessEnv) =>
  new Promise<{ code: number; stderr: string }>((resolve) => {
    // zsh knows `compdef` only in an interactive session.
    const before = shell === 'zsh' ? 'compdef() { :; }; ' : 'set -o pipefail; ';
    const child = execFile(
      shell,
      ['-c', before + command],
      { cwd, env, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
          stderr: stderr + stdout,
        }),
    );
    child.stdin?.end();
  });
