/*
 * A program may load the package twice, as an ES module and as CommonJS. Both copies work on one queue like one.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Package from 'tsvq';
import type { Queue } from 'tsvq';
import { root, temporaryFolder } from '../support/folders.js';
import { text } from '../support/queue-file.js';
import { deferred, until } from '../support/waiting.js';

type Copy = typeof Package;

// As they are built; lib/ itself would be a third.
const module: Copy = await import(pathToFileURL(join(root, 'dist/index.js')).href);
const commonJs: Copy = createRequire(import.meta.url)(join(root, 'dist/cjs/index.js'));
const PAIRS: [string, Copy, Copy][] = [
  ['the ES module and the CommonJS one', module, commonJs],
  ['the CommonJS one and the ES module', commonJs, module],
];

interface Jobs {
  step: { n: number };
}

function open(t: TestContext, ...copies: Copy[]): Queue<Jobs>[] {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queues = copies.map(({ openQueue }) => openQueue<Jobs>(file, { durability: 'os' }));
  t.after(() => Promise.all(queues.map((queue) => queue.close())));
  return queues;
}

test('two copies of the package have the same exports', () => {
  assert.notEqual(module.openQueue, commonJs.openQueue);
  assert.deepEqual(Object.keys(commonJs).sort(), Object.keys(module).sort());
});

for (const [names, first, second] of PAIRS) {
  test(`${names}: both add and both work at once, and each job runs once`, async (t) => {
    const queues = open(t, first, second);
    const started: number[] = [];
    const adding = Array.from({ length: 100 }, (_, n) => queues[n % 2]?.enqueue('step', { n }));
    await Promise.all(adding);
    const handlers = {
      step: async ({ n }: { n: number }) => {
        started.push(n);
        await new Promise(setImmediate);
      },
    };
    const options = { concurrency: 3, logger: () => {} };
    const summaries = await Promise.all(queues.map((queue) => queue.processJobs(handlers, options)));
    assert.deepEqual(
      started.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, n) => n),
    );
    assert.equal(
      summaries.reduce((sum, { completed }) => sum + completed, 0),
      100,
    );
  });

  test(`${names}: a run that ignores its abort in one copy keeps the other from starting the job again`, async (t) => {
    const [one, other] = open(t, first, second) as [Queue<Jobs>, Queue<Jobs>];
    const ends = deferred();
    const id = await one.enqueue('step', { n: 1 }, { timeout: 20 });
    const options = { backoff: [0], grace: 20, logger: () => {} };
    await one.processJobs({ step: () => ends.promise }, { ...options, maxTime: 1 });
    await until('the attempt was recorded', async () => (await one.getJob(id))?.status === 'pending');

    let again = 0;
    const handlers = { step: () => void again++ };
    assert.equal((await other.processJobs(handlers, options)).claimed, 0);
    assert.equal(again, 0);
    ends.resolve();
    await until('it has ended', async () => (await other.processJobs(handlers, options)).completed === 1);
    assert.equal(again, 1);
  });

  test(`${names}: one copy knows the errors of the other, by instanceof and in a worker`, async (t) => {
    const [queue] = open(t, first) as [Queue<Jobs>];
    class Refused extends second.PermanentError {
      constructor() {
        super('refused');
        Object.assign(this, { name: 'Refused' });
      }
    }
    const error = await second
      .openQueue(queue.file)
      .enqueue('')
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof first.TsvqError);
    assert.ok(!(error instanceof first.PermanentError));
    assert.ok(new Refused() instanceof first.PermanentError);
    class Mine extends first.PermanentError {}
    assert.ok(!(new Refused() instanceof Mine));
    assert.ok(!(new Error('plain') instanceof first.TsvqError));

    const ids = [await queue.enqueue('step', { n: 1 }), await queue.enqueue('step', { n: 2 })];
    await queue.processJobs(
      {
        step: ({ n }) => {
          throw n === 1 ? new Refused() : new second.RetryAfterError('busy', '1d');
        },
      },
      { logger: () => {} },
    );
    const [refused, busy] = await Promise.all(ids.map((id) => queue.getJob(id)));
    assert.equal(refused?.status, 'failed');
    assert.equal(busy?.status, 'pending');
    assert.ok((busy?.runAt.getTime() ?? 0) > Date.now() + 80_000_000);
  });

  test(`${names}: a handler of one may use the other, also to cancel and to compact`, async (t) => {
    const [one, other] = open(t, first, second) as [Queue<Jobs>, Queue<Jobs>];
    const reasons: unknown[] = [];
    await one.enqueue('step', { n: 1 });
    await one.processJobs(
      {
        step: async (_, { job, signal }) => {
          await other.compact();
          await other.enqueue('step', { n: 2 }, { delay: '1d' });
          const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
          assert.equal(await other.cancelJob(job.id), true);
          await stopped;
          reasons.push(signal.reason.name);
        },
      },
      { logger: () => {} },
    );
    assert.deepEqual(reasons, ['AbortError']);
    const jobs = await other.listJobs();
    assert.deepEqual(jobs.map(({ status }) => status).sort(), ['cancelled', 'pending']);
    assert.ok(text(one.file).endsWith('\n'));
  });
}
