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

const newest = (status: Status, more: { isHeld?: boolean; finishedAt?: number } = {}): OldLine => ({
  kind: 'newest',
  status,
  isHeld: false,
  finishedAt: OLDEST,
  ...more,
});

const OPEN = STATUSES.filter((status) => !isFinal(status));
const FINAL = STATUSES.filter(isFinal);
const allOf = (statuses: readonly Status[], more?: { isHeld?: boolean; finishedAt?: number }) =>
  statuses.map((status) => newest(status, more));

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
];

for (const [name, lines, to] of TABLE) {
  test(name, () => {
    assert.ok(lines.length > 0);
    for (const line of lines) assert.equal(destinationOf(line, OLDEST), to, JSON.stringify(line));
  });
}

test('nothing is archived without a retention time', () => {
  assert.equal(destinationOf(newest('completed', { finishedAt: 0 }), Number.NEGATIVE_INFINITY), 'sealed');
});
