import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue, type Queue } from 'tsvq';
import { root, temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';

/*
 * One process that works two queues: docs/examples/two-queues.js, as cron starts it.
 */

interface Setting {
  folder: string;
  mails: Queue;
  reports: Queue;
}

/** The two queues of the example, in a folder of their own. */
function setting(t: TestContext): Setting {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'data'));
  const open = (name: string): Queue => {
    const queue = openQueue(join(folder, 'data', name), { anyFileSystem: true });
    t.after(() => queue.close());
    return queue;
  };
  return { folder, mails: open('mails.tsv'), reports: open('reports.tsv') };
}

/** Starts the example. It ends with the test at the latest. */
function start(t: TestContext, { folder }: Setting, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(root, 'docs/examples/two-queues.js')], {
    cwd: folder,
    env: { ...bareEnvironment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const looks: (() => void)[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of looks) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const look of looks) look();
  });
  const closed = once(child, 'close');
  const events = (): Record<string, unknown>[] =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event }) => event !== 'warning');
  const ended = closed.then(([code, signal]) => ({ code, signal, stderr, events: events() }));
  /** Resolves when the output has what is wanted. Rejects if the process ends before. */
  const seen = (condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (condition()) resolve();
      };
      looks.push(look);
      look();
      closed.then(() => reject(new Error(`it ended too early: ${stdout}${stderr}`)));
    });
  /** Resolves when so many jobs of a type have ended in this way. */
  const told = (event: string, type: string, count: number): Promise<void> =>
    seen(() => events().filter((other) => other.event === event && other.type === type).length >= count);
  return { child, ended, told, complained: (text: string) => seen(() => stderr.includes(text)) };
}

const many = (type: string, count: number) => Array.from({ length: count }, () => ({ type, payload: {} }));

async function counts(queue: Queue): Promise<number[]> {
  const { pending, processing, completed } = await queue.stats();
  return [pending, processing, completed];
}

/** Resolves when a job of the queue is running. */
async function isRunning(queue: Queue): Promise<void> {
  while ((await queue.stats()).processing === 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('one process drains both queues, and ends with 0', async (t) => {
  const both = setting(t);
  await both.mails.enqueueMany(many('mail', 30));
  await both.reports.enqueueMany(many('report', 3));
  const { code, stderr, events } = await start(t, both).ended;
  assert.deepEqual([code, stderr, events.length], [0, '', 33]);
  assert.deepEqual(await counts(both.mails), [0, 0, 30]);
  assert.deepEqual(await counts(both.reports), [0, 0, 3]);
});

test('a job that takes long in one queue does not hold up the other; SIGTERM gives it back', async (t) => {
  const both = setting(t);
  await both.reports.enqueue('report', { ms: 600_000 });
  const worker = start(t, both, { QUEUE_GRACE: '200ms', QUEUE_LINGER: '10m' });
  await isRunning(both.reports);
  await both.mails.enqueueMany(many('mail', 50));
  await worker.told('completed', 'mail', 50);
  assert.deepEqual(await counts(both.reports), [0, 1, 0]);
  worker.child.kill('SIGTERM');
  const { code, signal, stderr, events } = await worker.ended;
  assert.deepEqual([code, signal, stderr], [0, null, '']);
  assert.equal(events.at(-1)?.event, 'released');
  assert.deepEqual(await counts(both.reports), [1, 0, 0]);
  assert.deepEqual(await counts(both.mails), [0, 0, 50]);
});

test('SIGTERM ends both: a job that can finishes, and jobs that have not started wait', async (t) => {
  const both = setting(t);
  // The quick mail and the slow one start together, in one claim.
  await both.mails.enqueueMany([...many('mail', 1), { type: 'mail', payload: { ms: 3_000 } }]);
  await both.reports.enqueueMany([{ type: 'report', payload: { ms: 3_000 } }, ...many('report', 2)]);
  const worker = start(t, both, { QUEUE_LINGER: '10m', QUEUE_GRACE: '1m' });
  await Promise.all([worker.told('completed', 'mail', 1), isRunning(both.reports)]);
  worker.child.kill('SIGTERM');
  const { code, stderr } = await worker.ended;
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(await counts(both.mails), [0, 0, 2]);
  const [pending = 0, processing, completed = 0] = await counts(both.reports);
  assert.deepEqual([processing, pending + completed], [0, 3]);
  assert.ok(pending >= 2, `${pending} reports wait`);
});

test("a file that isn't a queue is told at once, and doesn't cost the other queue its jobs", async (t) => {
  const both = setting(t);
  writeFileSync(both.mails.file, 'id,type\n1,mail\n');
  await both.reports.enqueueMany(many('report', 3));
  const worker = start(t, both, { QUEUE_LINGER: '10m' });
  await worker.complained(both.mails.file);
  await worker.told('completed', 'report', 3);
  await both.reports.enqueue('report', {});
  await worker.told('completed', 'report', 4);
  worker.child.kill('SIGTERM');
  const { code, stderr } = await worker.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^\S+mails\.tsv: .*not.*queue.*\n$/);
  assert.equal(readFileSync(both.mails.file, 'utf8'), 'id,type\n1,mail\n');
});

test('two queues that linger take up new jobs, whichever file they are in', async (t) => {
  const both = setting(t);
  const worker = start(t, both, { QUEUE_LINGER: '10m' });
  await both.mails.enqueue('mail', {});
  await worker.told('completed', 'mail', 1);
  await both.reports.enqueue('report', {});
  await worker.told('completed', 'report', 1);
  await Promise.all([both.mails.enqueue('mail', {}), both.reports.enqueue('report', {})]);
  await Promise.all([worker.told('completed', 'mail', 2), worker.told('completed', 'report', 2)]);
  worker.child.kill('SIGTERM');
  assert.equal((await worker.ended).code, 0);
});
