import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type HandlerContext, openQueue } from '../../lib/index.js';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, writeQueue } from '../support/queue-file.js';
import { deferred, until } from '../support/waiting.js';
import { fields, records, run, start } from './cli-process.js';

/*
 * `queue logs`, in a process of its own beside the worker.
 */

function queueHere(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file, { anyFileSystem: true });
  t.after(() => queue.close());
  const env = { QUEUE_FILE: file };
  const command = (...words: string[]) => run(t, words, { env });
  return { file, queue, env, command };
}

const quiet = { logger: () => {}, backoff: [0] };

test('logs -f prints what a job says while it runs, through a failed attempt, and ends with the job', async (t) => {
  const { queue, env } = queueHere(t);
  const id = await queue.enqueue('work');
  const steps = [deferred(), deferred()];
  const working = queue.processJobs(
    {
      work: async (_: unknown, { log, progress, job }: HandlerContext) => {
        log(`attempt ${job.attempts} says hello`);
        progress(job.attempts * 10, 'page 1');
        await steps[job.attempts - 1]?.promise;
        if (job.attempts === 1) throw new Error('not yet');
        log('last words');
      },
    },
    quiet,
  );
  await until('the log is there', async () => (await queue.readLog(id)).includes('hello'));
  const follow = start(t, ['logs', '-f', id.slice(0, 12), '--plain'], { env });
  await follow.said('attempt 1 says hello');
  steps[0]?.resolve();
  await follow.said('attempt 2 says hello');
  steps[1]?.resolve();
  await working;
  const { code, stdout, stderr } = await follow.ended;
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(
    fields(stdout).map((row) => row.slice(1).join(' ').trim()),
    [
      ...['1 start', '1 log attempt 1 says hello', '1 progress 10 page 1', '1 end retried'],
      ...[
        '2 start',
        '2 log attempt 2 says hello',
        '2 progress 20 page 1',
        '2 log last words',
        '2 end completed',
      ],
    ],
  );
});

test('logs -f waits for a job that has not started, and ends quietly at a signal', async (t) => {
  const { queue, env } = queueHere(t);
  const id = await queue.enqueue('work');
  const other = await queue.enqueue('other');
  const follow = start(t, ['logs', '-f', id], { env });
  await queue.processJobs({ work: (_: unknown, { log }: HandlerContext) => log('done soon') }, quiet);
  const { code, stdout } = await follow.ended;
  assert.equal(code, 0);
  assert.match(stdout, / start {2}attempt 1\n.* {9}done soon\n.* {3}end {2}attempt 1 completed\n$/);
  const waiting = start(t, ['-f', queue.file, 'logs', '-f', other], { env });
  waiting.child.kill('SIGINT');
  // A signal before its handlers are there ends it as any process.
  assert.equal((await waiting.ended).stdout, '');
});

test('logs -f follows into a new file once the log is long', async (t) => {
  const { queue, env } = queueHere(t);
  const id = await queue.enqueue('work');
  const go = deferred();
  const text = 'x'.repeat(1000);
  const working = queue.processJobs(
    {
      work: async (_: unknown, { log }: HandlerContext) => {
        log('first');
        await go.promise;
        for (let i = 0; i < 1500; i++) log(`${i} ${text}`);
      },
    },
    quiet,
  );
  await until('the log is there', async () => (await queue.readLog(id)).includes('first'));
  const follow = start(t, ['logs', '-f', id, '--json'], { env });
  await follow.said('first');
  go.resolve();
  await working;
  const { stdout } = await follow.ended;
  const numbers = records(stdout)
    .map(({ text }) => Number.parseInt(String(text), 10))
    .filter((number) => !Number.isNaN(number));
  assert.deepEqual(
    numbers,
    Array.from({ length: 1500 }, (_, i) => i),
  );
});

test('a log is printed without what a terminal would obey, and damaged lines are left out', async (t) => {
  const { file, command } = queueHere(t);
  const id = jobId(1);
  writeQueue(file, line({ id }));
  mkdirSync(join(file, '..', 'logs'));
  const lines = ['1893456000.5\t1\tlog\tred \x1b[31m\ttab', 'nonsense', '1893456001\t1\tprogress\t50.5 half'];
  writeFileSync(join(file, '..', 'logs', `queue.${id}.log`), `${lines.join('\n')}\n1893456002\t1\tlog\tcut`);
  const { code, stdout } = await command('logs', id, '--utc');
  assert.equal(code, 0);
  assert.equal(
    stdout,
    '2030-01-01T00:00:00Z         red \\u001b[31m\\ttab\n2030-01-01T00:00:01Z   50 %  half\n',
  );
  assert.deepEqual(records((await command('logs', id, '--json')).stdout)[0], {
    ...{ at: '2030-01-01T00:00:00.500Z', attempt: 1, kind: 'log', text: 'red \x1b[31m\ttab' },
  });
  const show = await command('show', id, '--utc');
  assert.match(
    show.stdout,
    /\nlog {2}the last lines; all: queue logs 0000000000000001\n {2}2030.* red \\u001b/,
  );
});

test('a job without a log is no error, and an unknown one is', async (t) => {
  const { queue, command } = queueHere(t);
  const id = await queue.enqueue('work');
  assert.deepEqual(await command('logs', id), {
    ...{ code: 0, signal: null, stdout: '', stderr: `queue: job ${id} has written no log\n` },
  });
  const { code, stderr } = await command('logs', 'ffff');
  assert.equal(code, 3);
  assert.match(stderr, /there is no job ffff/);
});

test('show and status tell how far a running job is', async (t) => {
  const { queue, command } = queueHere(t);
  const id = await queue.enqueue('work');
  const go = deferred();
  const working = queue.processJobs(
    {
      work: async (_: unknown, { progress }: HandlerContext) => {
        progress(42.7, 'page 9');
        await go.promise;
      },
    },
    quiet,
  );
  await until('it has said so', async () => (await queue.getJob(id))?.progress !== undefined);
  assert.match((await command('show', id)).stdout, /\nprogress {4}42 % page 9\n/);
  assert.match(
    (await command('show', id, '--plain')).stdout,
    /\nprogress\t\{"percent":42.7,"message":"page 9"\}\n/,
  );
  assert.match((await command('status')).stdout, /attempt 1 .*42 % page 9/);
  assert.deepEqual(records((await command('status', '--json')).stdout)[0]?.running, [
    { ...(JSON.parse(JSON.stringify(await queue.getJob(id))) as object) },
  ]);
  go.resolve();
  await working;
});
