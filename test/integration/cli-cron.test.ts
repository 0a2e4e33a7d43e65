import assert from 'node:assert/strict';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, rowsOf, statesOf, writeQueue } from '../support/queue-file.js';
import { project, runAsCron } from './app-project.js';
import { records, run } from './cli-process.js';

describe('cron print', { concurrency: 2 }, () => {
  test('exits with 2 if the file is an address', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    for (const [args, env] of [
      [['--file', 'redis://host'], {}],
      [[], { QUEUE_FILE: 'redis://host' }],
    ] as const) {
      const { code, stdout } = await run(t, ['cron', 'print', ...args], { cwd, env });
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    }
  });

  test('prints a line that works as cron runs it, whatever the path', async (t) => {
    const cwd = project(t, '{}', `100% of Ann's "apps" $HOME`);
    await run(t, ['init'], { cwd });
    await run(t, ['add', 'hello'], { cwd });
    const { code, stdout, stderr } = await run(t, ['cron', 'print'], { cwd: join(cwd, 'workers') });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(
      stdout,
      /^\* \* \* \* \* cd .* && \/\S*node workers\/queue_worker\.js >> data\/worker\.log 2>&1\n$/,
    );
    assert.ok(stdout.includes('100\\% of Ann'));
    await runAsCron(stdout.trim());
    assert.deepEqual(
      rowsOf(join(cwd, 'data/queue.tsv')).map(({ status }) => status),
      ['completed'],
    );
  });

  for (const manifest of ['{}', '{"type": "module"}'])
    test(`names a queue that the worker would not find by itself ${manifest}`, async (t) => {
      const cwd = project(t, manifest);
      await run(t, ['init'], { cwd });
      const file = join(temporaryFolder(t), 'other.tsv');
      writeQueue(file, line({ id: jobId(1), type: 'hello', payload: 'null' }));
      const byOption = await run(t, ['cron', 'print', '--file', file], { cwd });
      const byEnvironment = await run(t, ['cron', 'print'], { cwd, env: { QUEUE_FILE: file } });
      assert.equal(byOption.stdout, byEnvironment.stdout);
      await runAsCron(byOption.stdout.trim());
      assert.deepEqual(statesOf(file), [`${jobId(1)} completed`]);
      assert.ok(existsSync(join(file, '../worker.log')));
    });

  test('names the folder as the shell does, because the target of a symlink may be gone with the next release', async (t) => {
    const real = project(t);
    await run(t, ['init'], { cwd: real });
    const current = join(temporaryFolder(t), 'current');
    symlinkSync(real, current);
    const { stdout } = await run(t, ['cron', 'print'], { cwd: real, env: { PWD: current } });
    assert.ok(stdout.includes(`cd ${current} && `), stdout);
    const own = await run(t, ['cron', 'print', '--file', 'data/queue.tsv'], {
      cwd: real,
      env: { PWD: current },
    });
    assert.equal(own.stdout, stdout);
    const within = join(temporaryFolder(t), 'within');
    symlinkSync(join(real, 'workers'), within);
    const inside = await run(t, ['cron', 'print'], { cwd: join(real, 'workers'), env: { PWD: within } });
    assert.ok(inside.stdout.includes(`cd ${real} && `), inside.stdout);
    const elsewhere = await run(t, ['cron', 'print'], { cwd: real, env: { PWD: '/' } });
    assert.ok(elsewhere.stdout.includes(`cd ${real} && `), elsewhere.stdout);
  });

  test('prints JSON and plain text', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    const { stdout } = await run(t, ['cron', 'print'], { cwd });
    const [{ line } = {}] = records((await run(t, ['cron', 'print', '--json'], { cwd })).stdout);
    assert.equal(`${line}\n`, stdout);
    assert.equal((await run(t, ['cron', 'print', '--plain'], { cwd })).stdout, stdout);
  });

  test('warns if the log can not be written because its folder is missing', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    const { code, stderr } = await run(t, ['cron', 'print', '--file', 'none/queue.tsv'], { cwd });
    assert.equal(code, 0);
    assert.equal(
      stderr,
      `queue: make the folder ${join(cwd, 'none')} first: without it the log can't be written\n`,
    );
  });

  test('exits with 3 if there is no worker, and names its path', async (t) => {
    const cwd = project(t);
    const { code, stdout, stderr } = await run(t, ['cron', 'print'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.ok(stderr.includes(join(cwd, 'workers/queue_worker.js')));
  });

  test('exits with 2 if a path contains a line end', async (t) => {
    const cwd = project(t, '{}', 'two\nlines');
    await run(t, ['init'], { cwd });
    const { code, stdout } = await run(t, ['cron', 'print'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  });

  test('exits with 2 without print, and explains the command', async (t) => {
    const { code, stderr } = await run(t, ['cron']);
    assert.equal(code, 2);
    assert.match(stderr, /^ {2}print \[options\] +\w/m);
  });
});
