import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDataSync } from '../../../support/faults.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

/* A call that is told of another call's job is told of one that power loss can't take. */

const KEY = { dedupeKey: 'k' };

for (const onDuplicate of ['return', 'reject'] as const) {
  test(`a duplicate of a job that is not on the disk yet waits for the disk, with ${onDuplicate}`, async (t) => {
    const slow = faultyFs();
    const first = openTest(t, { fs: slow.fs });
    // Made before, because that needs a sync as well.
    await first.queue.enqueue('job');
    const [asked, synced] = [deferred<void>(), deferred<void>()];
    slow.fault.do = (call, real) => {
      if (!isDataSync(call)) return real();
      asked.resolve();
      return synced.promise.then(() => real());
    };
    const adding = first.queue.enqueue('job', 'a', KEY);
    await asked.promise;

    let syncs = 0;
    const counting = faultyFs((call, real) => {
      if (isDataSync(call)) syncs++;
      return real();
    });
    const second = openTest(t, { file: first.file, fs: counting.fs });
    const told = second.queue.add('job', 'b', { ...KEY, onDuplicate }).then(
      ({ id, outcome }) => [outcome, id],
      ({ code, existing }) => [code, ...existing],
    );
    const outcome = await told;
    assert.equal(syncs, 1);
    synced.resolve();
    assert.deepEqual(outcome, [onDuplicate === 'return' ? 'existing' : 'DUPLICATE_JOB', await adding]);
  });
}
