/*
 * What the torture says of limits is judged: by a history in which they hold, and by the same with one thing wrong.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../scripts/torture/check.js';
import { LIMITS } from '../../scripts/torture/children/limits.js';
import type { Row } from '../../scripts/torture/final-state.js';
import type { Entry } from '../../scripts/torture/journal.js';
import { jobId } from '../support/queue-file.js';

interface Attempt {
  type: string;
  group?: string;
  /** When it was claimed, and its handler's beginning and end. */
  times: [claimed: number, from: number, to: number];
}

function judge(attempts: readonly Attempt[]): string[] {
  const jobs = new Map<string, Row>();
  const journal: Entry[] = [{ t: 0, e: 'up' }];
  for (const [i, { type, group = '', times }] of attempts.entries()) {
    const id = jobId(i + 1);
    const [claimed, from, to] = times;
    const payload = JSON.stringify({ tag: id });
    jobs.set(id, { type, group, status: 'completed', attempts: '1', payload, result: '{"attempt":1}' });
    journal.push(
      { t: 0, e: 'ask', op: 'add', tags: [id] },
      { t: 0, e: 'told', op: 'add', tags: [id], ids: [id] },
    );
    journal.push({ t: from, e: 'start', id, attempt: 1, claimed }, { t: to, e: 'end', id, attempt: 1 });
  }
  const state = { jobs, schedules: new Map(), ids: [], notes: [], strange: [] };
  return [...check({ journals: [journal], parked: new Map() }, state).violations];
}

const at = (type: string, claimed: number, from: number, to: number, group?: string): Attempt => ({
  ...{ type, times: [claimed, from, to] },
  ...(group !== undefined && { group }),
});

test('the check says so if limits hold', () => {
  assert.deepEqual(Object.keys(LIMITS), ['narrow', 'paced', 'narrow group', 'paced group']);
  const narrow = [at('narrow', 1, 1, 5), at('narrow', 1, 2, 9), at('narrow', 5, 5, 6)];
  const paced = [1, 1, 1, 1, 26].map((claimed, i) => at('paced', claimed, 100 + i, 101 + i));
  const groups = [
    at('narrow group', 1, 1, 5, 'a'),
    at('narrow group', 1, 2, 9, 'b'),
    at('narrow group', 1, 1, 9),
  ];
  const spaced = [
    at('paced group', 1, 1, 2, 'a'),
    at('paced group', 1, 1, 2, 'b'),
    at('paced group', 51, 3, 4, 'a'),
  ];
  assert.deepEqual(judge([...narrow, ...paced, ...groups, ...spaced]), []);
});

const wrongs: [what: string, attempts: Attempt[], verdict: RegExp][] = [
  ['three at a time', [1, 2, 3].map((from) => at('narrow', 1, from, 9)), /3 jobs of narrow ran/],
  [
    'two of a group at a time',
    [1, 2].map((from) => at('narrow group', 1, from, 9, 'a')),
    /2 jobs of narrow group ran/,
  ],
  [
    'one more than the burst',
    [1, 1, 1, 1, 25].map((t) => at('paced', t, 1, 2)),
    /a job of paced started 1 ms too early/,
  ],
  [
    'two of a group too soon',
    [1, 50].map((t) => at('paced group', t, 1, 2, 'a')),
    /paced group started 1 ms too early/,
  ],
];

for (const [what, attempts, verdict] of wrongs) {
  test(`the check finds ${what}`, () => {
    const [first = '', ...others] = judge(attempts);
    assert.match(first, verdict);
    assert.deepEqual(others, []);
  });
}
