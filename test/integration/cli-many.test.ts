import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { line, statesOf } from '../support/queue-file.js';
import { records } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * Commands that change all jobs that options name.
 */

const now = Date.now() / 1000;
const id = (n: number): string => n.toString(16).padStart(16, 'a');
const failed = (n: number, error: string, fields = {}): string =>
  line({ id: id(n), status: 'failed', attempts: 3, version: 2, finished_at: now - 60, error, ...fields });

function trouble(t: TestContext) {
  return of(
    t,
    failed(1, 'Error: connect ECONNREFUSED 10.0.4.17:5432\\n    at x'),
    failed(2, 'Error: connect ECONNREFUSED 10.0.4.17:5432', { type: 'report' }),
    failed(3, 'no such user 12', { finished_at: now - 90_000 }),
    failed(4, 'no such user 13', { meta: '{"@dismissed":true}' }),
    line({ id: id(5), run_at: now + 3600, payload: '{"customer":"globex"}' }),
    line({ id: id(6), run_at: now + 3600 }),
    line({ id: id(7), status: 'completed', version: 2, finished_at: now - 60 }),
  );
}

test('errors groups the failures that were not dismissed, and its ids name their jobs', async (t) => {
  const { queue, file } = trouble(t);
  const groups = records((await queue('errors', '--json')).stdout);
  assert.deepEqual(
    groups.map(({ text, jobs, types }) => [text, jobs, types]),
    [
      ['connect ECONNREFUSED 10.0.4.17:5432', 2, ['email', 'report']],
      ['no such user #', 1, ['email']],
    ],
  );
  const { stdout } = await queue('errors');
  assert.match(
    stdout,
    /^ID +HOUR +ALL +NEWEST +TYPES +ERROR\n[0-9a-f]{10} +2 +2 +1m( \d+s)? ago +email, report +connect/,
  );
  const { code, stdout: said } = await queue('retry', '--error', String(groups[0]?.id), '--yes');
  assert.deepEqual([code, said], [0, 'pending again: 2 jobs\n']);
  assert.deepEqual(
    statesOf(file).filter((state) => state.endsWith(' failed')),
    [3, 4].map((n) => `${id(n)} failed`),
  );
});

test('a dry run says how many jobs options name, and changes nothing', async (t) => {
  const { queue, file } = trouble(t);
  const before = statesOf(file);
  for (const [args, said] of [
    [['retry', '--type', 'email'], '2 jobs (2 email)'],
    [['retry', '--status', 'failed', '--since', '2h'], '2 jobs (1 email, 1 report)'],
    [['dismiss', '--type', 'report'], '1 job (1 report)'],
    [['promote', '--search', 'globex'], '1 job (1 email)'],
    [['cancel', '--status', 'pending'], '2 jobs (2 email)'],
    [['cancel', '--type', 'nothing'], '0 jobs'],
  ] as const) {
    const { stdout } = await queue(...args, '--dry-run');
    assert.ok(stdout.startsWith(`${said} would be `), `${args.join(' ')}: ${stdout}`);
  }
  assert.deepEqual(statesOf(file), before);
});

test('several jobs are changed only with --yes where there is no terminal to ask at, one at once', async (t) => {
  const { queue, file } = trouble(t);
  const refused = await queue('retry', '--type', 'email');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /give --yes/);
  assert.deepEqual(await queue('promote', '--search', 'globex'), {
    ...{ code: 0, signal: null, stderr: '', stdout: 'due now: 1 job\n' },
  });
  assert.deepEqual(records((await queue('cancel', '--status', 'pending', '--yes', '--json')).stdout), [
    { changed: 2, left: 0 },
  ]);
  assert.equal(statesOf(file).filter((state) => state.endsWith(' cancelled')).length, 2);
});

test('jobs in a state that forbids the change are counted apart', async (t) => {
  const { queue } = trouble(t);
  const { code, stdout } = await queue('retry', '--status', 'completed', 'failed', '--yes');
  assert.deepEqual(
    [code, stdout],
    [1, 'pending again: 3 jobs; 1 job could not be: only failed and cancelled jobs can be retried\n'],
  );
});

test('ids and options together, or none of both, are refused', async (t) => {
  const { queue } = trouble(t);
  for (const args of [
    ['retry', id(1), '--type', 'email'],
    ['cancel'],
    ['retry', '--since', 'yesterday', '--yes'],
  ])
    assert.equal((await queue(...args)).code, 2, args.join(' '));
});

test('a spread lets retried jobs become due one after another, after the delay', async (t) => {
  const { queue } = trouble(t);
  const before = Date.now();
  await queue('retry', '--status', 'failed', '--yes', '--delay', '1h', '--spread', '3h');
  const after = Date.now();
  const starts = records((await queue('list', '--status', 'pending', '--type', 'email', '--json')).stdout)
    .filter(({ attempts }) => attempts === 3)
    .map(({ runAt }) => Date.parse(runAt as string));
  const other = records((await queue('list', '--type', 'report', '--json')).stdout);
  const all = [...starts, Date.parse(other[0]?.runAt as string)].sort((a, b) => a - b);
  assert.equal(all.length, 3);
  for (const [i, at] of all.entries()) {
    const wait = 3_600_000 * (1 + i);
    assert.ok(at >= before + wait && at <= after + wait, `${i}: ${at - before}`);
  }
});

test('an empty text to search for, as of an empty variable, names no jobs', async (t) => {
  const { queue, file } = trouble(t);
  const before = statesOf(file);
  for (const name of ['cancel', 'retry', 'purge', 'dismiss', 'promote']) {
    const { code, stderr } = await queue(name, '--search', '', '--yes');
    assert.equal(code, 2, name);
    assert.match(stderr, /'--search <text>' argument '' is invalid. It is empty, and would name all jobs/);
  }
  assert.deepEqual(statesOf(file), before);
});

test('purge takes several types with commas, as the other commands do', async (t) => {
  const { queue } = trouble(t);
  const purge = ['purge', '--status', 'failed', '--type'];
  assert.equal((await queue(...purge, 'email,report', '--dry-run')).stdout, '4 jobs would be purged\n');
  const { stdout, stderr } = await queue(...purge, 'emial', '--yes');
  assert.equal(stdout, '0 jobs purged\n');
  assert.match(stderr, /no jobs of type "emial" in .*; did you mean email\?/);
  assert.equal((await queue(...purge, 'email,report', '--yes')).stdout, '4 jobs purged\n');
});

test('purge takes the jobs that ids or options name, and no other', async (t) => {
  const { queue, file } = trouble(t);
  const [group] = records((await queue('errors', '--json')).stdout);
  const name = ['purge', '--error', String(group?.id)];
  assert.equal((await queue(...name, '--dry-run', '--plain')).stdout, '2\n');
  assert.equal((await queue(...name)).code, 2);
  assert.equal((await queue(...name, '--yes')).stdout, '2 jobs purged\n');
  assert.equal((await queue('purge', '--search', 'globex', '--yes')).stdout, '0 jobs purged\n');
  assert.equal(
    (await queue('purge', '--search', 'globex', '--status', 'pending', '--yes')).stdout,
    '1 job purged\n',
  );
  assert.equal((await queue('purge', id(3), id(6), '--yes')).stdout, '2 jobs purged\n');
  const { code, stderr } = await queue('purge', id(4), 'ffff', '--yes');
  assert.equal(code, 3);
  assert.match(stderr, /no job ffff in .*; nothing was purged/);
  assert.equal((await queue('purge', id(4), '--error', 'x', '--yes')).code, 2);
  assert.deepEqual(
    statesOf(file)
      .map((state) => state.split(' ')[0])
      .sort(),
    [id(4), id(7)].sort(),
  );
});

test('a filter by label, and by the beginning of an error group, names jobs; an unknown group is told', async (t) => {
  const { queue } = trouble(t);
  await queue('add', 'import', '--label', 'import=42');
  const cancelled = await queue('cancel', '--label', 'import=42');
  assert.deepEqual([cancelled.code, cancelled.stdout], [0, 'cancelled 1 job\n']);
  const [group] = records((await queue('errors', '--json')).stdout);
  const start = String(group?.id).slice(0, 4);
  assert.equal((await queue('retry', '--error', start, '--dry-run', '--plain')).stdout, '2\n');
  const unknown = await queue('retry', '--error', 'nonsense', '--dry-run');
  assert.match(
    unknown.stderr,
    /no such job has an error of the group nonsense; queue errors lists the groups/,
  );
});

test('failures that are dismissed no longer make their type fail', async (t) => {
  const rows = [1, 2, 3, 4, 5, 6].map((n) => failed(n, 'no such user'));
  const { queue } = of(t, ...rows);
  const codes = async () =>
    (JSON.parse((await queue('status', '--json')).stdout) as { problems: { code: string }[] }).problems.map(
      ({ code }) => code,
    );
  assert.deepEqual(await codes(), ['no-worker', 'failing', 'failed']);
  await queue('dismiss', '--status', 'failed', '--yes');
  assert.deepEqual(await codes(), ['no-worker']);
});

test('status shows pauses, and explain says when the last of them ends', async (t) => {
  const { queue } = trouble(t);
  await queue('pause', 'email', '--for', '2h');
  await queue('pause');
  const { stdout } = await queue('status');
  assert.match(stdout, /· email paused by \S+ since \S+, until \S+:\s+queue resume email/);
  assert.match(stdout, /· all jobs paused by \S+ since \S+: queue\s+resume/);
  const explained = (await queue('explain', id(5))).stdout;
  assert.match(explained, /paused since .*It starts once a person ends the pauses\./s);
  assert.match(explained, /queue resume email\n/);
  assert.match(explained, /queue resume\n/);
});
