import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemClock } from '../../lib/job/clock.js';
import { type Child, journaled, startChild, workFolder } from '../fixtures/children.js';
import { rejects } from '../support/errors.js';
import { root } from '../support/folders.js';
import { openTest } from '../support/queues.js';

/*
 * Processes that are suspended, or can not be judged. See also "a process that is stopped while it decides is waited
 * for, and named" in test/integration/between-processes.test.ts, "a pid that is used again is another process" in
 * test/unit/file/lock/process-id.test.ts, and "an owner that can not be judged has 60 seconds" in lock.test.ts.
 */

test('the job of a worker that was suspended past every limit runs elsewhere, and the late result is dropped', async (t) => {
  const folder = workFolder(t);
  const file = join(folder, 'queue.tsv');
  const journal = join(folder, 'journal');
  const id = await openQueue(file).enqueue('wait', {}, { timeout: '30s' });
  const worker: Child = startChild(t, 'worker.js', { file, journal });
  await worker.said('started');
  worker.process.kill('SIGSTOP');

  // Ten minutes later, by this process's clock.
  const clock = { ...systemClock, now: () => Date.now() + 600_000 };
  const { queue } = openTest(t, { file, clock: clock as never });
  const attempts: number[] = [];
  const handlers = {
    wait: (_: unknown, { job }: { job: { attempts: number } }) => void attempts.push(job.attempts),
  };
  const { rescued, completed } = await queue.processJobs(handlers);
  assert.deepEqual({ rescued, completed, attempts }, { rescued: 1, completed: 1, attempts: [2] });

  worker.process.kill('SIGCONT');
  worker.tell('go');
  await worker.done();
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, job?.attempts, job?.result], ['completed', 2, undefined]);
  assert.deepEqual(journaled(journal, 'start'), [`${id}:1`]);
});

/** A process in a pid namespace of its own; undefined where that is not allowed. */
function inNamespace(t: TestContext, file: string, script: string): ChildProcess | undefined {
  const unshare = ['-fp', '--mount-proc', '--kill-child'];
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) return undefined;
  const module = `import { openQueue } from 'tsvq'; const queue = openQueue(${JSON.stringify(file)}); ${script}`;
  const child = spawn('unshare', [...unshare, process.execPath, '--input-type=module', '-e', module], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

const NOT_ALLOWED = 'takes the right to make a pid namespace';

test('a worker in another pid namespace, alive or dead, keeps its job until its time limit is long past', async (t) => {
  const file = join(workFolder(t), 'queue.tsv');
  const id = await openQueue(file).enqueue('email', {}, { timeout: '30s' });
  const child = inNamespace(
    t,
    file,
    `await queue.processJobs({ email: () => { console.log('started'); return new Promise((resolve) => process.stdin.once('data', resolve)); } });`,
  );
  if (child === undefined) return t.skip(NOT_ALLOWED);
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const work = async (minutes: number): Promise<number> => {
    const clock = { ...systemClock, now: () => Date.now() + minutes * 60_000 };
    const { queue } = openTest(t, { file, clock: clock as never });
    return (await queue.processJobs({ email: () => {} })).completed;
  };
  assert.equal(await work(0), 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await work(0), 0, 'from here a dead one looks the same');
  assert.equal(await work(1.9), 0);
  assert.equal(await work(2.1), 1);
  assert.equal((await openQueue(file).getJob(id))?.attempts, 2);
});

test('a lock in another pid namespace is waited for, named, and can be taken with queue unlock', async (t) => {
  const file = join(workFolder(t), 'queue.tsv');
  const id = await openQueue(file).enqueue('email');
  // Killed in the middle of a compaction, the token stays.
  const child = inNamespace(
    t,
    file,
    `const { default: fs } = await import('node:fs');
    const { syncBuiltinESMExports } = await import('node:module');
    fs.fsync = () => { console.log('held'); setInterval(() => {}, 1000); };
    syncBuiltinESMExports();
    await queue.compact();`,
  );
  if (child === undefined) return t.skip(NOT_ALLOWED);
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const impatient = openQueue(file, { lockTimeout: 100 });
  await rejects(impatient.enqueue('email'), 'LOCK_TIMEOUT', 'queue unlock');
  await rejects(impatient.cancelJob(id), 'LOCK_TIMEOUT', 'queue unlock');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await rejects(impatient.enqueue('email'), 'LOCK_TIMEOUT');
  const unlock = spawnSync(process.execPath, [join(root, 'dist/cli.js'), '--file', file, 'unlock'], {
    encoding: 'utf8',
  });
  assert.equal(unlock.status, 0, unlock.stderr);
  await impatient.enqueue('email');
  assert.equal((await impatient.listJobs()).length, 2);
  assert.equal(existsSync(`${file}.lock`), false);
});
