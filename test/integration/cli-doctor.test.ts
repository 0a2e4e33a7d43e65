import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { temporaryFolder } from '../support/folders.js';
import { UNPRIVILEGED } from '../support/processes.js';
import { line, NINE, writeQueue } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';
import { fields, lines, records, runOn } from './cli-process.js';

const ID = 'aa00000000000001';

/** A process that there is none. */
const dead = [...systemProcesses.self().split('.').slice(0, 3), '4194304', '1', 'abc'].join('.');

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
    ['too few fields', 'hello\tworld\n', /^2 fields, where the header has 24/],
    ['too many fields', line({ id: ID, version: '1\textra' }), /^25 fields, where the header has 24/],
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
        [['unreadable', '4', '']],
      );
      assert.match(found[0]?.[3] ?? '', message);
    });

  test('finds a job that such a line holds', async (t) => {
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

  test('finds what a crash cut, closed or not', async (t) => {
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

  test('finds a payload that is no JSON, of a job that is still to run', async (t) => {
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

  test('finds a job that waits for a time which a wrong clock gave it, or another unit; show tells as well', async (t) => {
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

  test('finds a job whose worker is dead, or that has none', async (t) => {
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

  for (const [what, row, age, message] of sampled(
    [
      ['no worker for too long', {}, 180_000, /: no worker for 2d \(the last one at \S+Z\)\n$/],
      ['no worker ever', {}, undefined, /: no worker has ever looked at it\n$/],
      ['a job due for too long', { run_at: now() - 300_000 }, 0, /: 1 due, the oldest for 3d\n$/],
      ['a failed job', { status: 'failed' }, 0, /: 1 failed\n$/],
      [
        'a worker of the future',
        {},
        -7_300,
        /: the last worker looked 2h ahead of this clock \(at \S+Z\)\n$/,
      ],
      [
        'a job that a wrong clock has dated',
        { created_at: now() + 90_000, run_at: now() + 90_000 },
        0,
        /: 1 job dated far ahead of this clock \(see queue doctor\)\n$/,
      ],
      [
        'a retry that a wrong clock has dated',
        { started_at: now() + 90_000, run_at: now() + 90_120, attempts: 1 },
        0,
        /: 1 job dated far ahead of this clock/,
      ],
      [
        'a run that a wrong clock has dated',
        { status: 'processing', locked_by: 'elsewhere.boot.1.2.3.4', started_at: now() + 90_000 },
        0,
        /: 1 job dated far ahead of this clock/,
      ],
      ['milliseconds for seconds', { run_at: Date.now() }, 0, /: 1 job dated far ahead of this clock/],
      ['microseconds for seconds', { run_at: Date.now() * 1000 }, 0, /: 1 job dated far ahead of this clock/],
      [
        'a job whose worker died long ago',
        { status: 'processing', locked_by: dead, started_at: now() - 900 },
        0,
        /: 1 job left by dead workers \(see queue doctor\)\n$/,
      ],
      ['a job that runs by nobody', { status: 'processing' }, 0, /: 1 job left by dead workers/],
    ] as const,
    6,
  ))
    test(`${what}: one line, and 1`, async (t) => {
      const { file, queue } = of(t, line({ id: ID, run_at: now(), ...row }));
      if (age !== undefined) tick(file, age);
      const { code, stdout, stderr } = await queue('check', '--max-age', '10m');
      assert.deepEqual({ code, stderr }, { code: 1, stderr: '' });
      assert.equal(lines(stdout).length, 1);
      assert.ok(stdout.startsWith(`queue ${file}: `));
      assert.match(stdout, message);
    });

  test("lines that can't be read are counted, and the jobs that they hold", async (t) => {
    const nine = Array.from({ length: 7 }, (_, i) => line({ id: `py${i}` }, NINE.split('\t')));
    const { file, queue } = of(t, line({ id: ID, run_at: now() }), ...nine);
    tick(file, 0);
    assert.deepEqual(await queue('check'), {
      code: 1,
      signal: null,
      stdout: `queue ${file}: 7 lines can't be read (see queue doctor)\n`,
      stderr: '',
    });
    assert.equal(JSON.parse((await queue('stats', '--json')).stdout).unreadable, 7);
    assert.match((await queue('stats')).stdout, /\nLines that can't be read: 7 \(see queue doctor\)\n/);
    const found = fields((await queue('doctor', '--plain')).stdout);
    assert.equal(
      found[0]?.[3],
      '9 fields, where the header has 24; a program that knows no others should use queue add; it is kept and ignored',
    );
    appendFileSync(file, `${ID}\tonce more\nbb\t\n${line({ id: 'bb', status: 'completed' })}`);
    assert.match((await queue('check')).stdout, /: 9 lines can't be read, by which 1 job is held \(see/);
    // They stay where they are looked for when a compaction has set the finished jobs apart.
    appendFileSync(
      file,
      line({ id: 'cc', status: 'completed', finished_at: now(), payload: 'x'.repeat(70_000) }),
    );
    assert.equal((await queue('compact')).code, 0);
    assert.match(readFileSync(file, 'utf8'), /\n# open jobs begin here\n/);
    assert.match((await queue('check')).stdout, /: 9 lines can't be read, by which 1 job is held \(see/);
  });

  test('says nothing of jobs that are to run far ahead, nor of those that a worker is about to take back', async (t) => {
    const { file, queue } = of(
      t,
      line({ id: ID, created_at: now() + 3600, run_at: now() + 4_000_000 }),
      line({ id: 'bb', created_at: now(), run_at: 99_999_999_999 }),
      line({ id: 'cc', status: 'cancelled', created_at: now() + 90_000, run_at: now() + 90_000 }),
      line({ id: 'dd', created_at: now() + 90_000, run_at: now() }),
      line({ id: 'ee', status: 'processing', locked_by: dead, started_at: now() - 60 }),
      line({ id: 'ff', status: 'processing', locked_by: systemProcesses.self(), started_at: now() - 9000 }),
    );
    tick(file, -60);
    assert.deepEqual(await queue('check'), { code: 0, signal: null, stdout: '', stderr: '' });
    assert.equal((await queue('stats', '--json')).code, 0);
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
