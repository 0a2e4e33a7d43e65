import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { scheduleId } from '../../lib/file/format/derived-id.js';
import { temporaryFolder } from '../support/folders.js';
import { line, rowsOf, statesOf } from '../support/queue-file.js';
import { project, runAsCron } from './app-project.js';
import { fields, records, run } from './cli-process.js';
import { NIGHTLY, nightly } from './nightly-row.js';
import { of } from './queue-of-rows.js';

/* What the commands for jobs, and those that write or start a worker, do with recurring jobs. */

const [A, B] = ['aa00000000000001', 'bb00000000000002'];

describe('other commands and a schedule', { concurrency: 3 }, () => {
  test('list shows it by status only, and stats leave it out', async (t) => {
    const { queue } = of(t, nightly(), line({ id: A }), nightly({ id: B, run_at: 32503680000 }));
    assert.deepEqual(
      fields((await queue('list', '--plain')).stdout).map(([id]) => id),
      [A],
    );
    const { stdout } = await queue('list', '--status', 'recurring');
    assert.match(stdout, new RegExp(`^${NIGHTLY} +backup +recurring +0 +2096-\\S+ +in \\d+d$`, 'm'));
    assert.match(stdout, new RegExp(`^${B} .* no next slot$`, 'm'));
    assert.equal(records((await queue('stats', '--json')).stdout)[0]?.total, 1);
  });

  test('show says what it is and when it runs', async (t) => {
    const { queue } = of(t, nightly({ attempts: 3, started_at: 2000 }));
    const { code, stdout } = await queue('show', NIGHTLY.slice(0, 6));
    assert.equal(code, 0);
    assert.match(stdout, /^status +recurring, in \d+d$/m);
    assert.match(stdout, /^schedule +nightly, 30 2 \* \* \* Europe\/Berlin$/m);
    assert.match(stdout, /^next run +2096-10-02T09:06:40\+02:00 \(in \d+d\)$/m);
    assert.match(stdout, /^jobs made +3$/m);
    assert.doesNotMatch(stdout, /^(run at|attempts)/m);
  });

  test('cancel removes it; retry refuses it, and goes on with the others', async (t) => {
    const failed = line({ id: A, status: 'failed', finished_at: Date.now() / 1000 });
    const { file, queue } = of(t, nightly(), failed);
    const early = await queue('retry', NIGHTLY);
    assert.equal(early.code, 1);
    assert.match(early.stderr, /is a schedule, not a job; only failed and cancelled jobs can be retried\n$/);
    assert.equal((await queue('cancel', NIGHTLY)).code, 0);
    const late = await queue('retry', NIGHTLY, A);
    assert.equal(late.code, 1);
    assert.match(late.stderr, new RegExp(`^queue: ${NIGHTLY} is a schedule that was removed, not a job`));
    assert.match(late.stderr, new RegExp(`pending again: ${A}`));
    assert.deepEqual(statesOf(file).sort(), [`${A} pending`, `${NIGHTLY} cancelled`].sort());
  });
});

describe('work with schedules', { concurrency: 3 }, () => {
  /** Runs `queue work` on a module. */
  async function work(t: Parameters<typeof of>[0], name: string, source: string, ...rows: string[]) {
    const { file, queue } = of(t, ...rows);
    const module = join(temporaryFolder(t), name);
    writeFileSync(module, source);
    return { file, ran: await queue('work', module, '--plain'), again: () => queue('work', module) };
  }
  const DECLARED = "{ hourly: { type: 'backup', every: '1h' } }";

  for (const [name, file, source] of [
    ['named exports', 'h.mjs', `export const backup = () => 1; export const schedules = ${DECLARED};`],
    [
      'an object of handlers',
      'h.mjs',
      `export const handlers = { backup: () => 1 }; export const schedules = ${DECLARED};`,
    ],
    ['a default export', 'h.mjs', `export default { backup: () => 1, schedules: ${DECLARED} };`],
    ['CommonJS', 'h.cjs', `module.exports = { backup: () => 1, schedules: ${DECLARED} };`],
    ['CommonJS by name', 'h.cjs', `exports.backup = () => 1; exports.schedules = ${DECLARED};`],
  ] as const)
    test(`declares those of a module with ${name}, once`, async (t) => {
      const { file: queueFile, ran, again } = await work(t, file, source);
      assert.deepEqual([ran.code, ran.stderr], [0, '']);
      const [event] = fields(ran.stdout);
      const id = scheduleId('hourly');
      assert.deepEqual(event?.slice(1), ['scheduled', id, '', '', '', '', 'hourly']);
      assert.deepEqual(statesOf(queueFile), [`${id} recurring`]);
      assert.deepEqual(await again(), { code: 0, signal: null, stdout: '', stderr: '' });
    });

  test('tells what a schedule made, and why it made nothing', async (t) => {
    const source = 'export const backup = () => 1;';
    const daily = nightly({ run_at: 1000 });
    const { file, ran } = await work(t, 'h.mjs', source, daily);
    const id = rowsOf(file).find(({ status }) => status === 'completed')?.id;
    assert.deepEqual(
      fields(ran.stdout).map(([, ...rest]) => [rest[0], rest[1], rest[2], rest[6] ?? '']),
      [
        ['fired', id, 'backup', 'nightly'],
        ['completed', id, 'backup', ''],
      ],
    );
    const held = line({ id: A, type: 'backup', dedupe_key: '@nightly', run_at: 4e9 });
    const skipped = await work(t, 'h.mjs', source, daily, held);
    assert.match(
      skipped.ran.stdout,
      /\tskipped\t\tbackup\t\t\tan earlier job of the schedule is not over\tnightly\n$/,
    );
    const late = of(
      t,
      nightly({ run_at: 1000, meta: '{"@schedule":{"name":"nightly","every":8640000,"catchUpWithin":0}}' }),
    );
    const module = join(temporaryFolder(t), 'h.mjs');
    writeFileSync(module, source);
    assert.equal(
      (await late.queue('work', module)).stdout,
      'skipped backup, schedule nightly: the slot is too old\n',
    );
  });

  test('a function called schedules is the handler of that type, and anything else is refused', async (t) => {
    const handler = await work(
      t,
      'h.mjs',
      'export const schedules = () => 7;',
      line({ id: A, type: 'schedules' }),
    );
    assert.equal(handler.ran.code, 0);
    assert.deepEqual(statesOf(handler.file), [`${A} completed`]);
    const list = await work(t, 'h.mjs', 'export const backup = () => 1; export const schedules = [];');
    assert.equal(list.ran.code, 2);
    assert.match(list.ran.stderr, /^queue: schedules is \[\] \(object\); it must be an object/);
  });
});

test('the schedule in the worker of queue init works once its comment is taken away', async (t) => {
  const cwd = project(t, '{"type": "module"}');
  const { stdout } = await run(t, ['init'], { cwd });
  const worker = join(cwd, 'workers/queue_worker.js');
  const source = readFileSync(worker, 'utf8');
  assert.match(source, /^ +\/\/ schedules: /m);
  writeFileSync(worker, source.replace('// schedules: ', 'schedules: '));
  await runAsCron(stdout.trim());
  assert.deepEqual(statesOf(join(cwd, 'data/queue.tsv')), [`${scheduleId('morning')} recurring`]);
  const [event] = records(readFileSync(join(cwd, 'data/worker.log'), 'utf8'));
  assert.deepEqual([event?.event, event?.schedule], ['scheduled', 'morning']);
});
