import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { bareEnvironment } from '../support/processes.js';
import { jobId, line, rowsOf, text, writeQueue } from '../support/queue-file.js';
import { until } from '../support/waiting.js';
import { CLI, start } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * What import, export, backup and doctor --fix do on a terminal, and when a person ends them there.
 */

const skip = spawnSync('script', ['--version']).status === 0 ? false : 'takes the program script';

/** What removes the line that the cursor is in. */
const CLEAR = '\r\u001b[K';

/** What a command says on a terminal. @param answer what the person types when it asks */
async function onTerminal(file: string, command: string, answer = ''): Promise<string> {
  const child = spawn('script', ['-qec', `${process.execPath} ${CLI} ${command}`, '/dev/null'], {
    env: { ...bareEnvironment, QUEUE_FILE: file },
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    if (!said.includes('[y/N]') && `${said}${part}`.includes('[y/N]')) child.stdin.write(`${answer}\n`);
    said += part;
  });
  await once(child, 'close');
  return said.replaceAll('\r\n', '\n');
}

test('import shows how far it is, and leaves nothing of that on the screen', { skip }, async (t) => {
  const { file } = of(t);
  const path = join(dirname(file), 'jobs.csv');
  writeFileSync(path, `type,payload\n${'email,"{""text"":""much of it""}"\n'.repeat(60_000)}`);
  const said = await onTerminal(file, `import ${path}`);
  const lines = said.split(CLEAR);
  assert.match(lines[1] ?? '', /^\[#*-*\] \d+ % \d+ jobs checked$/);
  assert.equal(lines.at(-1), 'queue: 60000 jobs (60000 email) imported\n');
  const quiet = await onTerminal(file, `import ${path} --plain`);
  assert.equal(quiet, '60000\t0\t0\n');
});

test('export obeys nothing on a terminal that a job holds', { skip }, async (t) => {
  const nasty = 'a\u001b[2J\u202eb';
  const { file } = of(t, line({ id: jobId(1), error: nasty, payload: JSON.stringify(nasty), group: nasty }));
  for (const format of ['tsv', 'csv', 'jsonl']) {
    const said = await onTerminal(file, `export --format ${format}`);
    assert.match(said, /a\\+u001b\[2J\\+u202eb/, format);
    assert.ok(!said.includes('\u001b') && !said.includes('\u202e'), format);
  }
});

test('doctor --fix asks, and does nothing without a yes', { skip }, async (t) => {
  const { file } = of(t, line({ id: jobId(1) }), 'half a line\n');
  const before = text(file);
  for (const answer of ['', 'n']) {
    const said = await onTerminal(file, 'doctor --fix', answer);
    assert.match(
      said,
      /^to repair:\nunreadable: line 4: [\s\S]*repair this\? \[y\/N\][\s\S]*queue: nothing was changed\n$/,
    );
    assert.equal(text(file), before);
  }
  assert.match(await onTerminal(file, 'doctor --fix', 'y'), /after the repair:\nok\n$/);
  assert.equal(text(`${file}.aside`).split('\n')[1], 'half a line');
});

test('export and backup that a person ends leave no half a file', async (t) => {
  const { file } = of(t);
  writeQueue(
    file,
    ...Array.from({ length: 40_000 }, (_, i) => line({ id: jobId(i + 1), payload: '"x"'.repeat(1) })),
  );
  const rows = rowsOf(file).length;
  for (const command of ['export', 'backup']) {
    const path = join(dirname(file), `${command}.gz`);
    const { child, ended } = start(t, [command, path], { env: { QUEUE_FILE: file } });
    const isBegun = (): boolean =>
      child.exitCode !== null || readdirSync(dirname(file)).some((name) => name.startsWith(`${command}.gz.`));
    await until('it has begun', isBegun);
    child.kill('SIGINT');
    const { code, signal } = await ended;
    // It may have been done by then.
    assert.ok(signal === 'SIGINT' || code === 0, `${code} ${signal}`);
    assert.deepEqual(
      readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')),
      [],
    );
  }
  assert.equal(rowsOf(file).length, rows);
});

test('a backup that waits for the lock ends at once if a person ends it', async (t) => {
  const { file } = of(t, line({ id: jobId(1) }));
  const env = { QUEUE_FILE: file };
  const holder = start(t, ['lock', '--', 'sh', '-c', 'echo held; read -r line'], { env });
  await holder.said('held');
  const path = join(dirname(file), 'copy.tsv');
  const { child, ended } = start(t, ['backup', path, '--lock-timeout', '10m'], { env });
  const copies = (): string[] => readdirSync(dirname(file)).filter((name) => name.startsWith('copy.tsv'));
  await until('it has begun', () => copies().length > 0);
  child.kill('SIGINT');
  assert.equal((await ended).signal, 'SIGINT');
  assert.deepEqual(copies(), []);
  holder.child.stdin.end('go\n');
  assert.equal((await holder.ended).code, 0);
});
