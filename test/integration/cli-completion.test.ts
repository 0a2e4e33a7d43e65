import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { run } from './cli-process.js';

/*
 * What a shell offers after the script that `queue completion` prints: asked of the real shells.
 */

/** A line with the cursor at its end, what has to be offered, and what must not be. */
const LINES: readonly (readonly [line: string, offered: readonly string[], others: readonly string[]])[] = [
  ['queue l', ['list', 'lock'], ['status', '--json']],
  ['queue -f x.tsv l', ['list', 'lock'], ['status']],
  ['queue list --s', ['--status'], ['--dry-run']],
  ['queue list --status c', ['completed', 'cancelled'], ['failed', 'list']],
  ['tsvq add --on-duplicate re', ['return', 'reject', 'replace'], ['update']],
  ['queue schedule p', ['pause'], ['print', 'promote']],
  ['queue schedule add --ov', ['--overlap'], ['--status']],
  ['queue cron in', ['install'], ['init']],
  ['queue --file m', ['my.tsv'], ['list']],
];

async function setup(t: TestContext, shell: string) {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'my.tsv'), '');
  const { code, stdout } = await run(t, ['completion', shell]);
  assert.equal(code, 0);
  const script = join(cwd, `script.${shell}`);
  writeFileSync(script, stdout);
  return { cwd, script };
}

/** Why a shell can't be asked. */
const missing = (shell: string): string | false =>
  spawnSync(shell, ['-c', 'true']).error === undefined ? false : `${shell} is not installed`;

function check(line: string, words: readonly string[]): void {
  const [, offered, others] = LINES.find(([each]) => each === line) as (typeof LINES)[number];
  for (const word of offered)
    assert.ok(words.includes(word), `${line}: ${word} is not in ${words.join(' ')}`);
  for (const word of others) assert.ok(!words.includes(word), `${line}: ${word} is in ${words.join(' ')}`);
}

test('bash completes commands, options and values', { skip: missing('bash') }, async (t) => {
  const { cwd, script } = await setup(t, 'bash');
  for (const [line] of LINES) {
    const ask = `source "$1"; read -ra COMP_WORDS <<< "$2"; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _queue
      printf '%s\\n' "\${COMPREPLY[@]}"; complete -p queue tsvq >&2`;
    const words = execFileSync('bash', ['--norc', '-c', ask, 'bash', script, line], {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    check(line, words.split('\n'));
  }
});

test('fish completes commands, options and values', { skip: missing('fish') }, async (t) => {
  const { cwd, script } = await setup(t, 'fish');
  for (const [line] of LINES) {
    const env = { ...process.env, HOME: cwd };
    const ask = ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line];
    const words = execFileSync('fish', ask, { cwd, env, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
    check(
      line,
      words.split('\n').map((text) => text.split('\t')[0] as string),
    );
  }
});

test('zsh completes commands, options and values', { skip: missing('zsh') }, async (t) => {
  const { cwd, script } = await setup(t, 'zsh');
  mkdirSync(join(cwd, 'home'));
  for (const [line] of LINES) {
    // It completes only in a terminal. What it would insert or list is written by a function of its own instead.
    const child = spawn('zsh', ['-f'], {
      cwd,
      env: { ...process.env, HOME: join(cwd, 'home') },
      timeout: 60_000,
      stdio: 'pipe',
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    child.stderr.resume();
    child.stdin.end(askZsh(script, line));
    await new Promise((resolve) => child.once('close', resolve));
    check(line, printed.split(/[\n\0]/));
  }
});

/** Returns what makes zsh complete a line in a terminal of its own, and print all that it would offer. */
const askZsh = (script: string, line: string): string => `
zmodload zsh/zpty
zpty terminal zsh -f -i
tell() { zpty -w terminal "$1" }
tell 'PS1=; autoload -U compinit; compinit -u -D; source ${script}'
# Each match goes through this function.
tell 'compadd() { [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]] && { builtin compadd "$@"; return }; typeset -a all; builtin compadd -A all "$@"; builtin compadd "$@"; print -rl -- "offer:"\${^all} >> ${script}.out }'
tell 'bindkey "^I" complete-word; print -r READ""Y'
zpty -r terminal answer '*READY*'
zpty -w -n terminal '${line}'$'\\t'
zpty -w -n terminal $'\\C-e\\C-u'
tell 'print -r DO""NE'
zpty -r terminal answer '*DONE*'
[[ -e ${script}.out ]] && sed 's/^offer://' ${script}.out
rm -f ${script}.out
zpty -d terminal
`;

test('another shell is refused', async (t) => {
  const { code, stderr } = await run(t, ['completion', 'tcsh']);
  assert.equal(code, 2);
  assert.match(stderr, /Allowed choices are bash, zsh, fish/);
});
