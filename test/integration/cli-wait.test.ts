import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openQueue } from '../../lib/open-queue.js';
import { text } from '../support/queue-file.js';
import { fields, fiveStates, records, start } from './cli-process.js';

/** The id of the job in each state, and the exit code of a wait for it. */
const COMPLETED = 'bb00000000000003';
const FAILED = 'bb00000000000004';
const CANCELLED = 'cc00000000000005';
const PENDING = 'aa00000000000001';

describe('wait', { concurrency: 3 }, () => {
  test('prints the result as JSON, and its exit code tells the outcome', async (t) => {
    const { queue } = fiveStates(t);
    const done = await queue('wait', 'bb00000000000003');
    assert.deepEqual([done.code, done.stdout, done.stderr], [0, '[1]\n', '']);
    for (const [id, code, message] of [
      [FAILED, 1, 'failed after 3 attempts: Error: no\n'],
      ['dd', 3, 'there is no job dd in '],
      [CANCELLED, 4, 'was cancelled\n'],
      [PENDING, 124, 'is pending after a wait of 0 ms\n'],
    ] as const) {
      const ran = await queue('wait', id, '--timeout', '0');
      assert.deepEqual([ran.code, ran.stdout], [code, ''], id);
      assert.match(ran.stderr, /^queue: [^\n]+\n$/);
      assert.ok(ran.stderr.includes(message), ran.stderr);
    }
  });

  test('of several jobs, the worst outcome gives the exit code', async (t) => {
    const { queue } = fiveStates(t);
    const run = (...ids: string[]) => queue('wait', ...ids, '--timeout', '0');
    const all = [PENDING, CANCELLED, 'dd', FAILED];
    for (const [i, code] of [124, 4, 3, 1].entries()) {
      const ran = await run(COMPLETED, ...all.slice(0, i + 1));
      assert.deepEqual([ran.code, ran.stdout], [code, '[1]\n']);
      assert.equal(ran.stderr.split('\n').length, i + 2);
    }
  });

  test('prints a record for each known job with --json and --plain', async (t) => {
    const { queue } = fiveStates(t);
    const args = ['wait', COMPLETED, FAILED, CANCELLED, PENDING, 'dd', '--timeout', '0'];
    const found = records((await queue(...args, '--json')).stdout);
    assert.deepEqual(
      found.map(({ id, status, result }) => [id, status, result]),
      [
        [COMPLETED, 'completed', [1]],
        [FAILED, 'failed', undefined],
        [CANCELLED, 'cancelled', undefined],
        [PENDING, 'pending', undefined],
      ],
    );
    assert.match(found[1]?.error as string, /failed after 3 attempts: Error: no$/);
    assert.deepEqual(fields((await queue(...args, '--plain')).stdout), [
      [COMPLETED, 'completed', '[1]'],
      [FAILED, 'failed', ''],
      [CANCELLED, 'cancelled', ''],
      [PENDING, 'pending', ''],
    ]);
  });

  test('waits until the job has ended, also one that is archived by then', async (t) => {
    const { file } = fiveStates(t);
    const waiting = start(t, ['wait', 'aa00000000000001', '-f', file]);
    const queue = openQueue(file, { anyFileSystem: true, retention: 0 });
    t.after(() => queue.close());
    await queue.processJobs({ email: () => ({ sent: true }) }, { logger: () => {} });
    await queue.compact();
    assert.deepEqual(await waiting.ended, { code: 0, signal: null, stdout: '{"sent":true}\n', stderr: '' });
    assert.equal(text(file).includes(PENDING), false);
  });

  test('refuses what it can not use, and has a missing file be one', async (t) => {
    const { queue } = fiveStates(t);
    for (const args of [['wait'], ['wait', 'aa'], ['wait', ''], ['wait', COMPLETED, '--timeout', 'soon']])
      assert.equal((await queue(...args)).code, 2, args.join(' '));
    assert.equal((await queue('wait', COMPLETED, '-f', '/nowhere/queue.tsv')).code, 3);
  });

  test('ends by ^C, and the job goes on', async (t) => {
    const { file } = fiveStates(t);
    const waiting = start(t, ['wait', PENDING, '-f', file]);
    waiting.child.kill('SIGINT');
    const { signal, stdout } = await waiting.ended;
    assert.deepEqual([signal, stdout], ['SIGINT', '']);
    assert.match(text(file), new RegExp(`${PENDING}\temail\t[^\t]*\tpending`));
  });
});
