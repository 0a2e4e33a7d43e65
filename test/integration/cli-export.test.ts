import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { HEADER, jobId, line, rowsOf, text } from '../support/queue-file.js';
import { fields, lines, records, run } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * `queue export`, and that `queue import` takes what it writes.
 */

const now = Date.now() / 1000;
const NASTY = [
  '=1+1',
  "'=1+1",
  '+x',
  '-x',
  '@x',
  "''@x",
  "'",
  '-5',
  "'-5",
  "''+49.5",
  'a"b',
  'a,b',
  'a;b',
  ' a',
];

/** Jobs with all that makes a format break. */
function nasty(t: TestContext) {
  return of(
    t,
    ...NASTY.map((group, i) =>
      line({
        id: jobId(i + 1),
        type: i % 2 === 0 ? '=cmd' : 'email',
        payload: JSON.stringify({ text: `a\tb\nc\r"d" ${group} 日本 \u202e`, n: [1, { x: null }] }),
        group: group.startsWith('@') ? 'g' : group,
        dedupe_key: `k${i}`,
        meta: JSON.stringify({ label: group, n: i }),
        priority: -i,
        max_attempts: i + 1,
        timeout: 1.5 * i + 0.001,
        run_at: 4_000_000_000 + i / 8,
      }),
    ),
    line({
      id: jobId(90),
      status: 'failed',
      attempts: 2,
      version: 3,
      error: '=HYPERLINK("x")\\n\\tat',
      finished_at: now - 60,
    }),
    line({
      id: jobId(91),
      status: 'completed',
      attempts: 1,
      result: '{"a":1}',
      version: 3,
      finished_at: now - 60,
    }),
    line({ id: jobId(92), dedupe_key: '@nightly', meta: '{"@schedule":"nightly","@slot":1000}' }),
  );
}

/** What an import keeps of the jobs. */
const kept = (file: string): unknown[] =>
  rowsOf(file)
    .filter(({ status }) => status === 'pending')
    .map(({ type, payload, group, dedupe_key, meta, priority, max_attempts, timeout, run_at }) => [
      ...[type, payload, group, dedupe_key?.replace(/^@.*/, ''), meta?.replace(/^.*@.*$/, '')],
      ...[priority, max_attempts, timeout, run_at],
    ]);

describe('export', { concurrency: 3 }, () => {
  for (const format of ['tsv', 'csv', 'jsonl'])
    test(`writes ${format} that import takes, and nothing that an import keeps is changed`, async (t) => {
      const { file, queue } = nasty(t);
      const path = join(dirname(file), `out.${format}`);
      const { code, stdout, stderr } = await queue('export', path);
      assert.deepEqual([code, stdout, stderr], [0, '', `queue: 17 jobs exported to ${path}\n`]);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(text(path), (await queue('export', '--format', format)).stdout);
      const other = join(dirname(file), 'other', 'queue.tsv');
      const imported = await run(t, ['import', path, '--plain'], { env: { QUEUE_FILE: other } });
      assert.deepEqual([imported.code, imported.stdout], [0, '15\t0\t2\n'], imported.stderr);
      assert.deepEqual(kept(other), kept(file));
      assert.deepEqual(readdirSync(dirname(file)).sort(), ['other', `out.${format}`, 'queue.tsv']);
    });

  test('writes no cell that a spreadsheet would take for a formula', async (t) => {
    const { queue } = nasty(t);
    const { stdout } = await queue('export', '--format', 'csv');
    assert.match(stdout, /"'=cmd"/);
    assert.match(stdout, /"'=HYPERLINK\(""x""\)\n\tat"/);
    assert.doesNotMatch(stdout, /(^|,)"?[=+@]/m);
    assert.match(stdout, /,-5,/, 'a number is none');
  });

  test('--json is JSON Lines, --plain is TSV without the names', async (t) => {
    const { queue } = of(
      t,
      line({
        id: jobId(1),
        status: 'failed',
        error: 'a\\tb',
        attempts: 3,
        finished_at: 2000,
        started_at: 1999,
      }),
    );
    const [job] = records((await queue('export', '--json')).stdout);
    assert.deepEqual(job, {
      id: jobId(1),
      type: 'email',
      payload: {},
      status: 'failed',
      created_at: '1970-01-01T00:16:40.000Z',
      run_at: '1970-01-01T00:16:40.000Z',
      attempts: 3,
      error: 'a\tb',
      priority: 0,
      forgiven: 0,
      started_at: '1970-01-01T00:33:19.000Z',
      finished_at: '1970-01-01T00:33:20.000Z',
    });
    const [plain] = fields((await queue('export', '--plain')).stdout);
    assert.deepEqual(plain?.slice(0, 8), [
      jobId(1),
      'email',
      '{}',
      'failed',
      '1970-01-01T00:16:40.000Z',
      '1970-01-01T00:16:40.000Z',
      '3',
      'a\\tb',
    ]);
    assert.equal(lines((await queue('export')).stdout)[0]?.split('\t').length, plain?.length);
  });

  test('takes the filter of other commands, and with --archive the jobs past their time', async (t) => {
    const { file, queue } = nasty(t);
    mkdirSync(join(dirname(file), 'archive'));
    writeFileSync(
      join(dirname(file), 'archive', 'queue-2020-01.tsv'),
      `${HEADER}\n${line({ id: jobId(80), status: 'completed', finished_at: 1_579_000_000, version: 3 })}` +
        // After a crash, a job may be in both.
        line({ id: jobId(91), status: 'completed', finished_at: 1_579_000_000, version: 3 }),
    );
    const ids = async (...args: string[]): Promise<string[]> =>
      records((await queue('export', '--json', ...args)).stdout).map(({ id }) => String(id));
    assert.deepEqual(await ids('--status', 'failed'), [jobId(90)]);
    assert.deepEqual(await ids('--status', 'failed,completed', '--since', '1h'), [jobId(90), jobId(91)]);
    assert.deepEqual(await ids('--search', 'HYPERLINK'), [jobId(90)]);
    assert.deepEqual(await ids('--status', 'completed', '--archive'), [jobId(91), jobId(80)]);
    assert.equal((await ids('--archive')).length, 18);
  });

  test('replaces no device, and no file that belongs to the queue, also with --force', async (t) => {
    const { file, queue } = of(t, line({ id: jobId(1) }));
    const [folder, fifo] = [dirname(file), join(dirname(file), 'fifo')];
    mkdirSync(join(folder, 'archive'));
    const archived = join(folder, 'archive', 'queue-2020-01.tsv');
    writeFileSync(archived, HEADER);
    execFileSync('mkfifo', [fifo]);
    const before = readdirSync(folder);
    for (const [path, said] of [
      [archived, /queue-2020-01.tsv belongs to the queue itself/],
      [`${file}.limits`, /limits belongs to the queue itself/],
      [`${file}.paused`, /paused belongs to the queue itself/],
      [fifo, /fifo is not a file/],
    ] as const) {
      const { code, stderr } = await queue('export', path, '--force');
      assert.equal(code, 2, path);
      assert.match(stderr, said);
      assert.equal((await queue('backup', path, '--force')).code, 2, path);
    }
    assert.deepEqual(readdirSync(folder), before);
    assert.equal(text(archived), HEADER);
  });

  test('refuses to overwrite, unless it is told to, and never the queue', async (t) => {
    const { file, queue } = nasty(t);
    const path = join(dirname(file), 'out.csv.gz');
    writeFileSync(path, 'mine');
    const before = text(file);
    assert.equal((await queue('export', path)).code, 2);
    assert.equal(text(path), 'mine');
    assert.equal((await queue('export', file, '--force')).code, 2);
    assert.equal(text(file), before);
    const forced = await queue('export', path, '--force', '--plain');
    assert.deepEqual([forced.code, forced.stdout], [0, `${path}\t17\n`]);
    assert.match(gunzipSync(readFileSync(path)).toString(), /^id,type,payload,/);
    assert.equal((await queue('export', join(dirname(file), 'no', 'out.csv'))).code, 1);
    assert.ok(!existsSync(join(dirname(file), 'no')));
  });
});
