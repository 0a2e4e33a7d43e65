import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { line, NINE } from '../support/queue-file.js';
import { fields, fiveStates, lines, records, runOn } from './cli-process.js';

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

  test('prints the jobs of the API with --json', async (t) => {
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
      interruptions: 0,
      dismissed: false,
      priority: 0,
      after: [],
      meta: {},
      result: [1],
      startedAt: '1970-01-01T00:16:40.000Z',
      finishedAt: '1970-01-01T00:16:42.000Z',
    });
  });

  test('prints fields without a header with --plain', async (t) => {
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
      ...['', '1970-01-01T00:16:43.000Z', 'Error: no\\n    at work', '', '', '', ''],
    ]);
    assert.ok(rows.every((row) => row.length === 13));
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

  test('prints a message for people, and nothing for programs, if no job matches', async (t) => {
    const { queue, file } = fiveStates(t);
    const human = await queue('list', '--type', 'email', '--status', 'waiting');
    assert.deepEqual(human, {
      code: 0,
      signal: null,
      stdout: '',
      stderr: `queue: no such jobs in ${file}\n`,
    });
    const { stdout, stderr } = await queue('list', '--type', 'none', '--json');
    assert.deepEqual({ stdout, stderr }, { stdout: '', stderr: '' });
  });

  test('an unknown status, or an invalid limit, is a usage error', async (t) => {
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

describe('stats', { concurrency: 3 }, () => {
  test('counts by status and type, for people', async (t) => {
    const { queue, file } = fiveStates(t);
    writeFileSync(`${file}.tick`, `${Date.now() / 1000 - 120}\nno handler\temail\nno handler\tgone\n`);
    const { code, stdout } = await queue('stats');
    assert.equal(code, 0);
    assert.match(stdout, /^Last worker: .*Z, 2m ago\. It had no handler for: "email"$/m);
    assert.match(stdout, /^\(all\) +1 +1 +\d+d +1 +1 +1 +0 +1 +0$/m);
    assert.match(stdout, /^report +0 +0 +0 +0 +1 +0 +0 +0$/m);
  });

  test('names the types whose rate is used up', async (t) => {
    const { queue, file } = fiveStates(t);
    const until = Math.floor(Date.now() / 1000) + 600;
    writeFileSync(`${file}.limits`, `api\t\t${until}\nhook\ta\t${until}\nhook\tb\t${until - 1}\nold\t\t1\n`);
    const at = new Date(until * 1000).toISOString().replace('.000Z', 'Z');
    const { stdout } = await queue('stats');
    assert.deepEqual(stdout.match(/^Rate limit: .*$/gm), [
      `Rate limit: "api" has its full rate again at ${at}; its next job may start then at the latest.`,
      `Rate limit: "hook" in 2 groups has its full rate again at ${at}; its next job may start then at the latest.`,
    ]);
    const [stats] = records((await queue('stats', '--json')).stdout);
    assert.deepEqual(stats?.rateLimits, [
      { type: 'api', groups: 0, until: new Date(until * 1000).toISOString() },
      { type: 'hook', groups: 2, until: new Date(until * 1000).toISOString() },
    ]);
  });

  test('counts by status and type, for programs', async (t) => {
    const { queue, file } = fiveStates(t);
    const [stats] = records((await queue('stats', '--json')).stdout);
    assert.deepEqual([stats?.file, stats?.total, stats?.due, stats?.failed], [file, 5, 1, 1]);
    const rows = fields((await queue('stats', '--plain')).stdout);
    assert.deepEqual(
      rows.map(([type, pending, due, , ...rest]) => [type, pending, due, ...rest]),
      [
        ['', '1', '1', '1', '1', '1', '1', '0', '0'],
        ['email', '1', '1', '1', '1', '0', '1', '0', '0'],
        ['report', '0', '0', '0', '0', '1', '0', '0', '0'],
      ],
    );
  });
});
