import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Command } from 'commander';
import { aboutOf } from '../../lib/cli/help.js';
import { EXAMPLES } from '../../lib/cli/overview.js';
import { wholeProgram } from '../../lib/cli/program.js';
import { bareEnvironment } from '../support/processes.js';
import { line, writeQueue } from '../support/queue-file.js';
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
const ALARMS = /^queue (check|status|cron check)\b/;
/** What has to be so that an example can do something. */
const BEFORE: readonly (readonly [RegExp, string])[] = [
  [/^queue (cancel|promote) 3fa9/, 'queue retry 3fa9 --delay 1h'],
  [/^queue resume/, 'queue pause webhook; queue pause'],
];

/** Those that would go on until a person stops them. */
const LASTING = /^queue (top|tail -f)\b/;

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

async function sandbox(t: TestContext) {
  const cwd = project(t);
  await run(t, ['init'], { cwd });
  writeQueue(join(cwd, 'data/queue.tsv'), ...ROWS);
  const home = join(cwd, 'home');
  mkdirSync(join(home, '.config/fish/completions'), { recursive: true });
  const bin = join(cwd, 'bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(STUBS)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const handlers = 'export const send_email = async () => {};\nexport const report = async () => {};\n';
  for (const name of ['handlers.js', 'workers/handlers.js']) writeFileSync(join(cwd, name), handlers);
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(cwd, 'order.json'), '{ "order": 7 }');
  const PATH = `${bin}:${dirname(process.execPath)}:${bareEnvironment.PATH}`;
  const env = { ...bareEnvironment, PATH, HOME: home, QUEUE_FILE: join(cwd, 'data/queue.tsv') };
  await run(t, ['schedule', 'add', 'nightly', 'backup', '--cron', '30 2 * * *'], { cwd, env });
  return { cwd, env };
}

/** Why an example can't be run here. */
function obstacle(example: string): string | undefined {
  const shell = shellOf(example);
  const needed = [shell, ...(/\bjq\b/.test(example) ? ['jq'] : [])];
  const missing = needed.find((name) => spawnSync(name, ['--version']).error !== undefined);
  return missing && `${missing} is not installed`;
}

const shellOf = (example: string): string => (/completion zsh/.test(example) ? 'zsh' : 'bash');

describe('examples', { concurrency: 3 }, () => {
  for (const example of examples) {
    test(example, { skip: obstacle(example) ?? false }, async (t) => {
      const { cwd, env } = await sandbox(t);
      const command = LASTING.test(example)
        ? `timeout --preserve-status -s INT 5 script -qec '${example}' /dev/null`
        : example;
      for (const [which, before] of BEFORE) if (which.test(example)) await inShell('bash', before, cwd, env);
      const { code, stderr } = await inShell(shellOf(example), command, cwd, env);
      const expected = ALARMS.test(example) ? 1 : 0;
      assert.equal(code, expected, `exits with ${code}: ${stderr}`);
      assert.doesNotMatch(stderr, /command not found|unknown option|error:/);
    });
  }
});

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
