import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EnqueueDefaults, EnqueueOptions } from '../../../../lib/job/job-options.js';
import { openQueue } from '../../../../lib/open-queue.js';
import { rejects, throws } from '../../../support/errors.js';
import { temporaryFolder } from '../../../support/folders.js';
import { openTest } from '../../../support/queues.js';

/* What jobs of a type have by default: openQueue(file, { defaults }). */

const HOUR = 3_600_000;
/** No word on stderr about the types without a handler. */
const QUIET = { logger: () => {} };
const ALL: EnqueueDefaults = { delay: '1h', priority: 7, maxAttempts: 4, timeout: '90s' };

test('a job has the defaults of its type, and other types have none', async (t) => {
  const { queue, clock } = openTest(t, { defaults: { work: ALL } });
  const [work, other] = await Promise.all(
    (await queue.enqueueMany([{ type: 'work' }, { type: 'other' }])).map((id) => queue.getJob(id)),
  );
  assert.deepEqual(
    [Number(work?.runAt) - clock.now(), work?.priority, work?.maxAttempts, work?.timeout],
    [HOUR, 7, 4, 90_000],
  );
  assert.deepEqual(
    [Number(other?.runAt) - clock.now(), other?.priority, other?.maxAttempts, other?.timeout],
    [0, 0, undefined, undefined],
  );
});

for (const [options, changed] of [
  [{ delay: 0 }, { delay: 0 }],
  [{ priority: 0 }, { priority: 0 }],
  [{ maxAttempts: 1 }, { maxAttempts: 1 }],
  [{ timeout: 1000 }, { timeout: 1000 }],
  [{ delay: undefined, priority: undefined, maxAttempts: undefined, timeout: undefined }, {}],
] as [EnqueueOptions, object][])
  test(`an option of the call wins, and the others stay: ${JSON.stringify(options)}`, async (t) => {
    const { queue, clock } = openTest(t, { defaults: { work: ALL } });
    const job = await queue.getJob(await queue.enqueue('work', 1, options));
    assert.deepEqual(
      {
        delay: Number(job?.runAt) - clock.now(),
        priority: job?.priority,
        maxAttempts: job?.maxAttempts,
        timeout: job?.timeout,
      },
      { delay: HOUR, priority: 7, maxAttempts: 4, timeout: 90_000, ...changed },
    );
  });

test('runAt of a call wins over a default delay', async (t) => {
  const { queue } = openTest(t, { defaults: { work: ALL } });
  const runAt = new Date('2040-01-01T00:00:00Z');
  const job = await queue.getJob(await queue.enqueue('work', 1, { runAt }));
  assert.deepEqual([job?.runAt, job?.priority], [runAt, 7]);
  await rejects(queue.enqueue('work', 1, { runAt, delay: '1h' }), 'INVALID_ARGUMENT', 'delay');
});

test('a follow-up has the defaults of its type', async (t) => {
  const { queue, clock } = openTest(t, { defaults: { child: ALL } });
  await queue.enqueue('parent');
  await queue.processJobs(
    {
      parent: (_, { enqueue }) => {
        enqueue('child', 1);
        enqueue('child', 2, { priority: 1, runAt: new Date(clock.now()) });
      },
    },
    QUIET,
  );
  const jobs = await queue.listJobs({ type: 'child' });
  assert.deepEqual(
    jobs.map(({ payload, priority, maxAttempts, runAt }) => [
      payload,
      priority,
      maxAttempts,
      Number(runAt) - clock.now(),
    ]),
    [
      [1, 7, 4, HOUR],
      [2, 1, 4, 0],
    ],
  );
});

test('a default dedupeKey of true makes each call unique by its payload, and a key of the call wins', async (t) => {
  const { queue } = openTest(t, { defaults: { work: { dedupeKey: true } } });
  const first = await queue.enqueue('work', { a: 1, b: 2 });
  assert.equal(await queue.enqueue('work', { b: 2, a: 1 }), first);
  const many = await queue.addMany([
    { type: 'work', payload: { a: 1, b: 2 } },
    { type: 'work', payload: 3 },
    { type: 'work', payload: 3 },
    { type: 'work', payload: 3, options: { dedupeKey: 'another' } },
    { type: 'other', payload: 3 },
    { type: 'other', payload: 3 },
  ]);
  assert.deepEqual(
    many.map(({ outcome }) => outcome),
    ['existing', 'added', 'existing', 'added', 'added', 'added'],
  );
});

test('a default key makes follow-ups unique', async (t) => {
  const { queue } = openTest(t, { defaults: { child: { dedupeKey: true, dedupe: 'kept' } } });
  await queue.enqueue('parent');
  await queue.processJobs(
    {
      parent: (_, { enqueue }) => {
        for (const payload of [1, 1, 2]) enqueue('child', payload);
      },
    },
    QUIET,
  );
  assert.deepEqual(
    (await queue.listJobs({ type: 'child' })).map(({ payload }) => payload),
    [1, 2],
  );
});

test('a default debounce replaces the job that waits', async (t) => {
  const debounce = { dedupeKey: true, delay: '10m', onDuplicate: 'replace', maxDelay: '15m' } as const;
  const { queue, clock } = openTest(t, { defaults: { work: debounce } });
  const begin = clock.now();
  const id = await queue.enqueue('work', 1);
  clock.advance(600_000 - 1);
  assert.deepEqual(await queue.add('work', 1), { id, outcome: 'replaced' });
  assert.equal(Number((await queue.getJob(id))?.runAt), begin + 900_000);
  const other = await queue
    .add('work', 1, { onDuplicate: 'update', maxDelay: undefined })
    .catch((error) => error);
  void other;
});

for (const type of ['constructor', '__proto__', 'toString'])
  test(`a type may be called ${type}, with defaults and without`, async (t) => {
    const defaults = JSON.parse(`{${JSON.stringify(type)}:{"priority":7}}`);
    const { queue } = openTest(t, { defaults });
    assert.equal((await queue.getJob(await queue.enqueue(type)))?.priority, 7);
    const { queue: plain } = openTest(t, { defaults: { work: ALL } });
    assert.equal((await plain.getJob(await plain.enqueue(type)))?.priority, 0);
  });

test('defaults are those at the time of openQueue', async (t) => {
  const work = { priority: 7 };
  const defaults: Record<string, EnqueueDefaults> = { work };
  const { queue } = openTest(t, { defaults });
  work.priority = 1;
  defaults.other = { priority: 5 };
  assert.equal((await queue.getJob(await queue.enqueue('work')))?.priority, 7);
  assert.equal((await queue.getJob(await queue.enqueue('other')))?.priority, 0);
});

for (const [defaults, ...named] of [
  [{ work: { delay: 'soon' } }, 'defaults.work.delay is "soon"'],
  [{ work: { delay: -1 } }, 'defaults.work.delay'],
  [{ work: { priority: '7' } }, 'defaults.work.priority is "7"'],
  [{ work: { maxAttempts: 0 } }, 'defaults.work.maxAttempts is 0'],
  [{ work: { timeout: 0 } }, 'defaults.work.timeout is 0'],
  [{ work: { dedupeKey: true, dedupe: 'all' } }, 'defaults.work.dedupe is "all"'],
  [{ work: { dedupeKey: true, onDuplicate: 'ignore' } }, 'defaults.work.onDuplicate is "ignore"'],
  [{ work: { dedupeKey: true, maxDelay: '1h' } }, 'defaults.work.maxDelay is "1h"'],
  [{ work: { dedupe: 'kept' } }, 'defaults.work.dedupe is "kept"', 'dedupeKey'],
  [{ work: { runAt: 1 } }, 'defaults.work', 'runAt'],
  [{ work: { meta: {} } }, 'defaults.work', 'meta'],
  [{ work: { prioritty: 1 } }, 'defaults.work', 'prioritty'],
  [{ ok: { priority: 1 }, work: null }, 'defaults.work is null'],
  [{ work: 7 }, 'defaults.work is 7'],
  [7, 'defaults is 7'],
  [null, 'defaults is null'],
] as const)
  test(`wrong defaults are refused by openQueue: ${JSON.stringify(defaults)}`, (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    throws(() => openQueue(file, { defaults: defaults as never }), 'INVALID_ARGUMENT', ...named);
    assert.equal(existsSync(file), false);
  });

test('a call that excludes a default goes without it', async (t) => {
  const defaults = { work: { dedupeKey: true, onDuplicate: 'replace', maxDelay: '1h' } } as const;
  const { queue } = openTest(t, { defaults });
  await queue.enqueue('work', 1);
  assert.equal((await queue.add('work', 1, { onDuplicate: 'return' })).outcome, 'existing');
  assert.equal((await queue.add('work', 1, { onDuplicate: 'update' })).outcome, 'updated');
  await rejects(queue.enqueue('work', 1, null as never), 'INVALID_ARGUMENT', 'options');
});

test('a default key, a type, or a list that can not be used is refused when the queue is opened', (t) => {
  const open = (defaults: unknown) => () => openTest(t, { defaults: defaults as never });
  throws(open({ work: { dedupeKey: '@x' } }), 'INVALID_ARGUMENT', 'defaults.work.dedupeKey is "@x"');
  throws(open({ '#work': {} }), 'INVALID_ARGUMENT', '#work');
  throws(open([{}]), 'INVALID_ARGUMENT', 'defaults');
});
