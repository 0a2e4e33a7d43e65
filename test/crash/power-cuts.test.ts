/*
 * What the power cuts of the nightly form take for known at a cut, and what they skip. The cuts themselves need root:
 * scripts/nightly/power-cuts.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FILE_SYSTEMS,
  type FileSystem,
  type Machine,
  whyNot,
} from '../../scripts/nightly/power-cuts/file-systems.js';
import { knownAtCut } from '../../scripts/nightly/power-cuts/known.js';
import { callsOf, type Entry } from '../../scripts/torture/journal.js';
import { jobId } from '../support/queue-file.js';

const [first, second] = [jobId(1), jobId(2)];
const entries: Entry[] = [
  { t: 0, e: 'up' },
  { t: 1, e: 'ask', op: 'add', tags: ['a'] },
  { t: 2, e: 'told', op: 'add', tags: ['a'], ids: [first] },
  { t: 3, e: 'start', id: first, attempt: 1 },
  { t: 4, e: 'seen', id: second, status: 'failed', attempt: 1 },
  { t: 5, e: 'ask', op: 'add', tags: ['b'] },
  // The cut begins.
  { t: 6, e: 'told', op: 'add', tags: ['b'], ids: [second] },
  { t: 7, e: 'end', id: first, attempt: 1 },
  { t: 8, e: 'recorded', event: 'completed', id: first, attempt: 1 },
  { t: 9, e: 'start', id: second, attempt: 1 },
  { t: 10, e: 'ask', op: 'cancel', id: second },
  // It is over.
  { t: 12, e: 'ask', op: 'cancel', id: first },
];
const lines = entries.map((entry) => Buffer.from(`\n${JSON.stringify(entry)}\n`));
const journal = Buffer.concat(lines);
const lengthOf = (count: number): number => Buffer.concat(lines.slice(0, count)).length;

test('what was told before the cut is known; what was asked for until its end is possible', () => {
  const known = knownAtCut(journal, lengthOf(6), 11);
  assert.deepEqual(
    known.map(({ t, e }) => `${t} ${e}`),
    ['0 up', '1 ask', '2 told', '3 start', '5 ask', '7 end', '10 ask', '11 up'],
  );
  assert.deepEqual(
    callsOf(known).map(({ op, to, answer }) => [op, to, answer?.e]),
    [
      ['add', 2, 'told'],
      ['add', 11, undefined],
      ['cancel', 11, undefined],
    ],
  );
});

test('a line that was being written when the cut began is not known yet', () => {
  const known = knownAtCut(journal, lengthOf(7) - 1, 11);
  assert.deepEqual(
    known.map(({ t }) => t),
    [0, 1, 2, 3, 5, 7, 10, 11],
  );
});

test('a journal that is still empty says nothing', () => {
  assert.deepEqual(
    knownAtCut(Buffer.alloc(0), 0, 11).map(({ e }) => e),
    ['up'],
  );
});

test('what a machine lacks is named', () => {
  const all: Machine = {
    isRoot: true,
    hasLoopDevices: true,
    known: 'nodev\ttmpfs\n\text4\n\txfs\n\tbtrfs\n',
    hasProgram: () => true,
  };
  const without = (missing: string): Machine => ({ ...all, hasProgram: (name) => name !== missing });
  const [ext4, xfs, btrfs] = FILE_SYSTEMS as readonly [FileSystem, FileSystem, FileSystem];
  assert.equal(whyNot(ext4, all), undefined);
  assert.equal(whyNot(ext4, { ...all, isRoot: false }), 'it needs root');
  assert.equal(whyNot(xfs, { ...all, hasLoopDevices: false }), 'there are no loop devices here');
  assert.equal(
    whyNot(xfs, without('losetup')),
    'losetup is not installed (apt-get install util-linux mount)',
  );
  assert.equal(whyNot(xfs, without('mkfs.xfs')), 'mkfs.xfs is not installed (apt-get install xfsprogs)');
  assert.equal(
    whyNot(btrfs, without('mkfs.xfs')),
    'mkfs.xfs is not installed (apt-get install xfsprogs); the disk is a file on xfs',
  );
  assert.equal(whyNot(btrfs, without('mkfs.ext4')), undefined);
  assert.equal(whyNot(btrfs, { ...all, known: 'ext4\nxfs\n' }), 'this kernel has no btrfs (modprobe btrfs)');
});
