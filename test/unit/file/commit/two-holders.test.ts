import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { once } from '../../../support/faults.js';
import { type Call, faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, rowsOf, statesOf, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';
import { oneJob, replace, row } from './one-job.js';

/*
 * The lock may fail: a machine is suspended for an hour, an owner in another container is passed over, a person
 * removes the directory. Then two processes write, and the file itself has to tell them apart.
 */

test('the earlier of two rows with the same version is the job, and the writer of the other starts over', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  // Somebody claims the job, between our look at the file and our write.
  fault.do = once(file, 'before', () => appendFileSync(file, row('completed', 2)));
  assert.equal(await queue.cancelJob(jobId(1)), false, 'it is finished');
  assert.equal((await queue.getJob(jobId(1)))?.status, 'completed');
  assert.equal((await openTest(t, { file }).queue.getJob(jobId(1)))?.status, 'completed');
});

test('a change that starts over is decided again on top of the other row', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  fault.do = once(file, 'before', () => appendFileSync(file, row('processing', 2)));
  assert.equal(await queue.cancelJob(jobId(1)), true);
  const job = await queue.getJob(jobId(1));
  assert.deepEqual([job?.status, job?.attempts], ['cancelled', 1]);
});

test('the change that was written first does not start over', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  fault.do = once(file, 'after', () => appendFileSync(file, row('completed', 2)));
  assert.equal(await queue.cancelJob(jobId(1)), true);
  assert.equal((await queue.getJob(jobId(1)))?.status, 'cancelled');
});

test('no change of a commit builds on a change of the same commit that came second', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  fault.do = once(file, 'before', () => appendFileSync(file, row('processing', 2)));
  const asked = [1, 2, 3, 4, 5].flatMap(() => [queue.cancelJob(jobId(1)), queue.retryJob(jobId(1))]);
  assert.deepEqual(await Promise.all(asked), Array(10).fill(true));
  const job = await queue.getJob(jobId(1));
  // The attempt that the other has claimed is not forgotten: its number is not given to a second run.
  assert.deepEqual([job?.status, job?.attempts], ['pending', 1]);
});

test('a claim that came second starts no handler', async (t) => {
  for (const [when, starts] of [
    ['before', 0],
    ['after', 1],
  ] as const) {
    const { queue, file, fault } = await oneJob(t);
    const others = line({
      id: jobId(1),
      status: 'processing',
      version: 2,
      attempts: 1,
      started_at: 1_893_456_000,
      locked_by: 'a.b.c.1.1.x',
    });
    fault.do = once(file, when, () => appendFileSync(file, others));
    let started = 0;
    const { claimed } = await queue.processJobs({ email: () => void started++ });
    assert.deepEqual([claimed, started], [starts, starts], when);
    assert.equal((await queue.getJob(jobId(1)))?.status, starts ? 'completed' : 'processing');
  }
});

test('a result that came second is dropped, and logged', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  const events: string[] = [];
  const summary = await queue.processJobs(
    {
      email: () => {
        fault.do = once(file, 'before', () =>
          appendFileSync(
            file,
            line({ id: jobId(1), status: 'pending', version: 3, attempts: 1, run_at: 4e9 }),
          ),
        );
        return 'too late';
      },
    },
    { logger: ({ event }) => events.push(event) },
  );
  assert.deepEqual([summary.completed, events], [0, ['dropped']]);
  const job = await queue.getJob(jobId(1));
  assert.deepEqual([job?.status, job?.result], ['pending', undefined]);
});

test('new jobs of both holders are in the file, each once', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const { queue, file, fault } = await oneJob(t);
    fault.do = once(file, when, () => appendFileSync(file, line({ id: jobId(2) })));
    const ids = await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
    const states = statesOf(file).sort();
    // Our rows may stand there twice, as one version of one job each; a compaction puts that right.
    assert.deepEqual([...new Set(states)], [jobId(1), jobId(2), ...ids].map((id) => `${id} pending`).sort());
    assert.equal((await queue.listJobs()).length, 4);
  }
});

test('a row that was glued to half of another is written again', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  fault.do = once(file, 'before', () => appendFileSync(file, line({ id: jobId(2) }).slice(0, 25)));
  const id = await queue.enqueue('email', 5);
  assert.equal((await queue.getJob(id))?.payload, 5);
  assert.deepEqual((await queue.listJobs()).map((job) => job.id).sort(), [jobId(1), id].sort());
});

test('a holder that was passed over during its commit starts over, and no row is there twice', async (t) => {
  const { queue, file, store, fault } = await oneJob(t);
  fault.do = once(file, 'after', () => {
    for (const { token } of store.lock.holders()) store.fs.unlink(`${store.lock.path}/${token}`);
  });
  const [id, cancelled] = await Promise.all([queue.enqueue('email', 5), queue.cancelJob(jobId(1))]);
  assert.equal(cancelled, true);
  assert.deepEqual(
    (await queue.listJobs()).map((job) => `${job.id} ${job.status}`).sort(),
    [`${jobId(1)} cancelled`, `${id} pending`].sort(),
  );
  assert.equal(statesOf(file).filter((state) => state.startsWith(id)).length, 1);
});

test('a holder that was passed over does not acknowledge rows that the other is about to replace', async (t) => {
  const { queue, file, store, fault } = await oneJob(t);
  const before = readFileSync(file);
  let passed = false;
  let replaced = false;
  // The other read the file before our rows were in it, and writes it anew; it has the name only when it is done.
  const finish = (): void => {
    if (replaced) return;
    replaced = true;
    replace(file, before);
  };
  const passOver = once(file, 'after', () => {
    passed = true;
    for (const { token } of store.lock.holders()) store.fs.unlink(`${store.lock.path}/${token}`);
  });
  fault.do = (call, real) => {
    if (passed && call.name === 'open' && call.path.includes('/owner.')) finish();
    return passOver(call, real);
  };
  const cancelled = await queue.cancelJob(jobId(1));
  finish();
  assert.equal(cancelled, true);
  assert.deepEqual(
    (await openTest(t, { file }).queue.listJobs()).map((job) => `${job.id} ${job.status}`),
    [`${jobId(1)} cancelled`],
  );
});

/** A file system whose lock lets everybody in, and whose every step may let the others go first. */
function withoutLock(random: () => number) {
  return faultyFs((call: Call, real) => {
    if (call.name === 'readdir' && call.path.endsWith('.lock')) return [];
    const result = real();
    if (!(result instanceof Promise)) return result;
    return result.then(async (value) => {
      for (let n = Math.floor(random() * 6); n > 0; n--) await new Promise(setImmediate);
      return value;
    });
  }).fs;
}

/** The same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

test('every job runs once, and no acknowledged row or final state is lost, without any lock and without compaction', async (t) => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = seeded(seed);
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(file);
    const clock = new FakeClock();
    const handles = [0, 1, 2].map(() => {
      const handle = openTest(t, { file, clock, fs: withoutLock(random) });
      // It alone truly needs the lock.
      Object.assign(handle.store, { compactIfWorthwhile: async () => {} });
      return handle.queue;
    });
    const runs = new Map<string, number>();
    const acknowledged: string[] = [];
    const cancelled: string[] = [];
    const produced = deferred();
    let left = 40;
    const produce = async (): Promise<void> => {
      while (left-- > 0) {
        const queue = handles[Math.floor(random() * 3)] as (typeof handles)[number];
        const id = await queue.enqueue('email', left);
        acknowledged.push(id);
        if (random() < 0.2 && (await queue.cancelJob(id))) cancelled.push(id);
      }
    };
    Promise.all([produce(), produce(), produce()]).then(() => produced.resolve(), produced.reject);
    const work = async (queue: (typeof handles)[number]): Promise<void> => {
      const handler = async (
        _: unknown,
        { job }: { job: { id: string; attempts: number } },
      ): Promise<string> => {
        const run = `${job.id}:${job.attempts}`;
        runs.set(run, (runs.get(run) ?? 0) + 1);
        if (random() < 0.5) await new Promise(setImmediate);
        return run;
      };
      let over = false;
      // Also where that has failed: the workers end, and the test says why.
      const end = (): void => {
        over = true;
      };
      produced.promise.then(end, end);
      for (let last = false; !last; ) {
        last = over;
        await queue.processJobs({ email: handler }, { concurrency: 3, maxWorkers: 10 });
      }
    };
    await Promise.all([...handles.map(work), produced.promise]);

    const fresh = openTest(t, { file, clock }).queue;
    const jobs = await fresh.listJobs();
    assert.deepEqual(jobs.map(({ id }) => id).sort(), [...acknowledged].sort(), `seed ${seed}`);
    for (const job of jobs) {
      if (cancelled.includes(job.id)) assert.equal(job.status, 'cancelled', `seed ${seed}: ${job.id}`);
      else
        assert.deepEqual([job.status, job.result], ['completed', `${job.id}:1`], `seed ${seed}: ${job.id}`);
    }
    assert.deepEqual(
      [...runs].filter(([, count]) => count > 1),
      [],
      `seed ${seed}`,
    );
    const finals = rowsOf(file).filter(({ status }) => status === 'completed' || status === 'cancelled');
    assert.ok(finals.length >= jobs.length);
  }
});

test('a compaction whose lock was taken over rejects, and leaves the file as it was', async (t) => {
  const { queue, file, fault } = await oneJob(t);
  const before = text(file);
  fault.do = ({ name, path }, real) => {
    if (name === 'fsync' && path.endsWith('.tmp')) rmSync(`${file}.lock`, { recursive: true });
    return real();
  };
  await rejects(queue.compact(), 'WRITE_FAILED', 'taken over');
  assert.equal(text(file), before);
});

test('a holder that made the first file, and was passed over meanwhile, does not replace what others wrote', async (t) => {
  const unjudged = { self: systemProcesses.self, liveness: () => 'unknown' as const };
  for (const exists of [false, true]) {
    const { fs, fault } = faultyFs();
    const file = join(temporaryFolder(t), 'queue.tsv');
    if (exists) writeQueue(file, line({ id: jobId(1) }));
    const { queue } = openTest(t, { file, fs });
    const other = openTest(t, { file, processes: unjudged });
    let id = '';
    let leftovers: string[] = [];
    fault.do = ({ name, path }, real) =>
      name === 'fsync' && path.endsWith('.tmp') ? passOver(real) : real();
    const passOver = async (real: () => unknown): Promise<unknown> => {
      fault.do = undefined;
      const [token = ''] = readdirSync(`${file}.lock`);
      utimesSync(join(`${file}.lock`, token), 0, 0);
      id = await other.queue.enqueue('email', {});
      leftovers = readdirSync(dirname(file)).filter((found) => found.endsWith('.tmp'));
      return real();
    };
    await rejects(exists ? queue.compact() : queue.enqueue('email', {}), 'WRITE_FAILED', 'taken over');
    assert.deepEqual(
      leftovers,
      [],
      'even after its last look at its token, it could not take the name any more',
    );
    assert.ok(statesOf(file).includes(`${id} pending`));
  }
});

test('a holder that is passed over finds its token gone before it reads the file', async (t) => {
  const { fs, calls } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1) }));
  const token = join(`${file}.lock`, 'owner.elsewhere.0.0.4711.1.aa');
  mkdirSync(`${file}.lock`);
  writeFileSync(token, '');
  utimesSync(token, 0, 0);
  await openTest(t, { file, fs }).queue.compact();
  const gone = calls.findIndex(({ name, path }) => name === 'unlink' && path === token);
  const copied = calls.findIndex(({ name, path }) => name === 'open' && path.endsWith('.tmp'));
  assert.ok(gone >= 0 && gone < copied, `${gone} ${copied}`);
});
