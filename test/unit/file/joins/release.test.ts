import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import type { EnqueueOptions } from '../../../../lib/job/job-options.js';
import { bytesOf, faultyFs, isAppend, systemError } from '../../../support/faulty-fs.js';
import { fileOf, jobId, line, linesOf, rowsOf, statesOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/* A job that waits for another one starts when that one has ended, whatever ends it, and whatever comes between. */

const [A, B, C] = [1, 2, 3].map(jobId) as [string, string, string];
const BEHIND: EnqueueOptions = { dedupeKey: 'k', onDuplicate: 'replace' };
const after = (ids: readonly string[], otherwise = 'run'): string => JSON.stringify({ ids, else: otherwise });

test('a hundred replacements while a job runs are one job behind it, with the last payload, that starts after its end', async (t) => {
  for (const fails of [false, true]) {
    const { queue } = openTest(t);
    const end = deferred();
    const begun = deferred();
    const ran: string[] = [];
    await queue.enqueue('job', 0, { ...BEHIND, maxAttempts: 1 });
    const working = queue.processJobs({
      job: async (payload: number) => {
        ran.push(`begin ${payload}`);
        begun.resolve();
        await end.promise;
        ran.push(`end ${payload}`);
        if (fails) throw new Error('for good');
      },
    });
    await begun.promise;
    const outcomes = [];
    for (let i = 1; i <= 100; i++) outcomes.push((await queue.add('job', i, BEHIND)).outcome);
    assert.deepEqual([outcomes[0], ...new Set(outcomes.slice(1))], ['added', 'replaced']);
    const [waiting, ...more] = await queue.listJobs({ status: 'waiting' });
    assert.deepEqual([waiting?.payload, more.length], [100, 0]);
    end.resolve();
    await working;
    // A failed attempt of the first must not have stopped the worker.
    await queue.processJobs({
      job: (payload: number) => void ran.push(`begin ${payload}`, `end ${payload}`),
    });
    assert.deepEqual(ran, ['begin 0', 'end 0', 'begin 100', 'end 100'], String(fails));
  }
});

test('a running job that is cancelled lets the one behind it start in the same commit', async (t) => {
  const { queue, file } = openTest(t, {
    file: fileOf(
      t,
      line({ id: A, status: 'processing', dedupe_key: 'k', attempts: 1, locked_by: 'x', version: 2 }),
      line({ id: B, status: 'waiting', dedupe_key: 'k', after: after([A]) }),
    ),
  });
  await queue.cancelJob(A);
  assert.deepEqual(statesOf(file), [`${A} cancelled`, `${B} pending`]);
  assert.deepEqual((await queue.getJob(B))?.after, [A], 'what it waited for stays to be seen');
});

test('a job waits on while the one before it is given back or tried again', async (t) => {
  const { queue, clock } = openTest(t);
  const first = await queue.enqueue('job', 1, { dedupeKey: 'k' });
  const begun = deferred();
  const end = deferred();
  let attempts = 0;
  const working = queue.processJobs(
    {
      job: async () => {
        attempts++;
        begun.resolve();
        await end.promise;
        if (attempts === 1) throw new Error('once more');
      },
    },
    { backoff: [1000] },
  );
  await begun.promise;
  const second = await queue.enqueue('job', 2, BEHIND);
  end.resolve();
  await working;
  assert.deepEqual(
    [(await queue.getJob(first))?.status, (await queue.getJob(second))?.status],
    ['pending', 'waiting'],
  );
  clock.advance(2000);
  const ran: unknown[] = [];
  await queue.processJobs({ job: (payload) => void ran.push(payload) });
  assert.deepEqual(ran, [1, 2]);
});

test('a rescue that fails a job for good lets the one behind it start', async (t) => {
  const dead = { status: 'processing', attempts: 1, max_attempts: 1, started_at: 1000, version: 2 };
  const { queue, file } = openTest(t, {
    file: fileOf(
      t,
      line({ id: A, dedupe_key: 'k', locked_by: '', claim_timeout: 1, ...dead }),
      line({ id: B, status: 'waiting', dedupe_key: 'k', after: after([A]) }),
    ),
  });
  const ran: string[] = [];
  await queue.processJobs({ email: (_, { job }) => void ran.push(job.id) });
  assert.deepEqual(ran, [B]);
  assert.deepEqual(statesOf(file).sort(), [`${A} failed`, `${B} completed`]);
});

test('a job that waits for several starts when the last of them has ended, also if one commit ends them', async (t) => {
  const running = { status: 'processing', attempts: 1, locked_by: 'x', version: 2 };
  const { queue, file } = openTest(t, {
    file: fileOf(
      t,
      line({ id: A, ...running }),
      line({ id: B, ...running }),
      line({ id: C, status: 'waiting', after: after([A, B]) }),
    ),
  });
  await queue.cancelJob(A);
  assert.ok(statesOf(file).includes(`${C} waiting`));
  await queue.cancelJob(B);
  assert.ok(statesOf(file).includes(`${C} pending`));
});

test('a delayed job that waited keeps its delay', async (t) => {
  const { queue, clock } = openTest(t, {
    file: fileOf(t, line({ id: A, status: 'processing', dedupe_key: 'k', locked_by: 'x', version: 2 })),
  });
  const id = await queue.enqueue('email', 2, { ...BEHIND, delay: '1h' });
  const due = clock.now() + 3_600_000;
  clock.advance(60_000);
  await queue.cancelJob(A);
  const job = await queue.getJob(id);
  assert.deepEqual([job?.status, Number(job?.runAt)], ['pending', due]);
});

test('a waiting job can be cancelled, and then does not start', async (t) => {
  const { queue } = openTest(t, {
    file: fileOf(t, line({ id: A, status: 'processing', dedupe_key: 'k', locked_by: 'x', version: 2 })),
  });
  const id = await queue.enqueue('email', 2, BEHIND);
  assert.equal(await queue.cancelJob(id), true);
  await queue.cancelJob(A);
  assert.equal((await queue.getJob(id))?.status, 'cancelled');
});

test('a release that a full disk cut off is made by whatever takes the lock next, also in another process', async (t) => {
  for (const who of ['worker', 'change']) {
    const { fs, fault } = faultyFs();
    const { queue, file } = openTest(t, {
      fs,
      file: fileOf(
        t,
        line({ id: A, status: 'processing', dedupe_key: 'k', locked_by: 'x', version: 2 }),
        line({ id: B, status: 'waiting', dedupe_key: 'k', after: after([A]) }),
        line({ id: C, type: 'other', run_at: 9e9 }),
      ),
    });
    let isFull = false;
    fault.do = (call, real) => {
      const bytes = isAppend(call, file) ? bytesOf(call) : undefined;
      // No compaction has room either.
      if (isFull && call.name.startsWith('write')) throw systemError('ENOSPC');
      if (!bytes?.includes('\tcancelled\t')) return real();
      isFull = true;
      return systemFs.writeSync(call.args[0] as number, bytes.subarray(0, bytes.indexOf(10) + 1), null);
    };
    await assert.rejects(queue.cancelJob(A), { code: 'DISK_FULL', written: [A] });
    fault.do = undefined;
    assert.deepEqual(
      statesOf(file).slice(0, 2).concat(statesOf(file).slice(-1)).includes(`${B} waiting`),
      true,
    );
    const other = openTest(t, { file }).queue;
    const ran: string[] = [];
    if (who === 'worker') await other.processJobs({ email: (_, { job }) => void ran.push(job.id) });
    else await other.cancelJob(C);
    const states = statesOf(file);
    assert.ok(states.includes(`${B} ${who === 'worker' ? 'completed' : 'pending'}`), states.join());
    assert.deepEqual(ran, who === 'worker' ? [B] : []);
    // And nothing is left of the repair.
    await other.processJobs({});
    const before = linesOf(file);
    await other.processJobs({});
    assert.deepEqual(linesOf(file), before);
  }
});

test('a compaction releases jobs whose parents are final, archived or gone, and no others', async (t) => {
  const ids = [11, 12, 13, 14, 15].map(jobId);
  const [final, gone, running, held, other] = ids as [string, string, string, string, string];
  const { queue, file } = openTest(t, {
    file: fileOf(
      t,
      line({ id: A, status: 'failed', finished_at: 1000, version: 3 }),
      line({ id: B, status: 'processing', locked_by: 'x', version: 2 }),
      line({ id: final, status: 'waiting', after: after([A]) }),
      line({ id: gone, status: 'waiting', after: after([jobId(99)]) }),
      line({ id: running, status: 'waiting', after: after([A, B]) }),
      line({ id: held, status: 'waiting', after: after([jobId(77)]) }),
      line({ id: other, status: 'waiting', after: after([A], 'cancel') }),
      `${jobId(77)}\tcut\n`,
    ),
  });
  await queue.compact();
  const states = Object.fromEntries(rowsOf(file).map(({ id, status }) => [id, status]));
  assert.deepEqual(
    ids.map((id) => states[id]),
    ['pending', 'pending', 'waiting', 'waiting', 'waiting'],
  );
  assert.equal(rowsOf(file).find(({ id }) => id === final)?.version, '2');
});

test('a release that power loss took is made up for when a worker leaves, although the file needs no compaction', async (t) => {
  const { queue, file } = openTest(t, {
    file: fileOf(
      t,
      // So large that no worker compacts it for a few superseded rows.
      ...Array.from({ length: 600 }, (_, n) =>
        line({ id: jobId(100 + n), run_at: 9e9, payload: JSON.stringify('x'.repeat(500)) }),
      ),
      line({ id: A, status: 'completed', finished_at: 1000, version: 3 }),
      line({ id: B, type: 'late', status: 'waiting', after: after([A]) }),
      line({ id: C, type: 'other' }),
    ),
  });
  const { completed } = await queue.processJobs({ other: () => {}, late: () => {} });
  assert.equal(completed, 1);
  assert.ok(statesOf(file).includes(`${B} pending`));
});

test('a job whose release power loss cut off starts without another job or a compaction by hand', async (t) => {
  const job = { id: B, type: 'job', dedupe_key: 'k', after: after([A]) };
  const released = line({ ...job, version: 2 });
  const file = fileOf(
    t,
    line({ id: A, type: 'job', dedupe_key: 'k', status: 'completed', finished_at: 1000, version: 3 }),
    line({ ...job, status: 'waiting' }),
    released.slice(0, released.length / 2),
  );
  const { queue } = openTest(t, { file });
  const ran: string[] = [];
  // As cron does.
  for (let tick = 0; tick < 3; tick++)
    await queue.processJobs({ job: (_, { job: { id } }) => void ran.push(id) });
  assert.deepEqual(ran, [B]);
});
