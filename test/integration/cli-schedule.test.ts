import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { line, rowsOf, statesOf } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';
import { fields, lines, records, run, runOn } from './cli-process.js';
import { NIGHTLY, nightly } from './nightly-row.js';
import { of } from './queue-of-rows.js';

/* Recurring jobs on the command line. */

const [A, B] = ['aa00000000000001', 'bb00000000000002'];

/** The queue command on a file that doesn't exist yet. */
function none(t: Parameters<typeof of>[0]) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  return { file, queue: runOn(t, file) };
}

const CRON = ['--cron', '30 2 * * *', '--timezone', 'Europe/Berlin'];

describe('schedule add', { concurrency: 3 }, () => {
  test('says if the schedule was added, changed or is unchanged, and its next run in its zone', async (t) => {
    const { file, queue } = none(t);
    const added = await queue('schedule', 'add', 'nightly', 'backup', ...CRON);
    assert.deepEqual([added.code, added.stderr], [0, '']);
    assert.match(
      added.stdout,
      /^added nightly; next run: 20\d\d-\d\d-\d\dT0[23]:[03]0:00\+0[12]:00 \(in \d+[hms]\)\n$/,
    );
    const same = await queue('schedule', 'add', 'nightly', 'backup', ...CRON);
    assert.match(same.stdout, /^unchanged nightly; next run: /);
    assert.equal(rowsOf(file)[0]?.version, '1');
    const changed = await queue('schedule', 'add', 'nightly', 'backup', '{"n":2}', ...CRON);
    assert.match(changed.stdout, /^changed nightly; next run: /);
    const [row] = rowsOf(file);
    assert.deepEqual(
      [row?.id, row?.payload, row?.status, row?.version],
      [NIGHTLY, '{"n":2}', 'recurring', '2'],
    );
  });

  test('prints a record for programs', async (t) => {
    const { queue } = none(t);
    const json = await queue('schedule', 'add', 'nightly', 'backup', ...CRON, '--json');
    const [record] = records(json.stdout);
    const { nextRun, ...rest } = record as { nextRun: string };
    assert.deepEqual(rest, { name: 'nightly', id: NIGHTLY, outcome: 'added' });
    assert.ok(Date.parse(nextRun) > Date.now());
    const plain = await queue('schedule', 'add', 'nightly', 'backup', ...CRON, '--plain');
    assert.deepEqual(fields(plain.stdout), [['nightly', 'unchanged', nextRun, NIGHTLY]]);
  });

  test('takes all options, with the payload from stdin', async (t) => {
    const { file } = none(t);
    const args = [
      ...[
        'schedule',
        'add',
        'rates',
        'fetch',
        '-',
        '--every',
        '90s',
        '--catch-up',
        'all',
        '--overlap',
        'queue',
      ],
      ...['--catch-up-within', '5m', '--jitter', '10s', '--start-at', '2030-01-01T00:00:00Z'],
      ...[
        '--end-at',
        '2000000000',
        '--priority',
        '3',
        '--max-attempts',
        '2',
        '--timeout',
        '30s',
        '--label',
        'by=me',
      ],
    ];
    const { code, stdout } = await run(t, args, { env: { QUEUE_FILE: file }, input: '{"base":"EUR"}' });
    assert.deepEqual([code, stdout.slice(0, 12)], [0, 'added rates;']);
    const [row] = rowsOf(file);
    assert.deepEqual(
      [row?.payload, row?.priority, row?.max_attempts, row?.timeout, row?.run_at],
      ['{"base":"EUR"}', '3', '2', '30', '1893456000'],
    );
    assert.deepEqual(JSON.parse(row?.meta ?? ''), {
      by: 'me',
      '@schedule': {
        ...{ name: 'rates', every: 90, catchUp: 'all', catchUpWithin: 300, overlap: 'queue', jitter: 10 },
        ...{ startAt: 1893456000, endAt: 2000000000 },
      },
    });
    const [listed] = records((await runOn(t, file)('schedule', 'list', '--json')).stdout);
    assert.equal((listed as { spec: { every: number } }).spec.every, 90_000);
  });

  test('a pause stays, and a schedule that is over says so', async (t) => {
    const { queue } = none(t);
    const over = await queue(
      'schedule',
      'add',
      'old',
      'x',
      '--every',
      '1d',
      '--end-at',
      '2020-01-01T00:00:00Z',
    );
    assert.equal(over.stdout, 'added old; next run: none, its end is past\n');
    await queue('schedule', 'add', 'nightly', 'backup', ...CRON);
    await queue('schedule', 'pause', 'nightly');
    const changed = await queue('schedule', 'add', 'nightly', 'backup', '2', ...CRON);
    assert.equal(changed.stdout, 'changed nightly; next run: none, it is paused\n');
  });

  for (const [args, message] of sampled(
    [
      [[], /^queue: schedule n has neither cron nor every; it needs one of them\n$/],
      [['--cron', '* * * * *', '--every', '1m'], /both cron and every/],
      [['--cron', '* * * * * *'], /six fields.*use every/],
      [['--cron', '61 * * * *'], /schedule n: cron is "61 \* \* \* \*"/],
      [['--cron', '0 0 31 2 *'], /never comes/],
      [['--cron', '@daily', '--timezone', 'Mars/Base'], /timezone is "Mars\/Base"/],
      [['--every', '15'], /^queue: --every is 15, which has no unit; for 15 seconds write 15s\n$/],
      [['--every', '1s', '--jitter', '3'], /--jitter is 3, .* write 3s/],
      [['--every', '1s', '--catch-up-within', 'soon'], /--catch-up-within is "soon"/],
      [['--every', '1m', '--timezone', 'UTC'], /timezone is "UTC"/],
      [['--every', '1m', '--catch-up', 'none'], /'none' is invalid.* last, all/],
      [['--every', '1m', '--overlap', 'wait'], /'wait' is invalid.* skip, queue, cancel, allow/],
      [['--every', '1m', '--catch-up', 'all'], /overlap is "skip"/],
      [['--every', '1m', '--start-at', '2030'], /startAt is "2030"/],
      [['--every', '1m', '--label', '@a=1'], /meta\["@a"\]/],
    ] as const,
    6,
  ))
    test(`a usage error, which adds nothing: ${args.join(' ')}`, async (t) => {
      const { file, queue } = none(t);
      const { code, stdout, stderr } = await queue('schedule', 'add', 'n', 'x', ...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
      assert.equal(existsSync(file), false);
    });
});

describe('schedule list', { concurrency: 3 }, () => {
  const last = (result: object): string => nightly({ result: JSON.stringify(result), attempts: 7 });

  test('shows when, the next and last run in the zone, and what the last run came to', async (t) => {
    const { queue } = of(
      t,
      last({ slot: 1893461400, job: A }),
      line({ id: A, type: 'backup', status: 'failed', finished_at: 1893461500 }),
    );
    const { stdout } = await queue('schedule', 'list');
    const [head, row] = lines(stdout);
    assert.match(head ?? '', /^NAME +TYPE +WHEN +NEXT RUN +LAST RUN +CAME TO$/);
    assert.match(
      row ?? '',
      /^nightly +backup +30 2 \* \* \* Europe\/Berlin +2096-10-02T09:06:40\+02:00 \(in \d+d\) +2030-01-01T02:30:00\+01:00 +failed$/,
    );
    const [record] = records((await queue('schedule', 'list', '--json')).stdout);
    assert.deepEqual([record?.lastStatus, record?.fired, record?.paused], ['failed', 7, false]);
    assert.deepEqual(fields((await queue('schedule', 'list', '--plain')).stdout), [
      [
        ...['nightly', 'backup', '30 2 * * *', '', 'Europe/Berlin', '2096-10-02T07:06:40.000Z'],
        ...['2030-01-01T01:30:00.000Z', A, 'failed', '', '7', NIGHTLY],
      ],
    ]);
  });

  test('finds the last job in the archive', async (t) => {
    const { file, queue } = of(
      t,
      last({ slot: 1893461400, job: A }),
      line({ id: A, type: 'backup', status: 'completed', finished_at: 2000 }),
    );
    await queue('compact');
    assert.deepEqual(statesOf(file), [`${NIGHTLY} recurring`]);
    assert.match((await queue('schedule', 'list')).stdout, / completed\n$/);
  });

  for (const [name, result, human, plain] of [
    [
      'an overlap',
      { slot: 1893461400, skipped: 'overlap', by: A },
      'skipped: the job before was not over',
      'overlap',
    ],
    ['a slot that is too old', { slot: 1893461400, skipped: 'late' }, 'skipped: too late', 'late'],
    ['a job that is gone', { slot: 1893461400, job: B }, 'its job is gone', ''],
  ] as const)
    test(`tells ${name}`, async (t) => {
      const { queue } = of(t, last(result));
      assert.ok((await queue('schedule', 'list')).stdout.endsWith(`  ${human}\n`));
      assert.equal(fields((await queue('schedule', 'list', '--plain')).stdout)[0]?.[8], plain);
    });

  test('is empty without schedules, and an error without a file', async (t) => {
    const { file, queue } = of(t, line({ id: A }));
    const empty = await queue('schedule', 'list');
    assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, '', `queue: no schedules in ${file}\n`]);
    assert.equal((await none(t).queue('schedule', 'list')).code, 3);
  });
});

describe('schedule pause, resume, remove and run', { concurrency: 3 }, () => {
  test('pause and resume', async (t) => {
    const { file, queue } = of(t, nightly());
    const paused = await queue('schedule', 'pause', 'nightly');
    assert.deepEqual(
      [paused.code, paused.stderr],
      [0, 'queue: paused nightly, until queue schedule resume\n'],
    );
    assert.equal(rowsOf(file)[0]?.run_at, '32503680000');
    assert.match((await queue('schedule', 'list')).stdout, / none, it is paused$/m);
    assert.equal(fields((await queue('schedule', 'list', '--plain')).stdout)[0]?.[9], 'paused');
    const resumed = await queue('schedule', 'resume', 'nightly');
    assert.match(resumed.stderr, /^queue: resumed nightly; next run: 20\d\d.*\+0[12]:00 \(in .*\)\n$/);
    assert.deepEqual(records((await queue('schedule', 'pause', 'nightly', '--json')).stdout), [
      { name: 'nightly' },
    ]);
  });

  test('remove says that code that declares it adds it again', async (t) => {
    const { file, queue } = of(t, nightly());
    const { code, stderr } = await queue('schedule', 'remove', 'nightly');
    assert.equal(code, 0);
    assert.match(stderr, /^queue: removed nightly; .*declares it adds it again: pause it instead\n$/);
    assert.deepEqual(statesOf(file), [`${NIGHTLY} cancelled`]);
    const again = await queue('schedule', 'remove', 'nightly');
    assert.deepEqual([again.code, again.stdout], [3, '']);
    assert.equal(
      again.stderr,
      `queue: there is no schedule "nightly" in ${file}; queue schedule list shows all\n`,
    );
  });

  test('run prints the id, and says if an earlier job was not over', async (t) => {
    const { file, queue } = of(t, nightly());
    const first = await queue('schedule', 'run', 'nightly');
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const id = first.stdout.trim();
    const job = rowsOf(file).find((row) => row.id === id);
    assert.deepEqual(
      [job?.type, job?.payload, job?.status, job?.meta],
      ['backup', '{"n":1}', 'pending', '{"@schedule":"nightly"}'],
    );
    const second = await queue('schedule', 'run', 'nightly');
    assert.deepEqual([second.code, second.stdout], [0, first.stdout]);
    assert.match(
      second.stderr,
      /^queue: existing: nothing was added, because an earlier job of nightly is pending/,
    );
    assert.deepEqual(fields((await queue('schedule', 'run', 'nightly', '--plain')).stdout), [
      [id, 'existing'],
    ]);
    assert.match((await queue('show', id)).stdout, /^schedule +nightly, by hand$/m);
  });

  for (const name of ['pause', 'resume', 'remove', 'run', 'next'])
    test(`${name} of a schedule that isn't there, or without a file, exits with 3`, async (t) => {
      const { code, stderr } = await of(t, nightly()).queue('schedule', name, 'daily');
      assert.equal(code, 3);
      assert.match(stderr, /^queue: there is no schedule "daily" in .*; queue schedule list shows all\n$/);
      assert.equal((await none(t).queue('schedule', name, 'daily')).code, 3);
    });
});

describe('schedule next', { concurrency: 3 }, () => {
  const FROM = ['--from', '2030-03-30T00:00:00Z'];

  test('prints local time and UTC of an expression, without a queue', async (t) => {
    const { file, queue } = none(t);
    const { code, stdout } = await queue('schedule', 'next', ...CRON, ...FROM, '-n', '3');
    assert.equal(code, 0);
    assert.deepEqual(
      lines(stdout).map((text) => text.split(/ {2,}/).slice(0, 3)),
      [
        ['TIME IN Europe/Berlin', 'DAY', 'UTC'],
        ['2030-03-30T02:30:00+01:00', 'Sat', '2030-03-30T01:30:00Z'],
        ['2030-03-31T03:00:00+02:00', 'Sun', '2030-03-31T01:00:00Z'],
        ['2030-04-01T02:30:00+02:00', 'Mon', '2030-04-01T00:30:00Z'],
      ],
    );
    assert.equal(existsSync(file), false);
  });

  test('prints those of a schedule, and says if it is paused', async (t) => {
    const { queue } = of(t, nightly());
    const five = await queue('schedule', 'next', 'nightly', '--json');
    assert.equal(records(five.stdout).length, 5);
    const plain = await queue('schedule', 'next', 'nightly', ...FROM, '--plain', '-n', '1');
    assert.deepEqual(fields(plain.stdout), [['2030-03-30T01:30:00.000Z', '2030-03-30T02:30:00+01:00']]);
    await queue('schedule', 'pause', 'nightly');
    const { code, stderr } = await queue('schedule', 'next', 'nightly');
    assert.deepEqual([code, stderr.slice(0, 25)], [0, 'queue: nightly is paused,']);
  });

  test('shows offsets of half hours, west of Greenwich too, and of an interval in UTC', async (t) => {
    const local = async (...args: string[]): Promise<string | undefined> =>
      fields(
        (await none(t).queue('schedule', 'next', ...args, ...FROM, '-n', '1', '--plain')).stdout,
      )[0]?.[1];
    assert.equal(
      await local('--cron', '@daily', '--timezone', 'Asia/Kathmandu'),
      '2030-03-31T00:00:00+05:45',
    );
    assert.equal(
      await local('--cron', '@daily', '--timezone', 'America/St_Johns'),
      '2030-03-30T00:00:00-02:30',
    );
    assert.equal(await local('--every', '6h'), '2030-03-30T06:00:00Z');
  });

  for (const [args, message] of sampled(
    [
      [[], /give the name of a schedule, or --cron, or --every/],
      [['--every', '1m', '--cron', '@daily'], /give the name/],
      [['nightly', '--every', '1m'], /--every can't be given together with the name/],
      [['--every', '1m', '-n', '0'], /--count is "0"/],
      [['--every', '5'], /--every is 5, which has no unit/],
      [['--cron', '@never'], /cron is "@never"/],
      [['--every', '1m', '--from', 'tomorrow'], /from is "tomorrow"/],
    ] as const,
    4,
  ))
    test(`a usage error: ${args.join(' ')}`, async (t) => {
      const { code, stderr } = await of(t, nightly()).queue('schedule', 'next', ...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
});
