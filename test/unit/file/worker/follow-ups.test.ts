import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsvqError } from '../../../../lib/job/errors.js';
import { bytesOf, faultyFs, isAppend } from '../../../support/faulty-fs.js';
import { rowsOf } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred, until } from '../../../support/waiting.js';

test('a follow-up has its id at once, and is there when the job is completed, not before', async (t) => {
  const { queue, file } = openTest(t);
  const id = await queue.enqueue('image', {});
  let next = '';
  await queue.processJobs({
    image: async (_, { enqueue }) => {
      next = enqueue('thumb', { of: 1 }, { delay: '1h', priority: 3, maxAttempts: 9, timeout: '5s' });
      assert.match(next, /^[0-9a-f]{16}$/);
      assert.equal(await openTest(t, { file }).queue.getJob(next), undefined);
      return next;
    },
  });
  const [parent, job] = [await queue.getJob(id), await queue.getJob(next)];
  assert.equal(parent?.result, next);
  assert.deepEqual(
    [
      job?.type,
      job?.status,
      job?.payload,
      job?.priority,
      job?.maxAttempts,
      job?.timeout,
      Number(job?.runAt) - Number(job?.createdAt),
    ],
    ['thumb', 'pending', { of: 1 }, 3, 9, 5000, 3_600_000],
  );
});

test('several follow-ups are several jobs, in their order', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('image', {});
  const ids: string[] = [];
  const ran: unknown[] = [];
  await queue.processJobs({
    image: (_, context) => {
      // Destructured, passed on, called late: it needs no `this`.
      const { enqueue } = context;
      for (let n = 0; n < 5; n++) ids.push(enqueue('thumb', n));
    },
    thumb: (n) => void ran.push(n),
  });
  assert.equal(new Set(ids).size, 5);
  assert.deepEqual(ran, [0, 1, 2, 3, 4]);
});

test('follow-ups are in the same append as the completion, which carries them', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  const id = await queue.enqueue('image', {});
  let next = '';
  await queue.processJobs({
    image: (_, { enqueue }) => {
      next = enqueue('thumb', 'x');
    },
  });
  const write =
    calls
      .filter((call) => isAppend(call, file))
      .map((call) => bytesOf(call).toString())
      .find((rows) => rows.includes(next)) ?? '';
  const [first = '', second = ''] = write.split('\n');
  assert.match(first, new RegExp(`^${id}\timage\t.*\tcompleted\t.*\t\\[{"type":"thumb".*`));
  assert.match(second, new RegExp(`^${next}\tthumb\t"x"\tpending\t`));
});

test('a completion without follow-ups carries nothing', async (t) => {
  const { fs, calls } = faultyFs();
  const { queue, file } = openTest(t, { fs });
  await queue.enqueue('image', {});
  await queue.processJobs({ image: () => {} });
  const completion = calls
    .filter((call) => isAppend(call, file))
    .map((call) => bytesOf(call).toString())
    .find((rows) => rows.includes('\tcompleted\t'));
  assert.match(completion ?? '', /\t\t\t\t\t3600\t3\n$/, 'nothing before the limit of the claim');
});

test('a handler that fails leaves no follow-ups, and the next attempt makes its own', async (t) => {
  const { queue, clock, file } = openTest(t);
  await queue.enqueue('image', {});
  const ids: string[] = [];
  const handlers = {
    image: (
      _: unknown,
      { job, enqueue }: { job: { attempts: number }; enqueue: (type: string, payload: unknown) => string },
    ) => {
      ids.push(enqueue('thumb', job.attempts));
      if (job.attempts === 1) throw new Error('no');
    },
  };
  await queue.processJobs(handlers);
  assert.equal(rowsOf(file).length, 1);
  assert.equal(await queue.getJob(ids[0] as string), undefined);
  clock.advance(120_000);
  await queue.processJobs(handlers);
  assert.notEqual(ids[0], ids[1]);
  assert.equal(await queue.getJob(ids[0] as string), undefined);
  assert.deepEqual((await queue.getJob(ids[1] as string))?.payload, 2);
});

test('a job that is cancelled or given back leaves no follow-ups', async (t) => {
  const { queue, clock, file } = openTest(t);
  const id = await queue.enqueue('image', {});
  const started = deferred<string>();
  const goOn = deferred();
  const working = queue.processJobs({
    image: async (_, { enqueue }) => {
      started.resolve(enqueue('thumb', 1));
      await goOn.promise;
    },
  });
  const next = await started.promise;
  await openTest(t, { file }).queue.cancelJob(id);
  clock.advance(1000);
  goOn.resolve();
  await working;
  assert.equal(await queue.getJob(next), undefined);
  assert.equal((await queue.getJob(id))?.status, 'cancelled');
});

test('a follow-up that can not be enqueued is refused at once, in the handler', async (t) => {
  const { queue } = openTest(t, { maxPayload: 100 });
  await queue.enqueue('image', {});
  const codes: string[] = [];
  await queue.processJobs({
    image: (_, { enqueue }) => {
      for (const call of [
        () => enqueue('thumb', 5n),
        () => enqueue('thumb', 'x'.repeat(200)),
        () => enqueue('a\tb', 1),
        () => enqueue('thumb', 1, { delay: -1 }),
      ]) {
        try {
          call();
        } catch (error) {
          codes.push(error instanceof TsvqError ? error.code : String(error));
        }
      }
    },
  });
  assert.deepEqual(codes, ['INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT']);
  assert.equal((await queue.listJobs()).length, 1);
});

test('a follow-up is refused when its job is over', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('image', {});
  let later: ((type: string, payload: unknown) => string) | undefined;
  await queue.processJobs({
    image: (_, { enqueue }) => {
      later = enqueue;
    },
  });
  assert.throws(() => later?.('thumb', 1), new RegExp(id));
  assert.equal((await queue.listJobs()).length, 1);
});

test('a follow-up runs after its parent, in the same worker', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('step', 1);
  const ran: number[] = [];
  const { completed } = await queue.processJobs({
    step: (n: number, { enqueue }) => {
      ran.push(n);
      if (n < 5) enqueue('step', n + 1);
    },
  });
  assert.deepEqual([completed, ran], [5, [1, 2, 3, 4, 5]]);
  await until('all is quiet', async () => (await queue.stats()).pending === 0);
});
