import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/store/owner.js';
import { line, NINE, temporaryFolder, UNPRIVILEGED, writeQueue } from '../helpers.js';
import { fields, lines, records, runOn } from './cli-process.js';

const ID = 'aa00000000000001';

/** A queue file of these lines, and the command on it. */
function of(t: TestContext, ...rows: string[]) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, ...rows);
  chmodSync(file, 0o640);
  return { file, queue: runOn(t, file) };
}

/** What doctor finds, as it tells programs: [kind, line, id, message]. */
async function diagnose(t: TestContext, ...rows: string[]): Promise<string[][]> {
  const { queue } = of(t, ...rows);
  const { code, stdout, stderr } = await queue('doctor', '--plain');
  const found = fields(stdout);
  assert.deepEqual({ code, stderr }, { code: found.length > 0 ? 1 : 0, stderr: '' });
  return found;
}

describe('doctor', { concurrency: 3 }, () => {
  test('says ok of a queue in order, whatever stands in it', async (t) => {
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
    ['too few fields', 'hello\tworld\n', /^2 fields, where the header has 20/],
    ['too many fields', line({ id: ID, version: '1\textra' }), /^21 fields, where the header has 20/],
    [
      'an unknown status',
      line({ id: ID, status: 'done' }),
      /^its status is "done", which is none of pending, /,
    ],
    ['no version', line({ id: ID, version: '' }), /^its version is "", which is no whole number/],
    ['a version that is none', line({ id: ID, version: '1.5' }), /^its version is "1\.5"/],
    ['an empty id', line({ id: '' }), /^its id is empty/],
    ['a NUL byte', line({ id: ID, error: 'a\0b' }), /^a NUL byte/],
  ] as const)
    test(`finds a line with ${what}`, async (t) => {
      const found = await diagnose(t, line({ id: 'bb' }), row, line({ id: 'cc' }));
      assert.deepEqual(
        found.map(([kind, at, id]) => [kind, at, id]),
        [['unreadable', '3', '']],
      );
      assert.match(found[0]?.[3] ?? '', message);
    });

  test('finds a job that such a line holds', async (t) => {
    const found = await diagnose(t, line({ id: ID }), line({ id: ID, status: 'complete', version: 2 }));
    assert.deepEqual(
      found.map(([kind, at, id]) => [kind, at, id]),
      [
        ['unreadable', '3', ID],
        ['held', '3', ID],
      ],
    );
    assert.match(found[1]?.[3] ?? '', /^job aa00000000000001 is not run: line 3/);
  });

  test('finds what a crash cut, closed or not', async (t) => {
    const [closed, open, ...others] = await diagnose(t, line({ id: ID }), 'bb00\temail\t#torn\n', 'cc00\tem');
    assert.deepEqual([closed?.slice(0, 2), open?.slice(0, 2), others], [['torn', '3'], ['torn', '4'], []]);
  });

  test('finds a second row of a job, before and after a compaction set it aside', async (t) => {
    const { queue } = of(t, line({ id: ID }), line({ id: ID, type: 'other' }));
    for (const at of ['3', '2']) {
      const found = fields((await queue('doctor', '--plain')).stdout);
      assert.deepEqual(
        found.map(([kind, , id]) => [kind, id]),
        [['duplicate', ID]],
        at,
      );
      assert.equal((await queue('compact')).code, 0);
    }
  });

  test('finds a payload that is no JSON, of a job that is still to run', async (t) => {
    const found = await diagnose(t, line({ id: ID, payload: '{a: 1}' }));
    assert.deepEqual(found[0]?.slice(0, 3), ['payload', '2', ID]);
  });

  test('finds a job whose worker is dead, or that has none', async (t) => {
    const [host, boot, namespace] = systemProcesses.self().split('.');
    const dead = [host, boot, namespace, '4194304', '1', 'abc'].join('.');
    const found = await diagnose(
      t,
      line({ id: ID, status: 'processing', locked_by: dead }),
      line({ id: 'bb', status: 'processing' }),
      line({ id: 'cc', status: 'processing', locked_by: 'elsewhere.boot.1.2.3.4' }),
    );
    assert.deepEqual(
      found.map(([kind, at, id]) => [kind, at, id]),
      [
        ['orphan', '2', ID],
        ['orphan', '3', 'bb'],
      ],
    );
    assert.ok(found[0]?.[3]?.includes(dead));
  });

  test('finds what a compaction left that a crash ended', async (t) => {
    const { file, queue } = of(t, line({ id: ID }));
    writeFileSync(`${file}.0123456789ab.tmp`, '');
    writeFileSync(join(file, '../other.tmp'), '');
    const { stdout } = await queue('doctor');
    assert.equal(
      stdout,
      `leftover: ${file}.0123456789ab.tmp is what a crash left of a compaction; delete it\n`,
    );
  });

  test('finds a file that everybody may write, or not even its owner', async (t) => {
    const { file, queue } = of(t, line({ id: ID }));
    chmodSync(file, 0o666);
    assert.match((await queue('doctor')).stdout, /^access: everybody .* may write .*0666.*\n$/);
    chmodSync(file, 0o440);
    assert.match((await queue('doctor')).stdout, /^access: not even its owner .*0440.*\n$/);
  });

  test('finds a file that belongs to another than its folder', {
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

describe('check', { concurrency: 3 }, () => {
  const now = (): number => Date.now() / 1000;
  const tick = (file: string, age: number): void => writeFileSync(`${file}.tick`, `${now() - age}\n`);

  test('says nothing if all is well', async (t) => {
    const { file, queue } = of(
      t,
      line({ id: ID, run_at: now() - 60 }),
      line({ id: 'bb', run_at: now() + 9000 }),
    );
    tick(file, 60);
    assert.deepEqual(await queue('check', '--max-age', '10m', '--max-failed', '0'), {
      code: 0,
      signal: null,
      stdout: '',
      stderr: '',
    });
    assert.equal((await queue('check', '--json')).stdout, '');
  });

  for (const [what, row, age, message] of [
    ['no worker for too long', {}, 180_000, /: no worker for 2d \(the last one at \S+Z\)\n$/],
    ['no worker ever', {}, undefined, /: no worker has ever looked at it\n$/],
    ['a job due for too long', { run_at: now() - 300_000 }, 0, /: 1 due, the oldest for 3d\n$/],
    ['a failed job', { status: 'failed' }, 0, /: 1 failed\n$/],
  ] as const)
    test(`${what}: one line, and 1`, async (t) => {
      const { file, queue } = of(t, line({ id: ID, run_at: now(), ...row }));
      if (age !== undefined) tick(file, age);
      const { code, stdout, stderr } = await queue('check', '--max-age', '10m');
      assert.deepEqual({ code, stderr }, { code: 1, stderr: '' });
      assert.equal(lines(stdout).length, 1);
      assert.ok(stdout.startsWith(`queue ${file}: `));
      assert.match(stdout, message);
    });

  test('a queue that has had no job yet is fine, once a worker has looked for it; a mistyped one is not', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const queue = runOn(t, file);
    assert.equal((await queue('check')).code, 3);
    tick(file, 60);
    for (const command of [['check'], ['doctor', '--plain'], ['list', '--plain']]) {
      assert.deepEqual(
        await queue(...command),
        { code: 0, signal: null, stdout: '', stderr: '' },
        command[0],
      );
    }
  });

  test('several problems make one line still, and a record each for programs', async (t) => {
    const { file, queue } = of(t, line({ id: ID, type: 'gone' }), line({ id: 'bb', status: 'failed' }));
    writeFileSync(`${file}.tick`, `${now() - 180_000}\nno handler\tgone\n`);
    const { stdout } = await queue('check');
    assert.equal(lines(stdout).length, 1);
    assert.match(
      stdout,
      /no worker for 2d .*; 1 due, the oldest for \d+d \(the last worker had no handler for "gone"\); 1 failed\n$/,
    );
    const { code, stdout: json } = await queue('check', '--json');
    assert.equal(code, 1);
    assert.deepEqual(
      records(json).map((record) => record.file),
      [file, file, file],
    );
    assert.equal(fields((await queue('check', '--plain')).stdout)[2]?.[1], '1 failed');
  });

  test('the limits are its options', async (t) => {
    const { file, queue } = of(
      t,
      line({ id: ID, run_at: now() - 900 }),
      line({ id: 'bb', status: 'failed' }),
    );
    tick(file, 900);
    assert.equal((await queue('check', '--max-age', '1h', '--max-failed', '1')).code, 0);
    assert.equal((await queue('check', '--max-age', '1h')).code, 1);
    for (const args of [
      ['--max-age', 'soon'],
      ['--max-age', '600'],
      ['--max-failed', ''],
      ['--max-failed', '1e3'],
      ['--max-failed', 'few'],
      ['--max-failed', '-1'],
    ]) {
      assert.equal((await queue('check', ...args)).code, 2, args.join(' '));
    }
  });
});

test('doctor counts lines as sed does', async (t) => {
  const { file, queue } = of(t, line({ id: ID }), '\n', '# comment\n', 'broken\r\n', line({ id: 'bb' }));
  const [[, at = ''] = []] = fields((await queue('doctor', '--plain')).stdout);
  assert.equal((await queue('lock', '--', 'sed', '-i', `${at}d`, file)).code, 0);
  assert.equal((await queue('doctor')).stdout, 'ok\n');
  assert.doesNotMatch(readFileSync(file, 'utf8'), /broken/);
});
