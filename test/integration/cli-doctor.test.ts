import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { UNPRIVILEGED } from '../support/processes.js';
import { line, NINE } from '../support/queue-file.js';
import { fields, lines, records } from './cli-process.js';
import { dead, of } from './queue-of-rows.js';

const ID = 'aa00000000000001';

/** What doctor finds, as it tells programs: [kind, line, id, message]. */
async function diagnose(t: TestContext, ...rows: string[]): Promise<string[][]> {
  const { queue } = of(t, ...rows);
  const { code, stdout, stderr } = await queue('doctor', '--plain');
  const found = fields(stdout);
  assert.deepEqual({ code, stderr }, { code: found.length > 0 ? 1 : 0, stderr: '' });
  return found;
}

describe('doctor', { concurrency: 3 }, () => {
  test('says ok of a queue in order, whatever its jobs hold', async (t) => {
    const { file, queue } = of(
      t,
      '# a comment of mine\n',
      line({ id: ID }),
      line({ id: ID, status: 'processing', version: 2, locked_by: systemProcesses.self() }),
      `#b00000000000001${line({ id: '', status: '-------' as string })}`,
      '\n',
      line({ id: 'cc00000000000003', status: 'failed', error: 'a\\tb', payload: 'no JSON, but done' }),
    );
    assert.deepEqual(await queue('doctor'), { code: 0, signal: null, stdout: 'ok\n', stderr: '' });
    assert.deepEqual(await queue('doctor', '--json'), { code: 0, signal: null, stdout: '', stderr: '' });
    const before = readFileSync(file, 'utf8');
    assert.equal(readFileSync(file, 'utf8'), before);
  });

  test('says ok of the file of dbbasic-queue', async (t) => {
    const { file, queue } = of(t);
    writeFileSync(file, `${NINE}\n${line({ id: 'x1' }, NINE.split('\t'))}`);
    assert.equal((await queue('doctor')).stdout, 'ok\n');
  });

  for (const [what, row, message] of [
    ['too few fields', 'hello\tworld\n', /^2 fields, where the header has 24/],
    ['too many fields', line({ id: ID, version: '1\textra' }), /^25 fields, where the header has 24/],
    [
      'an unknown status',
      line({ id: ID, status: 'done' }),
      /^its status is "done", which is none of pending, /,
    ],
    ['no version', line({ id: ID, version: '' }), /^its version is "", which is not a whole number/],
    ['a version that is not a number', line({ id: ID, version: '1.5' }), /^its version is "1\.5"/],
    ['an empty id', line({ id: '' }), /^its id is empty/],
    ['a NUL byte', line({ id: ID, error: 'a\0b' }), /^a NUL byte/],
  ] as const)
    test(`finds a line with ${what}`, async (t) => {
      const found = await diagnose(t, line({ id: 'bb' }), row, line({ id: 'cc' }));
      assert.deepEqual(
        found.map(([kind, at, id]) => [kind, at, id]),
        [['unreadable', '4', '']],
      );
      assert.match(found[0]?.[3] ?? '', message);
    });

  test('finds a job that an unreadable line holds', async (t) => {
    const found = await diagnose(t, line({ id: ID }), line({ id: ID, status: 'complete', version: 2 }));
    assert.deepEqual(
      found.map(([kind, at, id]) => [kind, at, id]),
      [
        ['unreadable', '4', ID],
        ['held', '4', ID],
      ],
    );
    assert.match(found[1]?.[3] ?? '', /^job aa00000000000001 is not run: line 4/);
  });

  test('finds a row that a crash cut, whether its line is closed or not', async (t) => {
    const [closed, open, ...others] = await diagnose(t, line({ id: ID }), 'bb00\temail\t#torn\n', 'cc00\tem');
    assert.deepEqual([closed?.slice(0, 2), open?.slice(0, 2), others], [['torn', '4'], ['torn', '5'], []]);
  });

  test('finds a second row of a job, before and after a compaction set it aside', async (t) => {
    const { queue } = of(t, line({ id: ID }), line({ id: ID, type: 'other' }));
    for (const at of ['4', '3']) {
      const found = fields((await queue('doctor', '--plain')).stdout);
      assert.deepEqual(
        found.map(([kind, , id]) => [kind, id]),
        [['duplicate', ID]],
        at,
      );
      assert.equal((await queue('compact')).code, 0);
    }
  });

  test('finds a payload that is not JSON, of a job that is still to run', async (t) => {
    const found = await diagnose(t, line({ id: ID, payload: '{a: 1}' }));
    assert.deepEqual(found[0]?.slice(0, 3), ['payload', '3', ID]);
  });

  test('finds a payload with a number that JavaScript would change', async (t) => {
    const found = await diagnose(t, line({ id: ID, payload: '{"user_id":175928847299117063}' }));
    assert.deepEqual(found, [
      [
        'payload',
        '3',
        ID,
        `of job ${ID}, payload.user_id is 175928847299117063, which JavaScript can't hold exactly (it would become 175928847299117060); write it as a string: "175928847299117063"; the job fails without its handler being called`,
      ],
    ]);
  });

  test('finds a job whose time a wrong clock or another unit put far ahead; show names it as well', async (t) => {
    const created_at = Date.UTC(2090, 0) / 1000;
    const { queue } = of(
      t,
      line({ id: ID, created_at, run_at: created_at }),
      line({ id: 'bb', attempts: 1, started_at: created_at, run_at: created_at + 120 }),
      line({ id: 'cc', run_at: 1_893_456_000_000 }),
      line({ id: 'dd', run_at: 1_893_456_000_000_000 }),
      line({ id: 'ee', run_at: created_at }),
      line({ id: 'ff', status: 'processing', locked_by: 'elsewhere.boot.1.2.3.4', started_at: created_at }),
    );
    const found = fields((await queue('doctor', '--plain')).stdout);
    assert.deepEqual(
      found.map(([kind, at, id]) => [kind, at, id]),
      [
        ['ahead', '3', ID],
        ['ahead', '4', 'bb'],
        ['ahead', '5', 'cc'],
        ['ahead', '6', 'dd'],
        ['ahead', '8', 'ff'],
      ],
    );
    assert.match(
      found[0]?.[3] ?? '',
      /^job aa0.* its created_at is 2090-01-01T00:00:00.000Z, more than a day ahead/,
    );
    assert.match(found[1]?.[3] ?? '', /its started_at is 2090-/);
    assert.match(found[2]?.[3] ?? '', /its run_at is after the year 5138; .* looks like milliseconds/);
    for (const [id, what] of [
      [ID, /^queue: job aa0.* is dated far ahead: its created_at is 2090/],
      ['bb', /its started_at/],
      ['cc', /looks like milliseconds/],
      ['dd', /looks like milliseconds/],
      ['ee', /^$/],
      ['ff', /its started_at/],
    ] as const) {
      const shown = await queue('show', id);
      assert.match(shown.stderr, what);
      assert.deepEqual([shown.code, /NaN/.test(shown.stdout)], [0, false]);
    }
    assert.doesNotMatch((await queue('list')).stdout, /NaN/);
  });

  test('finds a job whose worker is dead, or that names no worker', async (t) => {
    const found = await diagnose(
      t,
      line({ id: ID, status: 'processing', locked_by: dead }),
      line({ id: 'bb', status: 'processing' }),
      line({ id: 'cc', status: 'processing', locked_by: 'elsewhere.boot.1.2.3.4' }),
    );
    assert.deepEqual(
      found.map(([kind, at, id]) => [kind, at, id]),
      [
        ['orphan', '3', ID],
        ['orphan', '4', 'bb'],
      ],
    );
    assert.ok(found[0]?.[3]?.includes(dead));
  });

  test('finds what a crashed compaction left', async (t) => {
    const { file, queue } = of(t, line({ id: ID }));
    writeFileSync(`${file}.0123456789ab.tmp`, '');
    writeFileSync(join(file, '../other.tmp'), '');
    const { stdout } = await queue('doctor');
    assert.equal(
      stdout,
      `leftover: ${file}.0123456789ab.tmp was left by a compaction that crashed; delete it\n`,
    );
  });

  test('finds a file that every user may write, or that not even its owner may write', async (t) => {
    const { file, queue } = of(t, line({ id: ID }));
    chmodSync(file, 0o666);
    assert.match((await queue('doctor')).stdout, /^access: every user .* may write .*0666.*\n$/);
    chmodSync(file, 0o440);
    assert.match((await queue('doctor')).stdout, /^access: not even its owner .*0440.*\n$/);
  });

  test('finds a file whose owner is not that of its folder', {
    skip: UNPRIVILEGED === undefined,
  }, async (t) => {
    const { file, queue } = of(t, line({ id: ID }));
    chownSync(file, 12_345, 12_345);
    assert.match(
      (await queue('doctor')).stdout,
      /^access: .*queue\.tsv belongs to user 12345, its folder to user 0/,
    );
    // A group that both may write with is fine.
    chownSync(file, 12_345, process.getgid?.() ?? 0);
    chmodSync(file, 0o660);
    assert.equal((await queue('doctor')).stdout, 'ok\n');
  });

  test('shows people twenty of a kind, and programs all', async (t) => {
    const { queue } = of(t, ...Array.from({ length: 30 }, () => 'broken\n'));
    const shown = lines((await queue('doctor')).stdout);
    assert.equal(shown.length, 21);
    assert.equal(shown.at(-1), 'unreadable: 10 more (all with --plain)');
    assert.equal(records((await queue('doctor', '--json')).stdout).length, 30);
  });
});

test('doctor counts lines as sed does', async (t) => {
  const { file, queue } = of(t, line({ id: ID }), '\n', '# comment\n', 'broken\r\n', line({ id: 'bb' }));
  const [[, at = ''] = []] = fields((await queue('doctor', '--plain')).stdout);
  assert.equal((await queue('lock', '--', 'sed', '-i', `${at}d`, file)).code, 0);
  assert.equal((await queue('doctor')).stdout, 'ok\n');
  assert.doesNotMatch(readFileSync(file, 'utf8'), /broken/);
});
