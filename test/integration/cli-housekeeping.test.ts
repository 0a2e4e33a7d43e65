import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { bareEnvironment } from '../support/processes.js';
import { line, rowsOf, statesOf, text } from '../support/queue-file.js';
import { CLI, fields, fiveStates, records } from './cli-process.js';
import { of } from './queue-of-rows.js';

const now = (): number => Date.now() / 1000;
const [WAITS, FAILED, DONE] = ['aa00000000000001', 'bb00000000000002', 'cc00000000000003'] as const;

describe('promote', { concurrency: 3 }, () => {
  test('makes pending jobs due now', async (t) => {
    const { file, queue } = of(t, line({ id: WAITS, run_at: now() + 9000, attempts: 1 }));
    const { code, stdout, stderr } = await queue('promote', 'aa');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '' });
    assert.equal(stderr, `queue: due now: ${WAITS} (email)\n`);
    const [row] = rowsOf(file);
    assert.ok(Number(row?.run_at) <= now());
    assert.equal(row?.attempts, '1');
    assert.deepEqual(fields((await queue('promote', 'aa', '--plain')).stdout), [[WAITS, 'email', 'pending']]);
  });

  test('names a job that is not pending, and one that is unknown', async (t) => {
    const { queue } = fiveStates(t);
    const { code, stderr } = await queue('promote', 'bb00000000000004', 'aa00000000000001');
    assert.equal(code, 1);
    assert.match(stderr, /bb00000000000004 \(report\) is failed; only pending jobs can be promoted/);
    assert.match(stderr, /due now: aa00000000000001/);
    assert.equal((await queue('promote', 'dd')).code, 3);
  });
});

describe('dismiss', { concurrency: 3 }, () => {
  const failed = () =>
    line({ id: FAILED, status: 'failed', attempts: 3, started_at: 1000, finished_at: now() });

  test('lets check, stats, list and show tell a dismissed job from others, until it is retried', async (t) => {
    const { file, queue } = of(t, failed(), line({ id: DONE, status: 'failed', finished_at: now() }));
    writeFileSync(`${file}.tick`, `${now()}\n`);
    assert.match((await queue('check')).stdout, /: 2 failed\n$/);
    const { code, stderr } = await queue('dismiss', 'bb');
    assert.deepEqual([code, stderr], [0, `queue: dismissed ${FAILED} (email)\n`]);
    assert.match((await queue('check')).stdout, /: 1 failed\n$/);
    assert.equal((await queue('check', '--max-failed', '1')).code, 0);
    assert.match(
      (await queue('stats')).stdout,
      /^TYPE .* FAILED +DISMISSED .*\n\(all\) +0 +0 +0 +0 +2 +1 +0 +0$/m,
    );
    const [all, email] = fields((await queue('stats', '--plain')).stdout);
    assert.deepEqual([all?.[6], all?.[9], email?.[9]], ['2', '1', '1']);
    const [stats] = records((await queue('stats', '--json')).stdout);
    assert.deepEqual([stats?.failed, stats?.dismissed], [2, 1]);
    assert.match((await queue('list')).stdout, /^bb0.* dismissed, took/m);
    assert.doesNotMatch((await queue('list')).stdout, /^cc0.*dismissed/m);
    const listed = async (...args: string[]) =>
      fields((await queue('list', '--plain', '--status', 'failed', ...args)).stdout)
        .map(([id]) => id)
        .sort();
    assert.deepEqual(await listed(), [FAILED, DONE]);
    assert.deepEqual(await listed('--dismissed'), [FAILED]);
    assert.deepEqual(await listed('--no-dismissed'), [DONE]);
    assert.match((await queue('show', 'bb')).stdout, /^status +failed, dismissed, took/m);
    assert.ok(
      fields((await queue('show', 'bb', '--plain')).stdout).some((one) => one.join() === 'dismissed,true'),
    );
    assert.equal((await queue('dismiss', 'cc')).code, 0);
    assert.equal((await queue('check')).code, 0);
    assert.equal((await queue('retry', 'bb')).code, 0);
    assert.equal(records((await queue('show', 'bb', '--json')).stdout)[0]?.dismissed, false);
  });

  test('names a job that is not failed, and one that can not be noted', async (t) => {
    const { queue } = of(
      t,
      line({ id: WAITS }),
      line({ id: FAILED, status: 'failed', finished_at: now(), meta: '[' }),
    );
    const { code, stderr } = await queue('dismiss', 'aa', 'bb');
    assert.equal(code, 1);
    assert.match(stderr, /aa00000000000001 \(email\) is pending; only failed jobs can be dismissed/);
    assert.match(
      stderr,
      /bb00000000000002 \(email\) can't be dismissed, because its meta isn't a JSON object/,
    );
  });
});

describe('purge', { concurrency: 3 }, () => {
  test('takes out what it is told to, and says how many that are', async (t) => {
    const { file, queue } = fiveStates(t);
    const dry = await queue('purge', '--status', 'failed', 'completed', '--dry-run');
    assert.deepEqual([dry.code, dry.stdout, dry.stderr], [0, '2 jobs would be purged\n', '']);
    assert.equal(rowsOf(file).length, 5);
    const { code, stdout } = await queue('purge', '--status', 'failed', '--type', 'report', '--yes');
    assert.deepEqual([code, stdout], [0, '1 job purged\n']);
    assert.equal(rowsOf(file).length, 4);
    const old = ['--status', 'completed', 'cancelled', '--older-than'];
    assert.equal((await queue('purge', ...old, '36500d', '--yes', '--plain')).stdout, '0\n');
    assert.deepEqual(records((await queue('purge', ...old, '1d', '--yes', '--json')).stdout), [
      { purged: 2, tooYoung: 0 },
    ]);
    assert.deepEqual(statesOf(file), ['aa00000000000001 pending', 'aa00000000000002 processing']);
  });

  test('says how many jobs stay only because they ended less than a minute ago', async (t) => {
    const done = (id: string, finished_at: number) => line({ id, status: 'completed', finished_at });
    const { file, queue } = of(
      t,
      done('aa', now()),
      done('bb', now()),
      done('cc', now() - 90),
      done('dd', now() + 9000),
    );
    const completed = ['purge', '--status', 'completed'];
    const stay = 'ended less than a minute ago, which stay for now; try again in a minute\n';
    assert.equal((await queue(...completed, '--dry-run')).stdout, `1 job would be purged, and 2 ${stay}`);
    assert.equal(
      (await queue(...completed, '--yes', '--older-than', '80s')).stdout,
      '1 job purged\n',
      'it says what --older-than lets it leave',
    );
    const { code, stdout } = await queue(...completed, '--yes');
    assert.deepEqual([code, stdout], [0, `0 jobs purged, and 2 ${stay}`]);
    assert.deepEqual(records((await queue(...completed, '--yes', '--json')).stdout), [
      { purged: 0, tooYoung: 2 },
    ]);
    assert.equal(rowsOf(file).length, 3);
  });

  test('refuses to begin without --status, or --yes where it can not ask', async (t) => {
    const { file, queue } = fiveStates(t);
    const before = text(file);
    for (const [args, message] of [
      [['--yes'], /--status is missing; name one or more of completed, failed, cancelled, pending/],
      [['--status', 'failed'], /this is no terminal to ask at, so nothing was changed; give --yes/],
      [['--status', 'processing', '--yes'], /processing jobs can't be purged; cancel them first/],
      [['--status', 'failed', '--older-than', '30', '--yes'], /--older-than is 30, which has no unit/],
    ] as const) {
      const { code, stdout, stderr } = await queue('purge', ...args);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, message);
    }
    assert.equal(text(file), before);
    assert.equal((await queue('purge', '--status', 'failed', '--yes', '--file', '/nowhere/x.tsv')).code, 3);
  });

  /** Runs it on a terminal, where the person types an answer. */
  async function answered(file: string, answer: string): Promise<string> {
    const command = `${process.execPath} ${CLI} purge --file ${file} --status failed`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { env: bareEnvironment });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      if (!said.includes('[y/N]') && `${said}${part}`.includes('[y/N]')) child.stdin.write(`${answer}\n`);
      said += part;
    });
    await once(child, 'close');
    return said;
  }

  test('asks on a terminal first', async (t) => {
    if (spawnSync('script', ['--version']).status !== 0) return t.skip('takes the program script');
    const { file } = fiveStates(t);
    for (const answer of ['', 'n', 'maybe']) {
      assert.match(
        await answered(file, answer),
        /purge 1 job from .* for good\? \[y\/N\][\s\S]*nothing was purged/,
      );
      assert.match(readFileSync(file, 'utf8'), /bb00000000000004\t/);
    }
    assert.match(await answered(file, 'y'), /1 job purged/);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /bb00000000000004\t/);
  });
});

test('check says that a worker started nothing because the disk had too little room', async (t) => {
  const { file, queue } = of(t, line({ id: WAITS }));
  writeFileSync(`${file}.tick`, `${now()}\nno room\t${now().toFixed(3)}\t5000000\t100000000\n`);
  const { code, stdout } = await queue('check', '--max-age', '36500d');
  assert.equal(code, 1);
  assert.match(stdout, /: at \S+Z a worker started no jobs: 5.0 MB free, fewer than minFree, 100.0 MB\n$/);
  writeFileSync(`${file}.tick`, `${now()}\nno room\t${(now() - 100).toFixed(3)}\t5000000\t100000000\n`);
  assert.equal((await queue('check', '--max-age', '36500d')).code, 0);
});
