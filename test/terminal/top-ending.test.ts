import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { sampleFile } from './sample.js';
import { Screen, SKIP } from './screen.js';

/*
 * However `queue top` ends, the terminal is the shell's again.
 */

const options = { skip: SKIP, timeout: 180_000 };

/** The shell's screen is back, with what stood there, and its terminal echoes and breaks lines as before. */
async function isSane(screen: Screen): Promise<void> {
  assert.equal(await screen.isAlternate(), false);
  await screen.shows('stood here before');
  await screen.line('stty -a');
  const lines = await screen.shows(/ -?icrnl[\s\S]* -?echo[ ;]/);
  const text = lines.join('\n');
  for (const setting of ['icanon', 'isig', 'echo', 'icrnl', 'opost'])
    assert.match(text, new RegExp(`(^|[\\s;])${setting}[\\s;]`), text);
  assert.equal(await screen.isCursorShown(), true);
}

async function openTop(t: import('node:test').TestContext, env: NodeJS.ProcessEnv = {}) {
  const screen = await Screen.open(t, { env });
  await screen.line('echo stood here before');
  const pid = await screen.top(sampleFile(t));
  assert.equal(await screen.isAlternate(), true);
  assert.equal(await screen.isCursorShown(), false);
  return { screen, pid };
}

for (const key of ['q', 'C-c'])
  test(`the terminal is given back on ${key}`, options, async (t) => {
    const { screen } = await openTop(t);
    await screen.keys(key);
    await screen.shows('code 0');
    await isSane(screen);
  });

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGINT', 130],
] as const)
  test(`the terminal is given back on ${signal}, and the exit code says so`, options, async (t) => {
    const { screen, pid } = await openTop(t);
    process.kill(pid, signal);
    await screen.shows(`code ${code}`);
    await isSane(screen);
  });

test('the terminal is given back on an uncaught error, which stands there', options, async (t) => {
  const hook = join(temporaryFolder(t), 'hook.mjs');
  writeFileSync(hook, "process.on('SIGUSR2', () => { throw new Error('broken on purpose'); });");
  const { screen, pid } = await openTop(t, { NODE_OPTIONS: `--import ${hook}` });
  process.kill(pid, 'SIGUSR2');
  await screen.shows('Error: broken on purpose');
  await screen.shows('code 1');
  await screen.line('clear; echo stood here before');
  await isSane(screen);
});

test('^Z gives the terminal to the shell, and fg shows the screen again', options, async (t) => {
  const { screen } = await openTop(t);
  await screen.keys('4');
  await screen.chooses('no user 7');
  for (let i = 0; i < 2; i++) {
    await screen.keys('C-z');
    await screen.shows('Stopped');
    await isSane(screen);
    await screen.line('clear; echo stood here before; fg');
    await screen.chooses('no user 7');
    assert.equal(await screen.isAlternate(), true);
    // It takes keys again.
    await screen.keys('5');
    await screen.shows('NEWEST');
    await screen.keys('4');
    await screen.chooses('no user 7');
  }
  await screen.keys('q');
  await screen.shows('shell>');
  // The list of commands with its code ended at the first ^Z.
  await screen.line('clear; echo stood here before');
  await isSane(screen);
});

test('without a terminal it is a usage error that names queue status', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  // Each end has a name of its own, because the one before stays on the screen until the shell clears it.
  for (const [i, pipe] of ['| cat', '< /dev/null'].entries()) {
    await screen.line(`clear; ${Screen.command(file)} ${pipe}; echo "pipe ${i}: code \${PIPESTATUS[0]}"`);
    await screen.shows(new RegExp(`needs a terminal[\\s\\S]*queue status[\\s\\S]*pipe ${i}: code 2`));
  }
  for (const [i, [wrong = '', text = '']] of [
    ['--json', 'queue top has no --json'],
    ['--interval 1ms', '--interval is 1ms'],
    ['--interval soon', '--interval is "soon"'],
  ].entries()) {
    await screen.line(`clear; ${Screen.command(file)} ${wrong}; echo "option ${i}: code $?"`);
    const lines = await screen.shows(`option ${i}: code 2`);
    assert.ok(lines.join('\n').includes(text), lines.join('\n'));
  }
  await screen.line(`clear; ${Screen.command(`${file}.none`)}; echo "code $?"`);
  await screen.shows(/there is no queue file at[\s\S]*code 3/);
});

test('--no-color shows the same without colours', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t), '--no-color');
  assert.doesNotMatch(await screen.styled(), /\[3[1-7]m/);
  await screen.keys('q');
  await screen.shows('code 0');
  await screen.line('clear');
  await screen.top(sampleFile(t));
  assert.match(await screen.styled(), /\[31m/);
});
