import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { samplesIn } from '../../lib/view/metrics/exposition.js';
import { root, temporaryFolder } from '../support/folders.js';
import { jobId, line } from '../support/queue-file.js';
import { runOn } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * promtool comes with Debian's package prometheus. Where everything is tested, it is there.
 */

const promtool = (args: readonly string[], input = '') =>
  spawnSync('promtool', args, { input, encoding: 'utf8', cwd: join(root, 'docs/examples') });

const hasPromtool = promtool(['--version']).status === 0;

/** Says that the test needs promtool. */
function lacksPromtool(t: TestContext): boolean {
  if (hasPromtool) return false;
  assert.notEqual(
    process.env.CI,
    'true',
    'this has to run where everything is tested: promtool is not installed',
  );
  t.skip('promtool is not installed (apt-get install prometheus)');
  return true;
}

function check(t: TestContext, text: string): void {
  if (lacksPromtool(t)) return;
  const { status, stdout, stderr } = promtool(['check', 'metrics'], text);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
}

const now = (): number => Date.now() / 1000;

/** A queue in all states, with a type whose name could break out of a label. */
function queueOf(t: TestContext) {
  const hostile = 'a"} 1\\n# HELP b\\{x="y';
  const worker = systemProcesses.self();
  const states = ['completed', 'failed', 'cancelled', 'pending', 'processing'] as const;
  const rows = states.flatMap((status, i) =>
    ['email', hostile].map((type, j) =>
      line({
        id: jobId(2 * i + j + 1),
        ...{ type, status, run_at: now() - 90, created_at: now() - 90, attempts: 1 },
        ...(status !== 'pending' && { started_at: now() - 70 }),
        ...(status === 'processing' && { locked_by: worker }),
        ...(i < 3 && { finished_at: now() - 60 }),
      }),
    ),
  );
  const made = of(t, ...rows);
  writeFileSync(`${made.file}.tick`, `${now()}\n`);
  return { ...made, hostile };
}

describe('metrics', { concurrency: 3 }, () => {
  test('prints what promtool finds right, also of hostile types', async (t) => {
    const { queue, hostile } = queueOf(t);
    const { code, stdout, stderr } = await queue('metrics');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const samples = samplesIn(stdout);
    const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
      samples.find(
        (one) => one.name === name && Object.entries(labels).every(([key, text]) => one.labels[key] === text),
      )?.value;
    for (const type of ['email', hostile]) {
      assert.equal(value('tsvq_jobs', { type, state: 'failed' }), 1);
      assert.equal(value('tsvq_jobs_due', { type }), 1);
      assert.equal(value('tsvq_jobs_finished_last_hour', { type, outcome: 'completed' }), 1);
    }
    assert.equal(Math.round(Number(value('tsvq_queue_latency_seconds', { type: 'email' })) / 30), 3);
    assert.equal(value('tsvq_workers'), 1);
    assert.equal(value('tsvq_problems', { code: 'failed' }), 1);
    assert.equal(value('tsvq_problems', { code: 'no-worker' }), 0);
    assert.ok(Number(value('tsvq_last_tick_timestamp_seconds')) > now() - 60);
    assert.ok(Number(value('tsvq_longest_running_seconds')) > 60);
    assert.doesNotMatch(stdout, /finished_total/, 'nothing counts without a text to go on from');
    check(t, stdout);
    const open = await queue('metrics', '--openmetrics');
    assert.ok(open.stdout.endsWith('\n# EOF\n'));
  });

  test('writes a textfile that everyone may read, and goes on from it', async (t) => {
    const { queue, file, hostile } = queueOf(t);
    const folder = temporaryFolder(t);
    const out = join(folder, 'tsvq.prom');
    assert.deepEqual(await queue('metrics', '--textfile', out), {
      code: 0,
      signal: null,
      stdout: '',
      stderr: '',
    });
    assert.equal(statSync(out).mode & 0o777, 0o644);
    const first = readFileSync(out, 'utf8');
    check(t, first);
    // As if the last count had been two minutes ago.
    const ago = first.replace(/^(tsvq_counted_until_timestamp_seconds) .*/m, `$1 ${now() - 120}`);
    writeFileSync(out, ago);
    assert.equal((await queue('metrics', '--textfile', out)).code, 0);
    const second = readFileSync(out, 'utf8');
    const ended = samplesIn(second).filter(({ name }) => name === 'tsvq_jobs_finished_total');
    assert.deepEqual(
      ended.map(({ labels, value }) => [labels.type, labels.outcome, value]).sort(),
      ['email', hostile]
        .flatMap((type) => ['completed', 'failed', 'cancelled'].map((outcome) => [type, outcome, 1]))
        .sort(),
    );
    check(t, second);
    assert.deepEqual(readdirSync(folder), ['tsvq.prom']);
    assert.doesNotMatch(readdirSync(dirname(file)).join(), /\.tmp/);
  });

  test('overwrites no other file, and needs a name that node_exporter reads', async (t) => {
    const { queue, file } = queueOf(t);
    const before = readFileSync(file, 'utf8');
    const named = await queue('metrics', '--textfile', file);
    assert.equal(named.code, 2);
    assert.match(named.stderr, /its name must end with \.prom/);
    assert.equal(readFileSync(file, 'utf8'), before);
    const other = join(temporaryFolder(t), 'other.prom');
    writeFileSync(other, '# HELP node_x X\n');
    const refused = await queue('metrics', '--textfile', other);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /not written by queue metrics/);
    // After power loss it may be empty.
    writeFileSync(other, '');
    assert.equal((await queue('metrics', '--textfile', other)).code, 0);
    const missing = await queue('metrics', '--textfile', join(dirname(other), 'no/folder.prom'));
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^queue: .*no\/folder\.prom .*ENOENT/);
    assert.equal((await queue('metrics', '--json')).code, 2);
    assert.equal((await queue('metrics', '--openmetrics', '--textfile', other)).code, 2);
    assert.equal((await runOn(t, join(temporaryFolder(t), 'queue.tsv'))('metrics')).code, 3);
  });

  test('the example alerts are right, and fire when they should', (t) => {
    if (lacksPromtool(t)) return;
    for (const args of [
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ]) {
      const { status, stdout, stderr } = promtool(args);
      assert.equal(status, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    }
  });

  test('the example dashboard and alerts ask for metrics that there are', async (t) => {
    const { queue } = queueOf(t);
    const out = join(temporaryFolder(t), 'tsvq.prom');
    await queue('metrics', '--textfile', out);
    const known = new Set(samplesIn(readFileSync(out, 'utf8')).map(({ name }) => name)).add('tsvq_paused');
    for (const name of ['grafana-dashboard.json', 'alerts.yml']) {
      const text = readFileSync(join(root, 'docs/examples', name), 'utf8');
      const asked = [...new Set(text.match(/\btsvq_[a-z_]+/g))];
      assert.ok(asked.length >= 5, name);
      assert.deepEqual(
        asked.filter((metric) => !known.has(metric)),
        [],
        name,
      );
    }
    JSON.parse(readFileSync(join(root, 'docs/examples/grafana-dashboard.json'), 'utf8'));
  });
});
