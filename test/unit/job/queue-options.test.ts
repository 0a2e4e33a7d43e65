import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { throws } from '../../support/errors.js';

const DAY = 86_400_000;
const FOR_EVER = Number.POSITIVE_INFINITY;

test('queue options have their documented defaults', () => {
  // Without a prototype, because a type may be called constructor.
  const defaults = Object.create(null) as object;
  const resolved = {
    durability: 'sync',
    retention: { completed: 7 * DAY, failed: 30 * DAY, cancelled: 7 * DAY },
    archive: true,
    archiveRetention: FOR_EVER,
    maxPayload: 1_048_576,
    maxBytes: 4_294_967_296,
    minFree: 0,
    lockTimeout: 30_000,
    anyFileSystem: false,
    noWorkerAfter: 600_000,
    defaults,
    tracing: undefined,
  };
  assert.deepEqual(resolveQueueOptions({}), resolved);
  const given = { durability: 'os', archive: false, maxPayload: 5, maxBytes: 6, minFree: 7 } as const;
  assert.deepEqual(
    resolveQueueOptions({ ...given, retention: 0, archiveRetention: '365d', lockTimeout: '1s' }),
    {
      ...resolved,
      ...given,
      retention: { completed: 0, failed: 0, cancelled: 0 },
      archiveRetention: 365 * DAY,
      lockTimeout: 1000,
    },
  );
});

test('a queue option that can not be used is refused by its name', () => {
  for (const [options, ...message] of [
    [{ anyFileSystem: 'yes' }, 'anyFileSystem is', 'true or false'],
    [{ archive: 'no' }, 'archive is', 'true or false'],
    [{ archiveRetention: 'long' }, 'archiveRetention is "long"'],
    [{ durability: 'full' }, 'durability is "full"', "'sync'"],
    [{ maxPayload: 0 }, 'maxPayload is 0'],
    [{ maxBytes: 0 }, 'maxBytes is 0'],
    [{ maxBytes: '4 GiB' }, 'maxBytes is "4 GiB" (string); it must be a number of bytes'],
    [{ minFree: -1 }, 'minFree is -1 (number); it must be a number of bytes'],
    [{ minFree: Number.POSITIVE_INFINITY }, 'minFree is Infinity'],
  ] as const)
    throws(() => resolveQueueOptions(options as object), 'INVALID_ARGUMENT', ...message);
  assert.equal(resolveQueueOptions({ maxBytes: Number.POSITIVE_INFINITY }).maxBytes, FOR_EVER);
  const most = 100 * 1024 * 1024;
  assert.equal(resolveQueueOptions({ maxPayload: most }).maxPayload, most);
  throws(() => resolveQueueOptions({ maxPayload: most + 1 }), 'INVALID_ARGUMENT', 'it must be at most');
});

test('retention is one time for all states, or a time for each; a state that is left out has its default', () => {
  for (const [retention, completed, failed, cancelled] of [
    ['30d', 30, 30, 30],
    [FOR_EVER, FOR_EVER, FOR_EVER, FOR_EVER],
    [{}, 7, 30, 7],
    [{ completed: '1d' }, 1, 30, 7],
    [{ failed: FOR_EVER, cancelled: 0, completed: undefined }, 7, FOR_EVER, 0],
  ] as const)
    assert.deepEqual(resolveQueueOptions({ retention }).retention, {
      completed: completed * DAY,
      failed: failed * DAY,
      cancelled: cancelled * DAY,
    });
});

test('an unknown state, or a time that is none, is refused in retention', () => {
  for (const [retention, ...message] of [
    [{ pending: '1d' }, 'retention.pending is "1d"', 'completed, failed, cancelled'],
    [{ done: 5 }, 'retention.done is 5'],
    [{ failed: 'soon' }, 'retention.failed is "soon"'],
    [{ completed: -1 }, 'retention.completed is -1'],
    ['soon', 'retention is "soon"'],
    [null, 'retention is null'],
  ] as const)
    throws(() => resolveQueueOptions({ retention: retention as never }), 'INVALID_ARGUMENT', ...message);
});
