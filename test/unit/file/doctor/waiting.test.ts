import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { line } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';
import { A, B, C, found, inspectUnderLock, opened } from './inspected.js';

/* `queue doctor` finds jobs that wait for other jobs and never start, and jobs that share a key. */

const after = (...ids: string[]): string => JSON.stringify({ ids, else: 'run' });
const runs = { status: 'processing', locked_by: 'box.boot.1.5.3.alive', started_at: 1000 } as const;

for (const [what, field] of [
  ['none', ''],
  ['no JSON', 'soon'],
  ['JSON of another form', '["0000000000000002"]'],
  ['no ids', '{"ids":[],"else":"run"}'],
  ['an unknown else', `{"ids":["${B}"],"else":"wait"}`],
] as const)
  test(`finds a waiting job whose after is damaged, and would never end: ${what}`, async (t) => {
    const [finding, ...others] = await found(
      t,
      line({ id: B, ...runs }),
      line({ id: A, status: 'waiting', after: field }),
    );
    assert.deepEqual([finding?.kind, finding?.id, finding?.line, others], ['waiting', A, 4, []]);
    assert.equal(
      finding?.message,
      `job ${A} is waiting, but its after doesn't name the jobs that it waits for, so it would wait for ever; cancel it: queue cancel ${A}`,
    );
  });

for (const [what, rows] of [
  ['has ended', [line({ id: B, status: 'failed', finished_at: 5 })]],
  ['is missing', []],
] as const)
  test(`finds a waiting job that could start, because the job that it waits for ${what}`, async (t) => {
    const [finding, ...others] = await found(t, ...rows, line({ id: A, status: 'waiting', after: after(B) }));
    assert.deepEqual([finding?.kind, finding?.id, others], ['waiting', A, []]);
    assert.match(finding?.message ?? '', /have ended; the next compaction lets it start \(queue compact\)$/);
  });

test('a waiting job is in order while one that it waits for has not ended, or is held', async (t) => {
  assert.deepEqual(
    await found(
      t,
      line({ id: B, ...runs }),
      line({ id: A, status: 'waiting', after: after(B, C) }),
      line({ id: C, status: 'completed', finished_at: 5 }),
    ),
    [],
  );
  const held = await found(t, `${B}\tbroken\n`, line({ id: A, status: 'waiting', after: after(B) }));
  assert.ok(held.every(({ kind }) => kind !== 'waiting'));
});

test('a waiting job whose release may be under way is not named while a process writes', async (t) => {
  const test = opened(t, [line({ id: A, status: 'waiting', after: after(B) })]);
  const findings = await inspectUnderLock(test, 'box.boot.1.12.3.alive');
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['lock'],
  );
});

test('a waiting job that is to be cancelled after a failure is left to a version that knows how', async (t) => {
  const field = JSON.stringify({ ids: [B], else: 'cancel' });
  assert.deepEqual(await found(t, line({ id: A, status: 'waiting', after: field })), []);
});

test('finds jobs of one type that wait with the same key, and names the newest', async (t) => {
  const findings = await found(
    t,
    line({ id: A, dedupe_key: 'daily', created_at: 1002 }),
    line({ id: B, dedupe_key: 'daily', created_at: 1001 }),
    line({ id: C, dedupe_key: 'daily', created_at: 1001 }),
  );
  assert.deepEqual(
    findings.map(({ kind, id, line: at }) => [kind, id, at]),
    [
      ['key', B, 4],
      ['key', C, 5],
    ],
  );
  assert.equal(
    findings[0]?.message,
    `job ${B} waits with the key "daily", and so does job ${A}, from an edit by hand: both run, and the newer one, ${A}, answers for the key; cancel one of them: queue cancel ${B}`,
  );
});

test('jobs that share a key as they may are in order', async (t) => {
  const key = { dedupe_key: 'daily' };
  for (const rows of [
    [line({ id: A, ...key }), line({ id: B, ...key, type: 'report' })],
    [line({ id: A, ...key }), line({ id: B, ...key, status: 'failed', finished_at: 5 })],
    [line({ id: A, ...key, ...runs, attempts: 1 }), line({ id: B, ...key })],
    [line({ id: A, ...key }), line({ id: B, ...key, status: 'waiting', after: after(A) })],
    [line({ id: A, ...key }), line({ id: A, ...key, version: 2 })],
    [line({ id: A }), line({ id: B })],
  ])
    assert.deepEqual(await found(t, ...rows), []);
});

test('a job between two attempts, and one that was added while it ran, are in order', async (t) => {
  const { queue, store } = openTest(t);
  const key = { dedupeKey: 'daily', dedupe: 'queued' } as const;
  const begun = deferred();
  const end = deferred();
  await queue.enqueue('report', 1, key);
  const working = queue.processJobs(
    {
      report: async () => {
        begun.resolve();
        await end.promise;
        throw new Error('not yet');
      },
    },
    { backoff: ['1h'], maxTime: '1h' },
  );
  await begun.promise;
  await queue.enqueue('report', 2, { ...key, delay: '1h' });
  end.resolve();
  await working;
  assert.deepEqual(
    (await queue.listJobs()).map(({ status, attempts }) => [status, attempts]),
    [
      ['pending', 0],
      ['pending', 1],
    ],
  );
  assert.deepEqual(
    (await inspect(store)).filter(({ kind }) => kind === 'key'),
    [],
  );
});
