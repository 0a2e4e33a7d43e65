import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BUCKETS, bucketOf, percentile } from '../../../lib/view/histogram.js';

/*
 * How long jobs took, in buckets.
 */

test('each percentile is within 4.5 % of the exact one', () => {
  const times = fc.array(fc.double({ min: 1, max: 9e8, noNaN: true }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (list, share) => {
      const counts = new Uint32Array(BUCKETS);
      for (const ms of list) counts[bucketOf(ms)] = (counts[bucketOf(ms)] as number) + 1;
      const exact = list.sort((a, b) => a - b)[Math.max(1, Math.ceil(list.length * share)) - 1] as number;
      const found = percentile(counts, share) as number;
      assert.ok(Math.abs(found / exact - 1) < 0.046, `${found} instead of ${exact}`);
    }),
  );
});

test('no time at all is below a millisecond, a very long one is in the last bucket, and no job has no percentile', () => {
  assert.deepEqual([bucketOf(0), bucketOf(0.4), bucketOf(1e18)], [0, 0, BUCKETS - 1]);
  assert.equal(percentile(new Uint32Array(BUCKETS), 0.5), undefined);
});
