import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root, temporaryFolder } from '../support/folders.js';
import { line, writeQueue } from '../support/queue-file.js';
import { fields, fiveStates, records, run, runOn } from './cli-process.js';

describe('a queue file that is not there', { concurrency: 3 }, () => {
  for (const args of [
    ['list'],
    ['show', 'aa'],
    ['cancel', 'aa'],
    ['retry', 'aa'],
    ['stats'],
    ['compact'],
    ['lock', '--', 'true'],
    ['unlock'],
    ['doctor'],
    ['check'],
    ['work', 'handlers.js'],
  ])
    test(`${args[0]} exits with 3, and names its absolute path`, async (t) => {
      const cwd = temporaryFolder(t);
      const { code, stdout, stderr } = await run(t, ['--file', 'data/none.tsv', ...args], { cwd });
      assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
      assert.match(stderr, new RegExp(`^queue: .*${join(cwd, 'data/none.tsv')}.*\n$`));
      assert.equal(existsSync(join(cwd, 'data')), false);
    });

  test('exits with 3 if there is no project to look in', async (t) => {
    const { code, stderr } = await run(t, ['list'], { cwd: temporaryFolder(t) });
    assert.equal(code, 3);
    assert.match(stderr, /no package\.json at or above .*QUEUE_FILE/);
  });
});

describe('global options', { concurrency: 3 }, () => {
  test('are accepted before and after the command', async (t) => {
    const { file } = fiveStates(t);
    const outputs = await Promise.all(
      [
        ['--file', file, '--json', 'list', '--limit', '1'],
        ['list', '--limit', '1', '--json', '-f', file],
        ['--json', 'list', `--file=${file}`, '--limit', '1'],
      ].map((args) => run(t, args)),
    );
    for (const { code, stdout } of outputs) {
      assert.equal(code, 0);
      assert.equal(records(stdout)[0]?.id, 'aa00000000000001');
    }
  });

  test('--file wins over QUEUE_FILE, which wins over the project', async (t) => {
    const { file, queue } = fiveStates(t);
    const other = join(temporaryFolder(t), 'other.tsv');
    writeQueue(other, line({ id: 'other' }));
    assert.equal(fields((await queue('list', '--plain', '--file', other)).stdout)[0]?.[0], 'other');

    const project = temporaryFolder(t);
    writeFileSync(join(project, 'package.json'), '{}');
    mkdirSync(join(project, 'data'));
    mkdirSync(join(project, 'src'));
    symlinkSync(other, join(project, 'data/queue.tsv'));
    const cwd = join(project, 'src');
    assert.equal(fields((await run(t, ['list', '--plain'], { cwd })).stdout)[0]?.[0], 'other');
    const { stdout } = await run(t, ['list', '--plain'], { cwd, env: { QUEUE_FILE: file } });
    assert.equal(fields(stdout)[0]?.[0], 'aa00000000000001');
  });

  test('--json and --plain exclude each other', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stderr } = await queue('list', '--json', '--plain');
    assert.equal(code, 2);
    assert.match(stderr, /'--json' cannot be used with option '--plain'/);
  });

  test('--version prints the version of the package', async (t) => {
    const { default: manifest } = await import(join(root, 'package.json'), { with: { type: 'json' } });
    for (const args of [['--version'], ['-V']]) {
      assert.deepEqual(await run(t, args), {
        code: 0,
        signal: null,
        stdout: `${manifest.version}\n`,
        stderr: '',
      });
    }
  });
});

describe('help', { concurrency: 3 }, () => {
  const commands = [
    ...[
      'add',
      'list',
      'show',
      'cancel',
      'retry',
      'work',
      'stats',
      'check',
      'doctor',
      'compact',
      'lock',
      'unlock',
    ],
    ...['cron', 'init'],
  ];

  test('lists the commands and the exit codes', async (t) => {
    const { code, stdout, stderr } = await run(t, ['--help']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    for (const name of commands) assert.match(stdout, new RegExp(`^  ${name} +\\w`, 'm'));
    for (const exitCode of [0, 1, 2, 3, 75]) assert.match(stdout, new RegExp(`^  ${exitCode} +\\w`, 'm'));
    assert.match(stdout, /QUEUE_FILE/);
    assert.deepEqual((await run(t, ['help'])).stdout, stdout);
  });

  for (const name of commands)
    test(`of ${name} has examples and the global options`, async (t) => {
      const { code, stdout, stderr } = await run(
        t,
        name === 'cron' ? ['cron', 'print', '--help'] : ['help', name],
      );
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, /\nExamples:\n {2}\$ (npm|queue|.*queue)/);
      assert.match(stdout, /--file <path>/);
      assert.match(stdout, /--lock-timeout <time>/);
    });

  test('is shown on stderr if no command is named, and the exit code is 2', async (t) => {
    const { code, stdout, stderr } = await run(t, []);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /^Usage: queue/);
  });

  test('an unknown command is a usage error that suggests one', async (t) => {
    const { code, stderr } = await run(t, ['lst']);
    assert.equal(code, 2);
    assert.match(stderr, /unknown command 'lst'\n\(Did you mean list\?\)/);
  });
});

test('a file that is not a queue exits with 1, without a stack', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, 'name\tphone\n');
  const { code, stdout, stderr } = await runOn(t, file)('list');
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /^queue: .*queue\.tsv.*header.*\n$/);
});
