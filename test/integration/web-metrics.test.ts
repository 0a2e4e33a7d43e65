import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { samplesIn } from '../../lib/view/metrics/exposition.js';
import { jobId } from '../support/queue-file.js';
import { type Ask, ended, failed, served, waiting } from '../unit/web/asking.js';

const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
/** As Prometheus asks. */
const PROMETHEUS =
  'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

/** Lets promtool say if a text is right, where it is installed. */
function check(t: TestContext, text: string): void {
  const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error !== undefined) {
    assert.notEqual(process.env.CI, 'true', 'promtool is not installed');
    t.diagnostic('promtool is not installed (apt-get install prometheus)');
  } else assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
}

/** Returns a series as the answer has it now. */
async function value(ask: Ask, name: string, labels: Record<string, string> = {}): Promise<number> {
  const samples = samplesIn((await ask('GET /metrics')).text);
  const fits = (own: Readonly<Record<string, string>>): boolean =>
    Object.entries(labels).every(([key, text]) => own[key] === text);
  return samples.find((one) => one.name === name && fits(one.labels))?.value ?? Number.NaN;
}

const ends = (ask: Ask, outcome: string): Promise<number> =>
  value(ask, 'tsvq_jobs_finished_total', { type: 'email', outcome });

test('metrics come in the format that is asked for, and promtool finds them right', async (t) => {
  const hostile = 'a"} 1\\n# HELP b\\{x="y';
  const { ask } = served(t, [ended(1), failed(2, { type: hostile }), waiting(3)]);
  for (const [accept, type] of [
    [undefined, TEXT],
    ['*/*', TEXT],
    ['text/plain', TEXT],
    [PROMETHEUS, OPEN],
    ['application/openmetrics-text', OPEN],
    ['application/openmetrics-text;q=0.1, text/plain', TEXT],
    ['text/html', TEXT],
  ] as const) {
    const { status, headers, text } = await ask('GET /metrics', {
      ...(accept !== undefined && { headers: { accept } }),
    });
    assert.deepEqual([status, headers.get('content-type')], [200, type], accept);
    assert.match(headers.get('vary') ?? '', /\bAccept\b/);
    assert.equal(text.endsWith('\n# EOF\n'), type === OPEN);
    assert.equal(text.includes('# TYPE tsvq_jobs_finished counter'), type === OPEN);
    if (type === TEXT) check(t, text);
  }
  const type = hostile;
  assert.equal(await value(ask, 'tsvq_jobs', { type, state: 'failed' }), 1);
  assert.equal(await value(ask, 'tsvq_workers'), 0);
});

test('counters begin at 0, and only grow: through retries, compactions, the archive and an idle time', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const settle = (): void => t.mock.timers.tick(6_000);
  const { ask, queue, close, file } = served(t, [failed(1), ended(2)]);
  assert.deepEqual([await ends(ask, 'failed'), await ends(ask, 'completed')], [0, 0]);
  const run = (isGood: boolean) =>
    queue.processJobs({
      email: { handler: () => (isGood ? undefined : Promise.reject(new Error('no'))), maxAttempts: 1 },
    });
  await queue.retryJob(jobId(1));
  await queue.enqueue('email', {});
  await run(false);
  assert.equal(await ends(ask, 'failed'), 0, 'a count is up to five seconds ago');
  settle();
  assert.equal(await ends(ask, 'failed'), 2);
  assert.equal(await value(ask, 'tsvq_job_duration_seconds_count', { type: 'email' }), 2);
  // Nothing is counted twice after the view was made again, or in another file.
  close();
  assert.equal(await ends(ask, 'failed'), 2);
  await queue.retryJob(jobId(1));
  await run(true);
  await queue.compact();
  settle();
  assert.deepEqual([await ends(ask, 'failed'), await ends(ask, 'completed')], [2, 1]);
  // What ends and leaves for the archive while no view is there is counted by the next.
  close();
  const { id, outcome } = await queue.add('email', {});
  assert.equal(outcome, 'added');
  await run(true);
  t.mock.timers.tick(40 * 86_400_000);
  await queue.compact();
  assert.equal((await queue.getJob(id))?.status, undefined);
  assert.deepEqual([await ends(ask, 'failed'), await ends(ask, 'completed')], [2, 2]);
  assert.equal(await ends(ask, 'completed'), 2);
  rmSync(file);
  assert.deepEqual([await ends(ask, 'failed'), await ends(ask, 'completed')], [2, 2]);
});

test('questions at once count each end once', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { ask, queue } = served(t, [waiting(1), waiting(2)]);
  assert.equal(await ends(ask, 'cancelled'), 0);
  await queue.cancelJob(jobId(1));
  t.mock.timers.tick(6_000);
  await Promise.all(Array.from({ length: 8 }, () => ask('GET /metrics')));
  assert.equal(await ends(ask, 'cancelled'), 1);
});

test('healthz is 200 if all is well, and 503 with the codes of what is wrong', async (t) => {
  const well = served(t, [ended(1), waiting(2)]);
  const { status, body } = await well.ask('GET /healthz');
  assert.deepEqual([status, body], [200, { level: 'ok', problems: [] }]);
  const bad = served(t, [failed(1), failed(2)]);
  rmSync(`${bad.file}.tick`);
  const answer = await bad.ask('GET /healthz');
  assert.deepEqual(
    [answer.status, answer.body],
    [503, { level: 'problem', problems: ['no-worker', 'failed'] }],
  );
});
