import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobIndex } from '../../../../lib/file/index/job-index.js';
import { GroupLanes } from '../../../../lib/file/worker/lanes.js';

/*
 * The due jobs of a type that is limited by group.
 */

interface Row {
  group: string;
  priority: number;
  runAt: number;
  offset: number;
}

/** Lanes over rows that a test may change, with a count of the looks at their numbers. */
function lanesOver(rows: Row[]) {
  const looks = { count: 0 };
  const index = {
    group: (slot: number) => rows[slot]?.group,
    priority: (slot: number) => {
      looks.count++;
      return rows[slot]?.priority;
    },
    runAt: (slot: number) => rows[slot]?.runAt,
    offset: (slot: number) => rows[slot]?.offset,
  } as unknown as JobIndex;
  const lanes = new GroupLanes(index);
  for (const slot of rows.keys()) lanes.push(slot);
  return { lanes, looks };
}

const row = (group: string, offset: number, priority = 0): Row => ({ group, priority, runAt: 0, offset });

/** Takes jobs as long as one may start. */
function takeAll(lanes: GroupLanes, opensAt: (group: string) => number = () => 0, now = 0): number[] {
  const taken: number[] = [];
  for (;;) {
    const slot = lanes.first(now, opensAt);
    if (slot === undefined) return taken;
    lanes.pop();
    taken.push(slot);
  }
}

test('jobs are taken in their order, whatever their groups', () => {
  const { lanes } = lanesOver([row('a', 3), row('b', 1), row('a', 2), row('', 0), row('c', 9, 5)]);
  assert.equal(lanes.size, 5);
  assert.deepEqual(takeAll(lanes), [4, 3, 1, 2, 0]);
  assert.equal(lanes.size, 0);
});

test('a group that must wait until a time is passed over until then, and the others go on', () => {
  const { lanes } = lanesOver([row('a', 0), row('b', 1), row('a', 2), row('b', 3)]);
  let isFull = false;
  const opensAt = (group: string): number => (group === 'a' && isFull ? 100 : 0);
  assert.equal(lanes.first(0, opensAt), 0);
  lanes.pop();
  isFull = true;
  assert.deepEqual(takeAll(lanes, opensAt), [1, 3]);
  assert.deepEqual([lanes.size, lanes.next()], [1, 100]);
  lanes.reopen(99, false);
  isFull = false;
  assert.deepEqual(takeAll(lanes, opensAt, 99), []);
  lanes.reopen(100, false);
  assert.deepEqual([takeAll(lanes, opensAt, 100), lanes.next()], [[2], undefined]);
});

test('a group that must wait without a known time is asked again at each pick', () => {
  const { lanes } = lanesOver([row('a', 0)]);
  assert.deepEqual(
    takeAll(lanes, () => Number.POSITIVE_INFINITY),
    [],
  );
  assert.deepEqual([takeAll(lanes), lanes.next()], [[], undefined]);
  lanes.reopen(0, false);
  assert.deepEqual(takeAll(lanes), [0]);
});

test('a job put into a group that must wait does not open it, and is taken once it opens', () => {
  const rows = [row('a', 0), row('a', 1)];
  const { lanes } = lanesOver(rows);
  takeAll(lanes, () => 100);
  rows.push(row('a', 2, 9));
  lanes.push(2);
  assert.deepEqual(takeAll(lanes), []);
  lanes.reopen(0, true);
  assert.deepEqual(takeAll(lanes), [2, 0, 1]);
});

test('a job that was replaced, also by one of another group, is taken in its new place', () => {
  const rows = [row('a', 0), row('a', 1), row('b', 2), row('b', 3)];
  const { lanes } = lanesOver(rows);
  rows[0] = row('a', 10);
  lanes.touch(0);
  rows[2] = row('c', 11);
  lanes.touch(2);
  assert.deepEqual(takeAll(lanes), [1, 3, 0, 2]);
  assert.equal(lanes.size, 0);
});

test('a pick looks at a few lanes only, however many groups there are, open or not', () => {
  const looksFor = (groups: number): { looks: number; asks: number } => {
    const { lanes, looks } = lanesOver(Array.from({ length: groups }, (_, i) => row(`g${i}`, i)));
    let asks = 0;
    // All but the last one have to wait.
    takeAll(lanes, (group) => (group === `g${groups - 1}` ? Number.POSITIVE_INFINITY : 1000));
    looks.count = 0;
    for (let pick = 0; pick < 100; pick++) {
      lanes.reopen(pick, false);
      lanes.first(pick, () => {
        asks++;
        return Number.POSITIVE_INFINITY;
      });
    }
    return { looks: looks.count, asks };
  };
  assert.deepEqual(looksFor(2_000), { looks: 100, asks: 100 });
  assert.deepEqual(looksFor(20_000), looksFor(2_000));
});
