import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { temporaryFolder } from '../support/folders.js';
import { line, NINE } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';
import { fields, lines, records, runOn } from './cli-process.js';
import { dead, of } from './queue-of-rows.js';

const ID = 'aa00000000000001';

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
      ['no worker ever', {}, undefined, /: no worker has run yet\n$/],
      ['a job due for too long', { run_at: now() - 300_000 }, 0, /: 1 due, the oldest for 3d\n$/],
      ['a failed job', { status: 'failed' }, 0, /: 1 failed\n$/],
      ['a worker of the future', {}, -7_300, /: the last worker ran 2h ahead of this clock \(at \S+Z\)\n$/],
      [
        'a job that a wrong clock has dated',
        { created_at: now() + 90_000, run_at: now() + 90_000 },
        0,
        /: 1 job has a time far in the future, by this machine's clock \(see queue doctor\)\n$/,
      ],
      [
        'a retry that a wrong clock has dated',
        { started_at: now() + 90_000, run_at: now() + 90_120, attempts: 1 },
        0,
        /: 1 job has a time far in the future, by this machine's clock/,
      ],
      [
        'a run that a wrong clock has dated',
        { status: 'processing', locked_by: 'elsewhere.boot.1.2.3.4', started_at: now() + 90_000 },
        0,
        /: 1 job has a time far in the future, by this machine's clock/,
      ],
      [
        'milliseconds for seconds',
        { run_at: Date.now() },
        0,
        /: 1 job has a time far in the future, by this machine's clock/,
      ],
      [
        'microseconds for seconds',
        { run_at: Date.now() * 1000 },
        0,
        /: 1 job has a time far in the future, by this machine's clock/,
      ],
      [
        'a job whose worker died long ago',
        { status: 'processing', locked_by: dead, started_at: now() - 900 },
        0,
        /: 1 job left by dead workers \(see queue doctor\)\n$/,
      ],
      ['a job that runs without a worker', { status: 'processing' }, 0, /: 1 job left by dead workers/],
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

  test("counts lines that can't be read, and the jobs that they hold", async (t) => {
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
      '9 fields, where the header has 24; a program that writes only these should use queue add; it is kept and ignored',
    );
    appendFileSync(file, `${ID}\tonce more\nbb\t\n${line({ id: 'bb', status: 'completed' })}`);
    assert.match(
      (await queue('check')).stdout,
      /: 9 lines can't be read, and 1 job is held because of that \(see/,
    );
    // They stay where they are looked for when a compaction has set the finished jobs apart.
    appendFileSync(
      file,
      line({ id: 'cc', status: 'completed', finished_at: now(), payload: 'x'.repeat(70_000) }),
    );
    assert.equal((await queue('compact')).code, 0);
    assert.match(readFileSync(file, 'utf8'), /\n# open jobs begin here\n/);
    assert.match(
      (await queue('check')).stdout,
      /: 9 lines can't be read, and 1 job is held because of that \(see/,
    );
  });

  test('says nothing of jobs that are due far ahead, or that a worker is about to take back', async (t) => {
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

  test('accepts a queue without a file once a worker has looked for it, and no mistyped one', async (t) => {
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

  test('names a worker that had to leave due jobs if a job has waited for too long', async (t) => {
    const { file, queue } = of(t, line({ id: ID, type: 'gone' }));
    const noted = new Date(Math.floor(Date.now() / 1000 - 30) * 1000);
    writeFileSync(`${file}.tick`, `${now()}\nno place\t${noted.getTime() / 1000}\n`);
    const at = noted.toISOString().replace('.000Z', 'Z');
    const reason = `at ${at} a worker had to leave due jobs: maxWorkers others were at work`;
    assert.ok((await queue('check')).stdout.endsWith(` (${reason})\n`));
    assert.match(
      (await queue('stats')).stdout,
      new RegExp(`^No place: a worker left due jobs at ${at}, `, 'm'),
    );
  });

  test('reports a pause that is older than a day, and leaves out the due jobs of paused types', async (t) => {
    const { file, queue } = of(t, line({ id: ID, type: 'email' }));
    tick(file, 60);
    writeFileSync(`${file}.paused`, `email\t${now() - 60}\t\tann\n`);
    assert.deepEqual(await queue('check'), { code: 0, signal: null, stdout: '', stderr: '' });
    writeFileSync(`${file}.paused`, `email\t${now() - 90_000}\t\tann\n*\t${now() - 90_000}\t\t\n`);
    const { code, stdout } = await queue('check');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /: jobs of type "email" paused since \S+Z, by ann \(see queue resume\); all jobs paused since \S+Z \(see queue resume\)\n$/,
    );
  });

  test('names the types whose jobs wait for their rate', async (t) => {
    const old = { run_at: now() - 1200 };
    const { file, queue } = of(
      t,
      line({ id: ID, type: 'report', ...old }),
      line({ id: 'bb', type: 'free', ...old }),
      line({ id: 'cc', type: 'young', run_at: now() - 60 }),
      line({ id: 'dd', type: 'paused', ...old }),
      line({ id: 'ee', type: 'late', ...old }),
    );
    tick(file, 0);
    const rates = ['report\t\t1e10', 'young\t\t1e10', 'paused\t\t1e10', 'gone\t\t1e10', 'free\t\t1e9'];
    writeFileSync(`${file}.limits`, [...rates, 'late\ta\t1e10', ''].join('\n'));
    assert.equal((await queue('pause', 'paused')).code, 0);
    const { code, stdout } = await queue('check', '--max-age', '10m');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /: 4 due, the oldest for 20m \(jobs of type "late", "report" wait for their rate\)\n$/,
    );
  });

  test('prints one line for several problems, and a record each for programs', async (t) => {
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

  test('takes its limits from its options', async (t) => {
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
