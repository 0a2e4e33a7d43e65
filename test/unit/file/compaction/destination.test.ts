/* The table of where a compaction puts a line, one test for each of its rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Destination,
  destinationOf,
  type OldLine,
} from '../../../../lib/file/compaction/destination.js';
import { isFinal, STATUSES, type Status } from '../../../../lib/job/job.js';

const OLDEST = Date.UTC(2030, 0);

const MINUTE = 60_000;
/** Nothing is older than it has to be. */
const RULES = { now: OLDEST, retention: { completed: 0, failed: 0, cancelled: 0 }, archive: true };

interface More {
  isHeld?: boolean;
  finishedAt?: number;
  isPurged?: boolean;
  isForgotten?: boolean;
}

const newest = (status: Status, more: More = {}): OldLine => ({
  kind: 'newest',
  status,
  isHeld: false,
  finishedAt: OLDEST,
  isPurged: false,
  isForgotten: false,
  ...more,
});

const OPEN = STATUSES.filter((status) => !isFinal(status));
const FINAL = STATUSES.filter(isFinal);
const allOf = (statuses: readonly Status[], more?: More) => statuses.map((status) => newest(status, more));

const TABLE: readonly [line: string, lines: readonly OldLine[], to: Destination][] = [
  ['a struck row is dropped', [{ kind: 'struck' }], 'drop'],
  ['a superseded row that is not struck yet is dropped', [{ kind: 'superseded' }], 'drop'],
  ['a comment of an earlier compaction is dropped', [{ kind: 'obsolete' }], 'drop'],
  ["a person's comment stays in the open part", [{ kind: 'comment' }], 'open'],
  ['a blank line stays in the open part', [{ kind: 'blank' }], 'open'],
  ['a line that can not be read stays in the open part', [{ kind: 'unreadable' }], 'open'],
  ['a torn line is set aside', [{ kind: 'torn' }], 'aside'],
  ['a second row with one id and version is set aside', [{ kind: 'duplicate' }], 'aside'],
  ['a job that is not over is in the open part', allOf(OPEN), 'open'],
  [
    'a job that is not over is in the open part, whenever it finished before',
    allOf(OPEN, { finishedAt: 0 }),
    'open',
  ],
  ['a held job is in the open part, although it is over', allOf(FINAL, { isHeld: true }), 'open'],
  ['a held job is not archived', allOf(FINAL, { isHeld: true, finishedAt: 0 }), 'open'],
  ['a job that finished within the retention time is in the sealed part', allOf(FINAL), 'sealed'],
  ['a job that finished before is archived', allOf(FINAL, { finishedAt: OLDEST - 1 }), 'archive'],
  [
    'a finished job whose time can not be read is in the sealed part',
    allOf(FINAL, { finishedAt: Number.NaN }),
    'sealed',
  ],
  ['a job that is purged is dropped', allOf(STATUSES, { isPurged: true }), 'drop'],
  [
    'a forgotten job is dropped, also when it would be archived',
    allOf(FINAL, { isForgotten: true, finishedAt: OLDEST - MINUTE }),
    'drop',
  ],
  [
    'a forgotten job that ended in the last minute stays, in the open part',
    allOf(FINAL, { isForgotten: true, finishedAt: OLDEST - MINUTE + 1 }),
    'open',
  ],
  [
    'a forgotten job whose time can not be read stays',
    allOf(FINAL, { isForgotten: true, finishedAt: Number.NaN }),
    'open',
  ],
  ['a forgotten job that is held stays', allOf(FINAL, { isForgotten: true, isHeld: true }), 'open'],
  ['a held job is not purged', allOf(STATUSES, { isPurged: true, isHeld: true }), 'open'],
];

for (const [name, lines, to] of TABLE) {
  test(name, () => {
    assert.ok(lines.length > 0);
    for (const line of lines) assert.equal(destinationOf(line, RULES), to, JSON.stringify(line));
  });
}

test('each state has its own retention time, and Infinity keeps a job', () => {
  const retention = { completed: 1000, failed: 2000, cancelled: Number.POSITIVE_INFINITY };
  for (const [age, ...expected] of [
    [1000, 'sealed', 'sealed', 'sealed'],
    [1001, 'archive', 'sealed', 'sealed'],
    [2001, 'archive', 'archive', 'sealed'],
    [OLDEST, 'archive', 'archive', 'sealed'],
  ] as const) {
    const lines = (['completed', 'failed', 'cancelled'] as const).map((status) =>
      newest(status, { finishedAt: OLDEST - age }),
    );
    assert.deepEqual(
      lines.map((one) => destinationOf(one, { ...RULES, retention })),
      expected,
    );
  }
});

test('without an archive, a job past its retention time is dropped once it finished a minute ago', () => {
  for (const [age, to] of [
    [0, 'sealed'],
    [1, 'sealed'],
    [MINUTE - 1, 'sealed'],
    [MINUTE, 'drop'],
    [Number.NaN, 'sealed'],
  ] as const)
    for (const one of allOf(FINAL, { finishedAt: OLDEST - age }))
      assert.equal(destinationOf(one, { ...RULES, archive: false }), to, `${age}`);
});
