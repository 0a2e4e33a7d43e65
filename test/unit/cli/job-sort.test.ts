import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { orderOf, sorted } from '../../../lib/cli/job-sort.js';
import type { Job } from '../../../lib/job/job.js';

async function* each(jobs: readonly Job[]): AsyncIterableIterator<Job> {
  yield* jobs;
}

const jobs = fc.array(
  fc.record({
    finishedAt: fc.option(fc.date({ noInvalidDate: false }), { nil: undefined }),
    attempts: fc.nat(3),
  }),
);

test('a bounded sort has the beginning of the whole one, in either direction', async () => {
  await fc.assert(
    fc.asyncProperty(
      jobs,
      fc.constantFrom('finished', '-finished', 'attempts', '-attempts'),
      fc.nat(8),
      async (list, sort, limit) => {
        const order = orderOf(sort, false);
        const all = await sorted(each(list as unknown as Job[]), order, Number.POSITIVE_INFINITY);
        const some = await sorted(each(list as unknown as Job[]), order, limit);
        assert.deepEqual(some, all.slice(0, limit));
        assert.equal(all.length, list.length);
      },
    ),
  );
});

test('equal jobs keep the order of the file, and those without the value come last', async () => {
  const at = (ms: number | undefined, id: string) =>
    ({ id, finishedAt: ms === undefined ? undefined : new Date(ms) }) as Job;
  const list = [at(undefined, 'a'), at(2, 'b'), at(1, 'c'), at(Number.NaN, 'd'), at(2, 'e')];
  for (const [sort, isReverse, ids] of [
    ['finished', false, 'cbead'],
    ['-finished', false, 'becad'],
    ['finished_at', true, 'becad'],
    ['-finished', true, 'cbead'],
  ] as const)
    assert.equal(
      (await sorted(each(list), orderOf(sort, isReverse), 10)).map(({ id }) => id).join(''),
      ids,
      sort,
    );
  assert.throws(() => orderOf('finish', false), /did you mean finished/);
  assert.throws(() => orderOf('constructor', false), /must be one of/);
});
