import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { fileOf, line, rowsOf, statesOf } from '../support/queue-file.js';
import { fields, lines, records, runOn } from './cli-process.js';
import { of } from './queue-of-rows.js';

/* Keys and labels on the command line. */

const [A, B, C] = ['aa00000000000001', 'bb00000000000002', 'cc00000000000003'];
const PENDING = { id: A, type: 'report', dedupe_key: 'daily', run_at: 4e9 } as const;
const RUNNING = {
  ...PENDING,
  status: 'processing',
  attempts: 1,
  started_at: 1000,
  locked_by: 'elsewhere.boot.1.2.3.4',
} as const;
const WAITING = {
  id: B,
  type: 'report',
  status: 'waiting',
  dedupe_key: 'daily',
  after: `{"ids":["${A}"],"else":"run"}`,
  meta: '{"by":"cron","n":3}',
} as const;

describe('add with a key', { concurrency: 3 }, () => {
  test('the id alone is on stdout, of the first job too; a duplicate is told on stderr', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const queue = runOn(t, file);
    const first = await queue('add', 'report', '--key', 'daily');
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const second = await queue('add', 'report', '{"n":2}', '--key', 'daily');
    assert.deepEqual(second, {
      ...first,
      stderr: 'queue: existing: a job with this key is pending\n',
    });
    assert.deepEqual(
      rowsOf(file).map(({ payload, dedupe_key: key }) => [payload, key]),
      [['null', 'daily']],
    );
  });

  test('programs get the id and the outcome, and nothing on stderr', async (t) => {
    const { queue } = of(t, line(PENDING));
    const add = ['add', 'report', '2', '--key', 'daily'];
    for (const [policy, outcome] of [
      ['return', 'existing'],
      ['replace', 'replaced'],
      ['update', 'updated'],
    ] as const) {
      const json = await queue(...add, '--on-duplicate', policy, '--json');
      assert.deepEqual([json.code, json.stderr], [0, '']);
      assert.deepEqual(records(json.stdout), [{ id: A, outcome }]);
      const plain = await queue(...add, '--on-duplicate', policy, '--plain');
      assert.deepEqual([fields(plain.stdout), plain.stderr], [[[A, outcome]], '']);
    }
    const other = await queue('add', 'other', '--key', 'daily', '--json');
    assert.equal(records(other.stdout)[0]?.outcome, 'added');
  });

  test('a job that waits is replaced or updated, and stderr says so', async (t) => {
    const { file, queue } = of(t, line(PENDING));
    const updated = await queue('add', 'report', '2', '--key', 'daily', '--on-duplicate', 'update');
    assert.equal(updated.stdout, `${A}\n`);
    assert.match(updated.stderr, /^queue: updated: .* keeps its start\n$/);
    const [row] = rowsOf(file);
    assert.deepEqual([row?.payload, row?.run_at], ['2', '4000000000']);
    const replaced = await queue(
      ...['add', 'report', '3', '--key', 'daily', '--on-duplicate', 'replace'],
      ...['--delay', '1h', '--max-delay', '2h'],
    );
    assert.equal(replaced.stdout, `${A}\n`);
    assert.match(replaced.stderr, /^queue: replaced: .*\n$/);
    const [now] = rowsOf(file);
    // It was created in 1970, so that two hours are over.
    assert.deepEqual([now?.payload, Number(now?.run_at)], ['3', 1000 + 7200]);
  });

  test('reject exits with 1, names the job, and adds nothing', async (t) => {
    const { file, queue } = of(t, line(PENDING));
    const { code, stdout, stderr } = await queue(
      ...['add', 'report', '--key', 'daily', '--on-duplicate', 'reject'],
    );
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(
      stderr,
      `queue: a job of type report with the key "daily" is pending: ${A}; nothing was added\n`,
    );
    assert.deepEqual(statesOf(file), [`${A} pending`]);
  });

  test('--dedupe says which jobs count', async (t) => {
    const { queue } = of(t, line({ ...PENDING, status: 'completed', finished_at: Date.now() / 1000 }));
    const kept = await queue('add', 'report', '--key', 'daily', '--dedupe', 'kept', '--plain');
    assert.deepEqual(fields(kept.stdout), [[A, 'existing']]);
    const active = await queue('add', 'report', '--key', 'daily', '--plain');
    assert.equal(fields(active.stdout)[0]?.[1], 'added');
  });

  test('--unique makes the payload the key, whatever the order of its names', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const queue = runOn(t, file);
    const first = await queue('add', 'report', '{"a":1,"b":2}', '--unique');
    assert.equal((await queue('add', 'report', '{"b":2,"a":1}', '--unique')).stdout, first.stdout);
    assert.notEqual((await queue('add', 'report', '{"b":2,"a":2}', '--unique')).stdout, first.stdout);
  });

  for (const [args, message] of [
    [['--key', 'a', '--unique'], /'--unique' cannot be used with option '--key <key>'/],
    [['--key', ''], /dedupeKey is ""/],
    [['--key', '@own'], /dedupeKey is "@own"/],
    [['--key', 'a', '--on-duplicate', 'ignore'], /'ignore' is invalid.* return, reject, replace, update/],
    [['--key', 'a', '--dedupe', 'all'], /'all' is invalid.* active, queued, kept/],
    [['--dedupe', 'kept'], /^queue: --dedupe is kept, and needs --key or --unique\n$/],
    [['--on-duplicate', 'return'], /^queue: --on-duplicate is return, and needs --key/],
    [['--max-delay', '1h'], /^queue: --max-delay is 1h, and needs --key/],
    [['--key', 'a', '--max-delay', '1h'], /--max-delay is 1h, and needs --on-duplicate replace/],
    [['--key', 'a', '--on-duplicate', 'replace', '--max-delay', '30'], /--max-delay is 30, .* write 30s/],
    [['--label', 'tries'], /^queue: --label is "tries"; it must be NAME=VALUE\n$/],
    [['--label', '=3'], /--label is "=3"; it must be NAME=VALUE/],
    [['--label', 'a=1', '--label', 'a=2'], /--label a is given twice/],
    [['--label', '@lone=1'], /meta\["@lone"\]/],
  ] as const)
    test(`a usage error, which adds nothing: ${args.join(' ')}`, async (t) => {
      const file = fileOf(t);
      const { code, stdout, stderr } = await runOn(t, file)('add', 'report', ...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
      assert.deepEqual(rowsOf(file), []);
    });
});

test('add takes labels, whose values are texts, before the payload or after it', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const { code } = await runOn(
    t,
    file,
  )(...['add', '--label', 'tries=3', 'report', '{"n":1}', '--label', 'url=a=b', '--label', 'none=']);
  assert.equal(code, 0);
  const [row] = rowsOf(file);
  assert.deepEqual([row?.payload, row?.meta], ['{"n":1}', '{"tries":"3","url":"a=b","none":""}']);
});

describe('list and show', { concurrency: 3 }, () => {
  const rows = [
    line(RUNNING),
    line(WAITING),
    line({ id: C, type: 'email', dedupe_key: 'daily', meta: '{"by":"cron","n":"3"}' }),
  ];
  for (const [args, ids] of [
    [
      ['--key', 'daily'],
      [A, B, C],
    ],
    [
      ['--key', 'daily', '--type', 'report'],
      [A, B],
    ],
    [['--key', 'weekly'], []],
    [
      ['--label', 'by=cron'],
      [B, C],
    ],
    [['--label', 'by=cron', '--label', 'n=3'], [C]],
    [['--label', 'by=hand'], []],
    [['--status', 'waiting'], [B]],
  ] as const)
    test(`list ${args.join(' ')}`, async (t) => {
      const { queue } = of(t, ...rows);
      const { code, stdout } = await queue('list', '--plain', ...args);
      assert.equal(code, 0);
      assert.deepEqual(
        fields(stdout).map(([id]) => id),
        ids,
      );
    });

  test('list says which jobs a job waits for', async (t) => {
    const { queue } = of(t, ...rows);
    const { stdout } = await queue('list', '--status', 'waiting');
    assert.match(lines(stdout)[1] ?? '', /^bb00000000000002 +report +waiting +0 +\S+ +after aa00…$/);
    const plain = fields((await queue('list', '--plain')).stdout);
    assert.deepEqual(plain[1]?.slice(9), ['daily', A, '{"by":"cron","n":3}', '']);
    assert.deepEqual(plain[0]?.slice(9), ['daily', '', '', '']);
    const [, json] = records((await queue('list', '--json')).stdout);
    assert.deepEqual([json?.dedupeKey, json?.after, json?.meta], ['daily', [A], { by: 'cron', n: 3 }]);
  });

  test('a label without a value is a usage error', async (t) => {
    const { queue } = of(t, ...rows);
    assert.equal((await queue('list', '--label', 'by')).code, 2);
  });

  test('show prints key, labels, and what a job waits for', async (t) => {
    const { queue } = of(
      t,
      line(RUNNING),
      line({ ...WAITING, after: `{"ids":["${A}","gone"],"else":"run"}` }),
    );
    const { stdout } = await queue('show', B);
    assert.match(stdout, /^status +waiting, after aa00…, gone…$/m);
    assert.match(stdout, /^key +daily$/m);
    assert.match(stdout, /^after +aa00000000000001 \(processing\), gone \(not in the file\)$/m);
    assert.match(stdout, /^labels\n {2}\{\n {4}"by": "cron",\n {4}"n": 3\n {2}\}$/m);
    const plain = Object.fromEntries(fields((await queue('show', B, '--plain')).stdout));
    assert.deepEqual(
      [plain.dedupe_key, plain.after, plain.meta],
      ['daily', `${A} gone`, '{"by":"cron","n":3}'],
    );
  });

  test('show prints no line for what a job lacks', async (t) => {
    const { queue } = of(t, line({ id: A }));
    assert.doesNotMatch((await queue('show', A)).stdout, /^(key|after|labels)/m);
    const plain = Object.fromEntries(fields((await queue('show', A, '--plain')).stdout));
    assert.deepEqual([plain.dedupe_key, plain.after, plain.meta], ['', '', '']);
  });
});

test('a retry whose key another job has is told with that job, and the others go on', async (t) => {
  const failed = { type: 'report', status: 'failed', finished_at: Date.now() / 1000 } as const;
  const { file, queue } = of(
    t,
    line({ ...PENDING, run_at: 1000 }),
    line({ ...failed, id: B, dedupe_key: 'daily' }),
    line({ ...failed, id: C }),
    line({ ...failed, id: 'dd00000000000004', dedupe_key: 'weekly' }),
    line({ ...failed, id: 'ee00000000000005', dedupe_key: 'weekly' }),
  );
  const { code, stdout, stderr } = await queue('retry', B, C, 'dd', 'ee', '--plain');
  assert.equal(code, 1);
  assert.deepEqual(
    fields(stdout).map(([id]) => id),
    [C, 'dd00000000000004'],
  );
  assert.deepEqual(lines(stderr), [
    `queue: job ${B} (report) can't be retried, because job ${A} has its key "daily" and is pending`,
    `queue: job ee00000000000005 (report) can't be retried, because job dd00000000000004 has its key "weekly" and is pending`,
  ]);
  assert.deepEqual(statesOf(file).sort(), [
    `${A} pending`,
    `${B} failed`,
    `${C} pending`,
    'dd00000000000004 pending',
    'ee00000000000005 failed',
  ]);
});

test('a waiting job can be cancelled, is counted by stats, and worries neither check nor doctor', async (t) => {
  const { file, queue } = of(t, line({ ...PENDING, attempts: 1 }), line(WAITING));
  writeFileSync(`${file}.tick`, `${Date.now() / 1000}\n`);
  assert.deepEqual(await queue('check'), { code: 0, signal: null, stdout: '', stderr: '' });
  assert.equal((await queue('doctor')).stdout, 'ok\n');
  const table = (await queue('stats')).stdout;
  assert.match(table, /^TYPE .* WAITING$/m);
  assert.match(table, /^report +1 +0 .* 1$/m);
  assert.equal(fields((await queue('stats', '--plain')).stdout)[0]?.at(-2), '1');
  assert.equal(records((await queue('stats', '--json')).stdout)[0]?.waiting, 1);
  assert.equal((await queue('cancel', B)).code, 0);
  assert.deepEqual(statesOf(file).sort(), [`${A} pending`, `${B} cancelled`]);
});

test('doctor names a job that would wait for ever, and what to do about it', async (t) => {
  const { queue } = of(t, line({ ...WAITING, after: 'soon' }));
  const { code, stdout } = await queue('doctor', '--plain');
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`^waiting\t3\t${B}\tjob ${B} is waiting, .* queue cancel ${B}\n$`));
  assert.equal((await queue('cancel', B)).code, 0);
  assert.equal((await queue('doctor')).stdout, 'ok\n');
});
