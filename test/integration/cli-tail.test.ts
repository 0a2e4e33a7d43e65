import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from '../../lib/index.js';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, struck, writeQueue } from '../support/queue-file.js';
import { fields, records, run, start } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * `queue tail`, with workers and commands in other processes.
 */

const now = Date.now() / 1000;

/** A project with a module of handlers, a queue with one job, and `tail -f` on it. */
async function following(t: TestContext, ...args: string[]) {
  const folder = temporaryFolder(t);
  const file = join(folder, 'queue.tsv');
  writeFileSync(
    join(folder, 'handlers.mjs'),
    "export const handlers = { email: () => 1, bad: () => { throw new Error('no such user'); } };\n",
  );
  const env = { QUEUE_FILE: file };
  // A job of yesterday.
  const first = jobId(7);
  writeQueue(file, line({ id: first, created_at: now - 86_400, run_at: now - 86_400 }));
  const queue = openQueue(file, { anyFileSystem: true });
  t.after(() => queue.close());
  const tail = start(t, ['tail', '-f', ...args], { env });
  await tail.said(first);
  const command = (...words: string[]) => run(t, words, { env, cwd: folder });
  return { file, queue, first, tail, command };
}

const eventsOf = (stdout: string, id: string): unknown[] =>
  records(stdout)
    .filter((record) => record.id === id)
    .map(({ event }) => event);

test('tail -f tells what other processes do, through compactions, each event once', async (t) => {
  const { queue, first, tail, command } = await following(t, '--json');
  const bad = await queue.enqueue('bad', {}, { maxAttempts: 2 });
  assert.equal((await command('work', './handlers.mjs')).code, 0);
  await tail.said('"retrying"');
  await command('compact');
  await command('promote', bad);
  await tail.said('"promoted"');
  await command('work', './handlers.mjs');
  await tail.said('"failed"');
  await command('dismiss', bad);
  await command('compact');
  await command('retry', bad);
  await command('cancel', bad);
  await tail.said('"cancelled"');
  tail.child.kill('SIGINT');
  const { code, signal, stdout, stderr } = await tail.ended;
  assert.deepEqual([code, signal, stderr], [0, null, '']);
  assert.deepEqual(eventsOf(stdout, first), ['added', 'started', 'completed']);
  assert.deepEqual(eventsOf(stdout, bad), [
    ...['added', 'started', 'retrying', 'promoted', 'started', 'failed'],
    ...['dismissed', 'retried', 'cancelled'],
  ]);
  const failed = records(stdout).find(({ event }) => event === 'failed');
  assert.match(String(failed?.error), /^Error: no such user/);
  for (const { at } of records(stdout)) assert.ok(Number(new Date(String(at))) > 0);
});

test('tail -f goes on after the file was deleted and came back', async (t) => {
  const { file, queue, tail } = await following(t, '--plain', '-n', '5');
  renameSync(file, `${file}.away`);
  const other = openQueue(file, { anyFileSystem: true });
  t.after(() => other.close());
  const id = await other.enqueue('email');
  await tail.said(id);
  renameSync(`${file}.away`, file);
  const last = await queue.enqueue('email');
  await tail.said(last);
  tail.child.kill('SIGTERM');
  const { code, stdout } = await tail.ended;
  assert.equal(code, 0);
  assert.deepEqual(
    fields(stdout).map(([event]) => event),
    ['added', 'added', 'added'],
  );
});

test('tail -f ends quietly when its reader is gone', async (t) => {
  const { queue, tail } = await following(t);
  tail.child.stdout.destroy();
  await queue.enqueue('email');
  const { code, signal, stderr } = await tail.ended;
  assert.deepEqual([code, signal, stderr], [0, null, '']);
});

const ROWS = [
  line({ id: jobId(1), type: 'report', created_at: now - 100 }),
  struck(line({ id: jobId(2), created_at: now - 90 })),
  struck(
    line({
      id: jobId(2),
      status: 'processing',
      attempts: 1,
      version: 2,
      created_at: now - 90,
      started_at: now - 80,
    }),
  ),
  line({
    ...{ id: jobId(2), status: 'failed', attempts: 1, version: 3, error: 'Error: no\\n    at x' },
    ...{ created_at: now - 90, started_at: now - 80, finished_at: now - 78 },
  }),
];

for (const [args, events] of [
  ['', 'added added started failed'],
  ['-n 2', 'started failed'],
  ['-n 0', ''],
  ['--type report', 'added'],
  ['--status failed,processing', 'started failed'],
  ['--type report --status failed', ''],
] as const)
  test(`tail ${args} prints the last events, and ends`, async (t) => {
    const { queue } = of(t, ...ROWS);
    const { code, stdout, stderr } = await queue('tail', '--plain', ...args.split(' ').filter(Boolean));
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      fields(stdout)
        .map(([event]) => event)
        .join(' '),
      events,
    );
  });

test('tail prints a line for each event for people, harmlessly', async (t) => {
  const { queue } = of(t, ...ROWS, line({ id: jobId(3), type: 'a\u001b[2J', created_at: now }));
  const { stdout } = await queue('tail', '--utc');
  assert.match(stdout, /^\S+Z {2}failed {5}0+2 {2}email +attempt 1, took 2\.0s: Error: no$/m);
  assert.ok(stdout.trimEnd().endsWith(`added      ${jobId(3)}  a\\u001b[2J`));
  assert.ok(!stdout.includes(String.fromCharCode(27)));
  const unknown = await queue('tail', '--type', 'emial');
  assert.match(unknown.stderr, /no jobs of type "emial" in .*did you mean email\?/);
  assert.equal((await queue('tail', '-n', 'x')).code, 2);
});

test('show tells the history of a job from its rows', async (t) => {
  const { queue } = of(t, ...ROWS);
  const [job] = records((await queue('show', jobId(2), '--json')).stdout);
  assert.deepEqual(
    ((job?.history ?? []) as Record<string, unknown>[]).map(({ event, attempt, error }) => [
      event,
      attempt,
      error,
    ]),
    [
      ['added', undefined, undefined],
      ['started', 1, undefined],
      ['failed', 1, 'Error: no\n    at x'],
    ],
  );
  assert.deepEqual(
    fields((await queue('show', jobId(2), '--plain')).stdout)
      .at(-1)
      ?.slice(0, 2),
    [...['history', 'failed']],
  );
});
