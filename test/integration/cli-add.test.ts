import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { rowsOf } from '../support/queue-file.js';
import { records, run, runOn } from './cli-process.js';

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

  test('reads the payload from stdin for -', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const env = { QUEUE_FILE: file };
    const { code } = await run(t, ['add', 'email', '-'], { env, input: '\uFEFF{"long":\n[1, 2]}\n' });
    assert.equal(code, 0);
    assert.equal(rowsOf(file)[0]?.payload, '{"long":[1,2]}');
    const empty = await run(t, ['add', 'email', '-'], { env, input: '' });
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /^queue: stdin is not JSON: .*\n$/);
    const latin1 = await run(t, ['add', 'email', '-'], { env, input: Buffer.from('"M\xfcller"', 'latin1') });
    assert.equal(latin1.code, 2);
    assert.match(latin1.stderr, /utf-8/);
    assert.equal(rowsOf(file).length, 1);
  });

  test('a number on stdin that JavaScript would change is a usage error, and adds nothing', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const options = { env: { QUEUE_FILE: file }, input: '{"user_id":175928847299117063}\n' };
    const { code, stdout, stderr } = await run(t, ['add', 'email', '-'], options);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /^queue: payload\.user_id is 175928847299117063, .* "175928847299117063"\n$/);
    assert.equal(existsSync(file), false);
  });

  test('a negative number is a payload, not an option', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    await runOn(t, file)('add', 'email', '-5');
    assert.equal(rowsOf(file)[0]?.payload, '-5');
  });

  for (const [what, args, message] of [
    ['a payload that is not JSON', ['email', '{to: 1}'], /the payload \{to: 1\} is not JSON: .*position 1/],
    [
      'a number that JavaScript would change',
      ['email', '{"to": [{"user_id": 175928847299117063}]}'],
      /^queue: payload\.to\[0\]\.user_id is 175928847299117063, which JavaScript can't hold exactly \(it would become 175928847299117060\); write it as a string: "175928847299117063"\n$/,
    ],
    ['a number that is too large', ['email', '1e400'], /^queue: payload is 1e400, .* "1e400"\n$/],
    [
      'a priority that JavaScript would change',
      ['email', '--priority', '9007199254740993'],
      /--priority is 9007199254740993, which JavaScript can't hold exactly/,
    ],
    ['a type that no job can have', ['pending'], /type is "pending"/],
    [
      'a priority that is not a number',
      ['email', '--priority', 'high'],
      /^queue: --priority is "high"; it must be a number\n$/,
    ],
    ['a delay that is not a duration', ['email', '--delay', 'soon'], /--delay is "soon"/],
    ['a delay without a unit', ['email', '--delay', '30'], /--delay is 30, .* for 30 seconds write 30s/],
    ['a time limit without a unit', ['email', '--timeout', '30'], /--timeout is 30, .* write 30s/],
    ['a limit that is not a number in digits', ['email', '--max-attempts', '1e3'], /--max-attempts is "1e3"/],
    [
      'an address for a file',
      ['email', '--file', 'redis://:secret@host/1'],
      /--file is "redis:\/\/…@host\/…"/,
    ],
    ['a time without an offset', ['email', '--run-at', '2030-01-31T09:00:00'], /runAt is "2030/],
    ['milliseconds', ['email', '--run-at', '1896080400000'], /looks like milliseconds/],
    ['a day in place of seconds', ['email', '--run-at', '20300131'], /runAt is "20300131"/],
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
