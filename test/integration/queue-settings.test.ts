/*
 * The variables of a queue's options have the same effect in each process that opens the queue by itself: the worker of
 * the package, the one that `queue init` writes, the command line, and the functions of the default queue.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { startScript } from '../support/processes.js';
import { HEADER, line, rowsOf, statesOf } from '../support/queue-file.js';
import { project } from './app-project.js';
import { run } from './cli-process.js';
import { dead, of } from './queue-of-rows.js';
import { startWorker, tick } from './worker-process.js';

const DAYS_MS = 86_400_000;
const [DUE, FAILED, DONE] = ['aa00000000000001', 'bb00000000000002', 'cc00000000000003'] as const;

const finished = (id: string, status: string, daysAgo: number): string =>
  line({ id, status, attempts: 1, finished_at: (Date.now() - daysAgo * DAYS_MS) / 1000 });

/** A completed job that is past its default retention, a failed one that is past no default, and one that is due. */
const rows = (): string[] => [
  line({ id: DUE, type: 'nothing' }),
  finished(FAILED, 'failed', 20),
  finished(DONE, 'completed', 20),
];

const DROP = { QUEUE_RETENTION: 'completed=1d,failed=1d', QUEUE_ARCHIVE: '0' };

const archived = (file: string): string[] => {
  const folder = join(dirname(file), 'archive');
  return existsSync(folder) ? readdirSync(folder) : [];
};

/** Every process that compacts. The worker of the package has no handler for the job, so it needs another one. */
const COMPACTING: Record<string, (t: TestContext, file: string, env: NodeJS.ProcessEnv) => Promise<unknown>> =
  {
    'workers/queue_worker.js': async (t, file, env) => {
      await run(t, ['-f', file, 'add', 'webhook', '{"url": "nowhere"}']);
      return (await tick(file, env)).code;
    },
    'the worker of queue init': async (t, file, env) => {
      const cwd = project(t, '{"type": "module"}');
      await run(t, ['init'], { cwd });
      await run(t, ['-f', file, 'add', 'hello']);
      const script = join(cwd, 'workers/queue_worker.js');
      return (await startWorker({ QUEUE_FILE: file, ...env }, { script }).ended).code;
    },
    'queue work': async (t, file, env) => {
      const handlers = join(dirname(file), 'handlers.mjs');
      writeFileSync(handlers, 'export const nothing = () => {};');
      return (await run(t, ['-f', file, 'work', handlers], { env })).code;
    },
    'queue compact': async (t, file, env) => (await run(t, ['-f', file, 'compact'], { env })).code,
    'queue lock': async (t, file, env) => (await run(t, ['-f', file, 'lock', 'true'], { env })).code,
    'queue unlock': async (t, file, env) => {
      mkdirSync(`${file}.lock`);
      writeFileSync(join(`${file}.lock`, `owner.${dead}`), '');
      return (await run(t, ['-f', file, 'unlock'], { env })).code;
    },
    'processJobs of the default queue': async (t, file, env) => {
      const script = `import { processJobs } from 'lib/index.js'; await processJobs({ nothing: () => {} });`;
      return (await startScript(t, script, { env: { QUEUE_FILE: file, ...env } }).ended).code;
    },
  };

describe('QUEUE_RETENTION and QUEUE_ARCHIVE', { concurrency: 2 }, () => {
  for (const [name, compacting] of Object.entries(COMPACTING)) {
    test(`${name} drops what is past its time, and archives nothing`, async (t) => {
      const { file } = of(t, ...rows());
      assert.equal(await compacting(t, file, DROP), 0);
      const ids = rowsOf(file).map(({ id }) => id);
      assert.ok(!ids.includes(DONE) && !ids.includes(FAILED), String(ids));
      assert.ok(ids.includes(DUE));
      assert.deepEqual(archived(file), []);
    });

    test(`${name} archives by the default times without them`, async (t) => {
      const { file } = of(t, ...rows());
      assert.equal(await compacting(t, file, {}), 0);
      const ids = rowsOf(file).map(({ id }) => id);
      assert.ok(!ids.includes(DONE) && ids.includes(FAILED), String(ids));
      assert.equal(archived(file).length, 1);
    });
  }

  test('QUEUE_RETENTION alone archives by its times', async (t) => {
    const { file } = of(t, ...rows());
    await run(t, ['-f', file, 'compact'], { env: { QUEUE_RETENTION: 'completed=90d,failed=1d' } });
    assert.deepEqual(statesOf(file).sort(), [`${DUE} pending`, `${DONE} completed`]);
    assert.equal(archived(file).length, 1);
  });
});

test('QUEUE_ARCHIVE_RETENTION lets queue compact remove months of the archive', async (t) => {
  const { file } = of(t, ...rows());
  mkdirSync(join(dirname(file), 'archive'));
  writeFileSync(join(dirname(file), 'archive/queue-2020-01.tsv'), `${HEADER}\n`);
  await run(t, ['-f', file, 'compact']);
  assert.ok(archived(file).includes('queue-2020-01.tsv'));
  await run(t, ['-f', file, 'compact'], { env: { QUEUE_ARCHIVE_RETENTION: '365d' } });
  assert.ok(!archived(file).includes('queue-2020-01.tsv'));
  assert.equal(archived(file).length, 1);
});

test('QUEUE_MAX_BYTES limits queue add and enqueue of the default queue', async (t) => {
  const { file } = of(t, ...rows());
  const env = { QUEUE_MAX_BYTES: '1k' };
  const payload = JSON.stringify('x'.repeat(1_000));
  const { code, stderr } = await run(t, ['-f', file, 'add', 'nothing', payload], { env });
  assert.equal(code, 1);
  assert.match(stderr, /maxBytes/);
  const script = `import { enqueue } from 'lib/index.js';
    await enqueue('nothing', ${payload}).catch(({ code }) => console.log(code));`;
  const { stdout } = await startScript(t, script, { env: { QUEUE_FILE: file, ...env } }).ended;
  assert.equal(stdout, 'QUEUE_FULL\n');
  assert.equal(rowsOf(file).length, 3);
});

test('QUEUE_MIN_FREE keeps the worker of the package from starting jobs', async (t) => {
  const { file, queue } = of(t, line({ id: DUE, type: 'webhook', payload: '{"url": "nowhere"}' }));
  const { code, stderr } = await tick(file, { QUEUE_MIN_FREE: '999T' });
  assert.equal(code, 0);
  assert.match(stderr, /minFree/);
  assert.deepEqual(statesOf(file), [`${DUE} pending`]);
  assert.match((await queue('check')).stdout, /a worker started no jobs/);
});

describe('an unusable value', { concurrency: 2 }, () => {
  for (const [name, value] of [
    ['QUEUE_RETENTION', 'done=1d'],
    ['QUEUE_ARCHIVE', 'off'],
    ['QUEUE_ARCHIVE_RETENTION', '365'],
    ['QUEUE_MAX_BYTES', '10MiB'],
    ['QUEUE_MIN_FREE', 'much'],
  ] as const)
    test(`of ${name} is refused by worker and command, and nothing is changed`, async (t) => {
      const { file } = of(t, ...rows());
      const before = rowsOf(file);
      const worker = await tick(file, { [name]: value });
      const command = await run(t, ['-f', file, 'compact'], { env: { [name]: value } });
      assert.deepEqual([worker.code, command.code], [2, 2]);
      assert.match(worker.stderr, new RegExp(`^queue_worker: ${name} is .*\n$`));
      assert.match(command.stderr, new RegExp(`^queue: ${name} is .*\n$`));
      assert.deepEqual(rowsOf(file), before);
      assert.deepEqual(archived(file), []);
    });
});
