import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';
import { project } from './app-project.js';
import { run } from './cli-process.js';

/*
 * `queue cron install` and the like, with a `crontab` command that keeps the crontab in a file: the one of the machine
 * belongs to the person who runs the tests. test/cron does it with a real one.
 */

/** What the command of Debian does: it takes a crontab from stdin, and refuses one whose last line has no end. */
const CRONTAB = `#!/bin/sh
if [ "$1" = -l ]; then
  [ -e "$FILE" ] || { echo "no crontab for ann" >&2; exit 1; }
  exec cat "$FILE"
fi
cat > "$FILE.new"
if [ -n "$(tail -c 1 "$FILE.new")" ]; then echo 'new crontab file is missing newline before EOF' >&2; exit 1; fi
mv "$FILE.new" "$FILE"
`;

async function setup(t: TestContext) {
  const folder = temporaryFolder(t);
  const file = join(folder, 'ann');
  writeFileSync(join(folder, 'crontab'), CRONTAB);
  chmodSync(join(folder, 'crontab'), 0o755);
  const cwd = project(t, '{}', '50% of "it"');
  const PATH = `${folder}:${bareEnvironment.PATH}`;
  const cron = (...args: string[]) => run(t, ['cron', ...args], { cwd, env: { PATH, FILE: file } });
  await run(t, ['init'], { cwd });
  const line = (await cron('print')).stdout;
  return { cron, cwd, file, line };
}

const bytes = (file: string): string => readFileSync(file, 'latin1');

test('install makes a crontab, or adds the line to one whose other lines stay byte for byte', async (t) => {
  const { cron, file, line } = await setup(t);
  const first = await cron('install');
  assert.deepEqual([first.code, first.stdout, first.stderr], [0, line, 'queue: added to your crontab:\n']);
  assert.equal(bytes(file), line);
  for (const [before, end] of [
    ['# caf\xe9\r\n\n  MAILTO=""\n*/5 * * * *\tcd /x && %\n', ''],
    ['# caf\xe9\n@daily x', '\n'],
  ]) {
    writeFileSync(file, before as string, 'latin1');
    assert.equal((await cron('install')).code, 0);
    assert.equal(bytes(file), `${before}${end}${line}`);
    const again = await cron('install');
    assert.deepEqual([again.code, again.stderr], [0, 'queue: the crontab has the line already\n']);
    assert.equal(bytes(file), `${before}${end}${line}`);
  }
});

test('lines that name another file whose path holds that of the worker are no lines of it', async (t) => {
  const { cron, cwd, file, line } = await setup(t);
  const folder = cwd.replace('%', '\\%');
  const others = [
    `@daily '/mnt${folder}/workers/queue_worker.js'`,
    `@daily cd '${folder}' && node workers/queue_worker.json`,
    `@daily cd '${folder}' && node old/workers/queue_worker.js`,
  ].map((text) => `${text}\n`);
  writeFileSync(file, others.join(''));
  assert.equal((await cron('install', '--replace')).code, 0);
  assert.equal(bytes(file), `${others.join('')}${line}`);
  assert.equal((await cron('uninstall')).code, 0);
  assert.equal(bytes(file), others.join(''));
});

test('an empty crontab, which uninstall may leave, gets the line alone', async (t) => {
  const { cron, file, line } = await setup(t);
  await cron('install');
  await cron('uninstall');
  assert.equal(bytes(file), '');
  await cron('install');
  assert.equal(bytes(file), line);
});

test('--replace tells the lines that it removes', async (t) => {
  const { cron, cwd, file, line } = await setup(t);
  const own = `@hourly cd '${cwd.replace('%', '\\%')}' && ./workers/queue_worker.js\n`;
  writeFileSync(file, own);
  const { stderr } = await cron('install', '--replace');
  assert.equal(stderr, `queue: removed from your crontab: ${own}queue: replaced in your crontab:\n`);
  assert.equal(bytes(file), line);
});

test('a line that a person has changed stays, unless --replace is given', async (t) => {
  const { cron, cwd, file, line } = await setup(t);
  const own = line.replace('* * * * *', '*/2 * * * *');
  const lines = (text: string): string => `@daily x\n${text}# end\n`;
  writeFileSync(file, lines(own));
  const refused = await cron('install');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /another line starts this worker, and stays: \*\/2 /);
  assert.equal(bytes(file), lines(own));
  const { stdout } = await cron('install', '--replace', '--linger', '55s');
  assert.match(stdout, / QUEUE_LINGER=55s /);
  assert.equal(bytes(file), lines(stdout));
  // One that starts the script by its path, and one of another project, whose name begins alike.
  const script = `@hourly '${cwd.replace('%', '\\%')}/workers/queue_worker.js'\n`;
  const other = line.replace(`of "it"'`, `of "it" 2'`);
  assert.notEqual(other, line);
  writeFileSync(file, `${other}${script}`);
  assert.equal((await cron('install')).code, 1);
  await cron('install', '--replace');
  assert.equal(bytes(file), `${other}${line}`);
});

test('uninstall removes the lines of this project, and no other', async (t) => {
  const { cron, file, line } = await setup(t);
  const others = ['# before\n', `# ${line}`, '@daily x'];
  writeFileSync(file, others.join(''));
  assert.equal((await cron('install')).code, 0);
  const { code, stdout } = await cron('uninstall');
  assert.deepEqual([code, stdout], [0, line]);
  assert.equal(bytes(file), `${others.join('')}\n`);
  const again = await cron('uninstall');
  assert.deepEqual([again.code, again.stdout], [0, '']);
  assert.match(again.stderr, /no line of your crontab starts/);
});

test('a crontab that can not be read, written or run changes nothing', async (t) => {
  const { cron, cwd, file } = await setup(t);
  writeFileSync(file, 'x\n');
  for (const [script, said] of [
    [
      '#!/bin/sh\necho "You (ann) are not allowed to use this program (crontab)" >&2\nexit 1\n',
      /not allowed/,
    ],
    [
      '#!/bin/sh\n[ "$1" = -l ] && exec cat "$FILE"\necho "errors in crontab" >&2\nexit 1\n',
      /errors in crontab/,
    ],
    ['#!/bin/sh\n[ "$1" = -l ] && exec cat "$FILE"\ncat > /dev/null\n', /not what was written/],
  ] as const) {
    writeFileSync(join(file, '../crontab'), script);
    const { code, stderr } = await cron('install');
    assert.equal(code, 1);
    assert.match(stderr, said);
    assert.equal(bytes(file), 'x\n');
  }
  rmSync(join(file, '../crontab'));
  const { code, stderr } = await run(t, ['cron', 'install'], { cwd, env: { PATH: '/nowhere' } });
  assert.equal(code, 1);
  assert.match(stderr, /crontab could not be run .*queue cron print prints the line/);
});

test('check names what is wrong with the line, the node, the script and the last worker', async (t) => {
  const { cron, cwd, file, line } = await setup(t);
  const problems = async () => {
    const { code, stdout } = await cron('check', '--plain');
    assert.equal(code, 1);
    return stdout;
  };
  assert.match(await problems(), /^no line of your crontab starts the worker/m);
  writeFileSync(file, line);
  assert.match(await problems(), /^no worker has looked at .*queue\.tsv yet/m);
  const node = / && (\S+) workers/.exec(line)?.[1] as string;
  writeFileSync(file, line.replace(node, '/old/node'));
  assert.match(await problems(), /^its node is gone: \/old\/node; queue cron install --replace/m);
  writeFileSync(file, `PATH=/nowhere\n${line.replace(node, 'node')}`);
  assert.match(await problems(), /^cron doesn't find node in its PATH, \/nowhere/m);
  writeFileSync(file, line);
  rmSync(join(cwd, 'workers/queue_worker.js'));
  assert.match(await problems(), /^there is no worker at/m);
  assert.equal(existsSync(file), true);
});
