import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { jobId, line, NINE, root, rowsOf, statesOf, temporaryFolder, writeQueue } from '../helpers.js';
import { fields, lines, records, run, runOn } from './cli-process.js';

/** A queue file of one job in each state, and the command on it. */
function fiveStates(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    line({ id: 'aa00000000000001', payload: '{"to":"ann@example.com"}' }),
    line({
      id: 'aa00000000000002',
      status: 'processing',
      attempts: 1,
      started_at: 1000,
      locked_by: 'elsewhere.boot.1.2.3.4',
    }),
    line({
      id: 'bb00000000000003',
      status: 'completed',
      attempts: 1,
      started_at: 1000,
      finished_at: 1002,
      result: '[1]',
    }),
    line({
      id: 'bb00000000000004',
      type: 'report',
      status: 'failed',
      attempts: 3,
      error: 'Error: no\\n    at work',
      finished_at: 1003,
    }),
    line({ id: 'cc00000000000005', status: 'cancelled', finished_at: 1004 }),
  );
  return { file, queue: runOn(t, file) };
}

describe('add', { concurrency: 3 }, () => {
  test('makes the file, and prints only the id', async (t) => {
    const file = join(temporaryFolder(t), 'new/queue.tsv');
    const { code, stdout, stderr } = await runOn(t, file)('add', 'email', '{"to": "ann@example.com"}');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^[0-9a-f]{16}\n$/);
    const [row] = rowsOf(file);
    assert.deepEqual(
      [row?.id, row?.type, row?.payload],
      [stdout.trim(), 'email', '{"to":"ann@example.com"}'],
    );
  });

  test('takes the options of enqueue', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const { stdout } = await runOn(t, file)(
      ...['add', 'email', '--run-at', '2030-01-31T09:00:00Z', '--priority', '-2.5'],
      ...['--max-attempts', '7', '--timeout', '2m', '--json'],
    );
    const [{ id } = {}] = records(stdout);
    const [row] = rowsOf(file);
    assert.deepEqual(
      [row?.id, row?.run_at, row?.priority, row?.max_attempts, row?.timeout, row?.payload],
      [id, '1896080400', '-2.5', '7', '120', 'null'],
    );
  });

  test('takes Unix seconds, and a delay', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    await runOn(t, file)('add', 'email', '--run-at', '1896080400.5');
    await runOn(t, file)('add', 'email', '--delay', '2h');
    const [at, later] = rowsOf(file);
    assert.equal(at?.run_at, '1896080400.5');
    assert.equal(Number(later?.run_at) - Number(later?.created_at), 7200);
  });

  test('- reads the payload from stdin', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const env = { QUEUE_FILE: file };
    const { code } = await run(t, ['add', 'email', '-'], { env, input: '\uFEFF{"long":\n[1, 2]}\n' });
    assert.equal(code, 0);
    assert.equal(rowsOf(file)[0]?.payload, '{"long":[1,2]}');
    const empty = await run(t, ['add', 'email', '-'], { env, input: '' });
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /^queue: stdin is not JSON: .*\n$/);
  });

  test('a negative number is a payload, not an option', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    await runOn(t, file)('add', 'email', '-5');
    assert.equal(rowsOf(file)[0]?.payload, '-5');
  });

  for (const [what, args, message] of [
    ['a payload that is no JSON', ['email', '{to: 1}'], /the payload \{to: 1\} is not JSON: .*position 1/],
    ['a type that no job can have', ['pending'], /type is "pending"/],
    ['a priority that is no number', ['email', '--priority', 'high'], /priority is NaN/],
    ['a delay that is none', ['email', '--delay', 'soon'], /delay is "soon"/],
    ['a time without an offset', ['email', '--run-at', '2030-01-31T09:00:00'], /runAt is "2030/],
    ['milliseconds', ['email', '--run-at', '1896080400000'], /looks like milliseconds/],
    ['an unknown option', ['email', '--queue', 'x'], /unknown option '--queue'/],
    ['one argument too many', ['email', '1', '2'], /too many arguments/],
    ['no type', [], /missing required argument 'type'/],
  ] as const)
    test(`${what} is a usage error, and adds nothing`, async (t) => {
      const file = join(temporaryFolder(t), 'queue.tsv');
      const { code, stdout, stderr } = await runOn(t, file)('add', ...args);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      assert.match(stderr, message);
      assert.match(stderr, /^queue: /);
      assert.doesNotMatch(stderr, /^ +at /m);
      assert.equal(existsSync(file), false);
    });
});

describe('list', { concurrency: 3 }, () => {
  test('prints a table for people', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stdout, stderr } = await queue('list');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const [head = '', ...rows] = lines(stdout);
    const columns = ['ID', 'TYPE', 'STATUS', 'ATTEMPTS', 'RUN AT', 'TIME', 'ERROR'];
    const starts = columns.map((name) => head.indexOf(name));
    const cells = rows.map((row) => starts.map((from, i) => row.slice(from, starts[i + 1]).trimEnd()));
    assert.deepEqual(cells[0]?.slice(0, 5), [
      'aa00000000000001',
      'email',
      'pending',
      '0',
      '1970-01-01T00:16:40Z',
    ]);
    assert.match(cells[0]?.[5] ?? '', /^due \d+d$/);
    assert.match(cells[1]?.[5] ?? '', /^runs \d+d$/);
    assert.equal(cells[2]?.[5], 'took 2s');
    assert.deepEqual(cells[3]?.slice(0, 4), ['bb00000000000004', 'report', 'failed', '3']);
    assert.equal(cells[3]?.[6], 'Error: no');
  });

  test('--json prints the jobs of the API', async (t) => {
    const { queue } = fiveStates(t);
    const { stdout } = await queue('list', '--json');
    const jobs = records(stdout);
    assert.equal(jobs.length, 5);
    assert.deepEqual(jobs[2], {
      id: 'bb00000000000003',
      type: 'email',
      payload: {},
      status: 'completed',
      createdAt: '1970-01-01T00:16:40.000Z',
      runAt: '1970-01-01T00:16:40.000Z',
      attempts: 1,
      forgiven: 0,
      priority: 0,
      result: [1],
      startedAt: '1970-01-01T00:16:40.000Z',
      finishedAt: '1970-01-01T00:16:42.000Z',
    });
  });

  test('--plain prints fields, without a header', async (t) => {
    const { queue } = fiveStates(t);
    const rows = fields((await queue('list', '--plain')).stdout);
    assert.deepEqual(rows[3], [
      ...[
        'bb00000000000004',
        'report',
        'failed',
        '3',
        '1970-01-01T00:16:40.000Z',
        '1970-01-01T00:16:40.000Z',
      ],
      ...['', '1970-01-01T00:16:43.000Z', 'Error: no\\n    at work'],
    ]);
    assert.ok(rows.every((row) => row.length === 9));
  });

  for (const [args, ids] of [
    [['--status', 'failed'], ['bb00000000000004']],
    [
      ['--status', 'pending', 'processing'],
      ['aa00000000000001', 'aa00000000000002'],
    ],
    [['--type', 'report'], ['bb00000000000004']],
    [
      ['--limit', '2'],
      ['aa00000000000001', 'aa00000000000002'],
    ],
    [['--status', 'cancelled', '--type', 'report'], []],
    [['--limit', '0'], []],
  ] as const)
    test(args.join(' '), async (t) => {
      const { queue } = fiveStates(t);
      const { code, stdout } = await queue('list', '--plain', ...args);
      assert.equal(code, 0);
      assert.deepEqual(
        fields(stdout).map(([id]) => id),
        ids,
      );
    });

  test('an empty result is a message for people, and nothing for programs', async (t) => {
    const { queue, file } = fiveStates(t);
    const human = await queue('list', '--type', 'none');
    assert.deepEqual(human, {
      code: 0,
      signal: null,
      stdout: '',
      stderr: `queue: no such jobs in ${file}\n`,
    });
    const { stdout, stderr } = await queue('list', '--type', 'none', '--json');
    assert.deepEqual({ stdout, stderr }, { stdout: '', stderr: '' });
  });

  test('a status that there is not, or a limit that is none, is a usage error', async (t) => {
    const { queue } = fiveStates(t);
    const status = await queue('list', '--status', 'done');
    assert.equal(status.code, 2);
    assert.match(status.stderr, /'done' is invalid.*pending, processing, completed, failed, cancelled/);
    assert.equal((await queue('list', '--limit', 'all')).code, 2);
  });

  test('reads the file of dbbasic-queue', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeFileSync(file, `${NINE}\n${line({ id: 'x1' }, NINE.split('\t'))}`);
    const { stdout } = await runOn(t, file)('list', '--plain');
    assert.deepEqual(fields(stdout)[0]?.slice(0, 3), ['x1', 'email', 'pending']);
  });
});

describe('show', { concurrency: 3 }, () => {
  test('tells all of a job', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stdout, stderr } = await queue('show', 'bb00000000000004');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^id +bb00000000000004$/m);
    assert.match(stdout, /^type +report$/m);
    assert.match(stdout, /^status +failed$/m);
    assert.match(stdout, /^attempts +3$/m);
    assert.match(stdout, /^finished +1970-01-01T00:16:43Z {2}\(\d+d ago\)$/m);
    assert.match(stdout, /^error\n {2}Error: no\n {6}at work$/m);
  });

  test('prints payload and result pretty, and who runs it', async (t) => {
    const { queue } = fiveStates(t);
    assert.match(
      (await queue('show', 'aa00000000000001')).stdout,
      /^payload\n {2}\{\n {4}"to": "ann@example.com"\n {2}\}$/m,
    );
    assert.match((await queue('show', 'bb00000000000003')).stdout, /^result\n {2}\[\n {4}1\n {2}\]$/m);
    assert.match(
      (await queue('show', 'aa00000000000002')).stdout,
      /^worker +elsewhere.boot.1.2.3.4 {2}\(unknown\)$/m,
    );
  });

  test('--json prints one object, --plain a field a line', async (t) => {
    const { queue } = fiveStates(t);
    const [job] = records((await queue('show', 'cc', '--json')).stdout);
    assert.equal(job?.status, 'cancelled');
    const plain = Object.fromEntries(fields((await queue('show', 'bb00000000000004', '--plain')).stdout));
    assert.equal(plain.status, 'failed');
    assert.equal(plain.payload, '{}');
    assert.equal(plain.error, 'Error: no\\n    at work');
    assert.equal(plain.finished_at, '1970-01-01T00:16:43.000Z');
  });

  test('finds an archived job with --archive only', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stdout, stderr } = await queue('compact', '--plain');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(fields(stdout)[0]?.slice(0, 3), ['2', '3', '0']);
    assert.deepEqual(statesOf(file), ['aa00000000000001 pending', 'aa00000000000002 processing']);

    const without = await queue('show', 'bb00000000000003');
    assert.equal(without.code, 3);
    assert.match(without.stderr, /no job bb00000000000003 .*--archive/);
    for (const id of ['bb00000000000003', 'bb00000000000003'.slice(0, 15).concat('3'), 'cc']) {
      assert.equal((await queue('show', '--archive', id)).code, 0, id);
    }
    const ambiguous = await queue('show', '--archive', 'bb');
    assert.equal(ambiguous.code, 2);
    assert.match(ambiguous.stderr, /bb00000000000003, bb00000000000004/);
    assert.match(
      (await queue('show', '--archive', 'bb00000000000003')).stdout,
      /^status +completed, took 2s$/m,
    );
  });

  test('says that a job is held', async (t) => {
    const { queue, file } = fiveStates(t);
    writeFileSync(file, 'aa00000000000001\tbroken\n', { flag: 'a' });
    const { code, stderr } = await queue('show', 'aa00000000000001');
    assert.equal(code, 0);
    assert.match(stderr, /^queue: job aa00000000000001 is held: .*queue doctor\n$/);
  });
});

describe('an ID', { concurrency: 3 }, () => {
  test('may be shortened while only one begins so', async (t) => {
    const { queue, file } = fiveStates(t);
    assert.equal((await queue('show', 'cc')).code, 0);
    const { code, stderr } = await queue('cancel', 'aa00000000000001', 'cc');
    // One is finished already; the other is cancelled all the same.
    assert.equal(code, 1);
    assert.match(stderr, /^queue: cancelled aa00000000000001 \(email\)$/m);
    assert.match(stderr, /^queue: job cc00000000000005 \(email\) is cancelled; only/m);
    assert.ok(statesOf(file).includes('aa00000000000001 cancelled'));
  });

  test('that several begin with is a usage error that names them, and changes nothing', async (t) => {
    const { queue, file } = fiveStates(t);
    const before = statesOf(file);
    const { code, stderr } = await queue('cancel', 'cc', 'aa');
    assert.equal(code, 2);
    assert.match(stderr, /^queue: aa could be aa00000000000001, aa00000000000002; give more/);
    assert.deepEqual(statesOf(file), before);
  });

  test('in full is meant even where another begins with it', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(
      file,
      line({ id: 'job1' }),
      line({ id: 'job12' }),
      line({ id: 'job1', status: 'failed', version: 2 }),
    );
    const { stdout } = await runOn(t, file)('show', 'job1', '--json');
    assert.deepEqual([records(stdout)[0]?.id, records(stdout)[0]?.status], ['job1', 'failed']);
    assert.equal((await runOn(t, file)('show', 'job')).code, 2);
  });

  test('of a line that can not be read is none', async (t) => {
    const { queue, file } = fiveStates(t);
    writeFileSync(file, 'dd00000000000006\tbroken\n#ee00000000000007\n', { flag: 'a' });
    for (const id of ['dd', 'dd00000000000006', 'ee', '#'])
      assert.equal((await queue('show', id)).code, 3, id);
  });

  test('must not be empty', async (t) => {
    const { queue } = fiveStates(t);
    assert.equal((await queue('show', '')).code, 2);
  });

  test('of many, names a few', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(file, ...Array.from({ length: 30 }, (_, i) => line({ id: jobId(i) })));
    const { stderr } = await runOn(t, file)('show', '0');
    assert.match(stderr, /000, .*, and 20 more; give more/);
  });
});

describe('cancel', { concurrency: 3 }, () => {
  test('a job that waits and one that runs, with a record of each for programs', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stdout, stderr } = await queue('cancel', 'aa00000000000001', 'aa00000000000002', '--plain');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(fields(stdout), [
      ['aa00000000000001', 'email', 'cancelled'],
      ['aa00000000000002', 'email', 'cancelled'],
    ]);
    assert.equal(statesOf(file).filter((state) => state.endsWith('cancelled')).length, 3);
  });

  test('says the status of a finished job, and fails', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stdout, stderr } = await queue('cancel', 'bb00000000000003');
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.equal(
      stderr,
      'queue: job bb00000000000003 (email) is completed; only pending and processing jobs can be cancelled\n',
    );
  });

  test('of an unknown job is 3, though others are cancelled', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stderr } = await queue('cancel', 'bb00000000000003', 'ffff', 'aa00000000000001');
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`^queue: there is no job ffff in ${file}$`, 'm'));
    assert.ok(statesOf(file).includes('aa00000000000001 cancelled'));
  });
});

describe('retry', { concurrency: 3 }, () => {
  test('makes failed and cancelled jobs pending', async (t) => {
    const { queue, file } = fiveStates(t);
    const { code, stdout } = await queue('retry', 'bb00000000000004', 'cc', '--json');
    assert.equal(code, 0);
    assert.deepEqual(records(stdout), [
      { id: 'bb00000000000004', type: 'report', status: 'pending' },
      { id: 'cc00000000000005', type: 'email', status: 'pending' },
    ]);
    assert.equal(statesOf(file).filter((state) => state.endsWith('pending')).length, 3);
  });

  test('of a job that waits is 1, of an unknown one 3', async (t) => {
    const { queue } = fiveStates(t);
    const waiting = await queue('retry', 'aa00000000000001');
    assert.equal(waiting.code, 1);
    assert.match(waiting.stderr, /is pending; only failed and cancelled jobs can be retried/);
    assert.equal((await queue('retry', 'ffff')).code, 3);
  });

  test('works through xargs, as the help says', async (t) => {
    const { queue, file } = fiveStates(t);
    const ids = fields((await queue('list', '--status', 'failed', 'cancelled', '--plain')).stdout).map(
      ([id = '']) => id,
    );
    assert.equal((await queue('retry', ...ids)).code, 0);
    assert.deepEqual(
      rowsOf(file)
        .map(({ status }) => status)
        .sort(),
      ['completed', 'pending', 'pending', 'pending', 'processing'],
    );
  });
});

describe('stats', { concurrency: 3 }, () => {
  test('counts by status and type, for people', async (t) => {
    const { queue, file } = fiveStates(t);
    writeFileSync(`${file}.tick`, `${Date.now() / 1000 - 120}\nno handler\temail\nno handler\tgone\n`);
    const { code, stdout } = await queue('stats');
    assert.equal(code, 0);
    assert.match(stdout, /^Last worker: .*Z, 2m ago\. It had no handler for: "email"$/m);
    assert.match(stdout, /^\(all\) +1 +1 +\d+d +1 +1 +1 +1$/m);
    assert.match(stdout, /^report +0 +0 +0 +0 +1 +0$/m);
  });

  test('and for programs', async (t) => {
    const { queue, file } = fiveStates(t);
    const [stats] = records((await queue('stats', '--json')).stdout);
    assert.deepEqual([stats?.file, stats?.total, stats?.due, stats?.failed], [file, 5, 1, 1]);
    const rows = fields((await queue('stats', '--plain')).stdout);
    assert.deepEqual(
      rows.map(([type, pending, due, , ...rest]) => [type, pending, due, ...rest]),
      [
        ['', '1', '1', '1', '1', '1', '1'],
        ['email', '1', '1', '1', '1', '0', '1'],
        ['report', '0', '0', '0', '0', '1', '0'],
      ],
    );
  });
});

test('compact says what it did', async (t) => {
  const { queue, file } = fiveStates(t);
  const { code, stdout, stderr } = await queue('compact');
  assert.deepEqual({ code, stdout }, { code: 0, stdout: '' });
  assert.match(stderr, /queue\.tsv: 2 jobs kept, 3 archived, \d+ B before, \d+ B after$/m);
  assert.ok(existsSync(join(file, '../archive/queue-1970-01.tsv')));
});

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
    test(`${args[0]}: 3, with its absolute path`, async (t) => {
      const cwd = temporaryFolder(t);
      const { code, stdout, stderr } = await run(t, ['--file', 'data/none.tsv', ...args], { cwd });
      assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
      assert.match(stderr, new RegExp(`^queue: .*${join(cwd, 'data/none.tsv')}.*\n$`));
      assert.equal(existsSync(join(cwd, 'data')), false);
    });

  test('and no project to look in: 3', async (t) => {
    const { code, stderr } = await run(t, ['list'], { cwd: temporaryFolder(t) });
    assert.equal(code, 3);
    assert.match(stderr, /no package\.json at or above .*QUEUE_FILE/);
  });
});

describe('global options', { concurrency: 3 }, () => {
  test('may stand before and after the command', async (t) => {
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

  test('is shown on stderr where no command is named: 2', async (t) => {
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

test('a file that is no queue: 1, without a stack', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, 'name\tphone\n');
  const { code, stdout, stderr } = await runOn(t, file)('list');
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /^queue: .*queue\.tsv.*header.*\n$/);
});
