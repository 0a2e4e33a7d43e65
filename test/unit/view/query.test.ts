import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STATUSES } from '../../../lib/job/job.js';
import type { JobFacts } from '../../../lib/job/row-source.js';
import { Board } from '../../../lib/view/board.js';
import { groupId, groupText } from '../../../lib/view/error-group.js';
import { type Cursor, type Filter, type Page, type PageOptions, query } from '../../../lib/view/query.js';

/*
 * Filters and pages of jobs, against the plainest way to answer them.
 */

const NOW = 5;
const ERRORS = ['', 'no route', 'answered 503', 'user 1 is gone', 'user 2 is gone'];
const time = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(Number.NaN));

const job: fc.Arbitrary<JobFacts> = fc.record({
  status: fc.constantFrom(...STATUSES),
  type: fc.constantFrom('a', 'b', 'c'),
  attempts: fc.integer({ min: 0, max: 2 }),
  isDismissed: fc.boolean(),
  ...{ createdAt: time, runAt: time, startedAt: time, finishedAt: time },
  error: fc.constantFrom(...ERRORS),
});

const filters: fc.Arbitrary<Filter> = fc.record(
  {
    states: fc.uniqueArray(
      fc.constantFrom(...STATUSES, 'due' as const, 'later' as const, 'retrying' as const),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    type: fc.constantFrom('a', 'b', 'none'),
    group: fc.constantFrom(...ERRORS.slice(1).map((error) => groupId(groupText(error))), '-', 'none'),
    isDismissed: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** Answers a filter for one job, as the words of it say. */
function isAllowed(facts: JobFacts, { states, type, group, isDismissed }: Filter): boolean {
  const { status, runAt, attempts, error } = facts;
  const kind = runAt <= NOW ? 'due' : attempts > 0 && error !== '' ? 'retrying' : 'later';
  if (states === undefined ? status === 'recurring' : !states.includes(status))
    if (status !== 'pending' || !(states ?? []).includes(kind)) return false;
  if (type !== undefined && facts.type !== type) return false;
  if (group !== undefined && (error === '' ? '-' : groupId(groupText(error))) !== group) return false;
  return isDismissed === undefined || facts.isDismissed === isDismissed;
}

/** The keys in order, by sorting all. */
function sorted(jobs: readonly JobFacts[], filter: Filter, order: PageOptions['order']): number[] {
  const timeOf = ({ status, ...times }: JobFacts): number => {
    if (order === 'first') return (status === 'processing' ? times.startedAt : times.runAt) || 0;
    return times.finishedAt || times.startedAt || times.createdAt || 0;
  };
  const sign = order === 'first' ? 1 : -1;
  return jobs
    .map((facts, key) => ({ facts, key }))
    .filter(({ facts }) => isAllowed(facts, filter))
    .sort((a, b) => sign * (timeOf(a.facts) - timeOf(b.facts) || a.key - b.key))
    .map(({ key }) => key);
}

test('pages of any filter and order have the jobs that sorting finds, without gaps and doubles', () => {
  fc.assert(
    fc.property(
      fc.array(job, { maxLength: 60, size: 'max' }),
      filters,
      fc.constantFrom('newest' as const, 'first' as const),
      fc.integer({ min: 1, max: 20 }),
      fc.option(fc.array(fc.integer({ min: 0, max: 70 }), { size: '+1' }), { nil: undefined }),
      (jobs, filter, order, limit, some) => {
        const board = new Board();
        for (const [key, facts] of jobs.entries()) board.put(key, facts);
        const among = some && [...new Set(some)];
        const keys: number[] = [];
        let after: Cursor | undefined;
        let page: Page;
        const expected = sorted(jobs, filter, order).filter((key) => among?.includes(key) ?? true);
        do {
          page = query(board, filter, { limit, after, order, now: NOW, among });
          assert.equal(page.total, expected.length);
          assert.ok(page.keys.length === limit || page.next === undefined);
          keys.push(...page.keys);
          after = page.next;
        } while (after !== undefined);
        assert.deepEqual(keys, expected);
      },
    ),
    { numRuns: 400 },
  );
});

const facts = (fields: Partial<JobFacts>): JobFacts => ({
  ...{ status: 'completed', type: 'a', attempts: 1, isDismissed: false, error: '' },
  ...{ createdAt: 1, runAt: 1, startedAt: 1, finishedAt: 1 },
  ...fields,
});

test('jobs that are added while a person pages move none from one page to another', () => {
  const board = new Board();
  for (let key = 0; key < 6; key++) board.put(key, facts({ finishedAt: 10 * key + 10 }));
  const first = query(board, {}, { limit: 3, now: NOW });
  assert.deepEqual(first.keys, [5, 4, 3]);
  board.put(6, facts({ finishedAt: 70 }));
  board.put(1, facts({ finishedAt: 80 }));
  const second = query(board, {}, { limit: 3, now: NOW, after: first.next });
  assert.deepEqual([second.keys, second.total, second.next], [[2, 0], 7, undefined]);
});
