import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import { LineReader } from '../../../../lib/file/format/line.js';
import { LateRows } from '../../../../lib/file/index/late-rows.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, writeQueue } from '../../../support/queue-file.js';

/** A file of 10 finished jobs, and where it ended when it was written; a place before that and one after. */
const FINISHED = Array.from({ length: 10 }, (_, i) =>
  line({ id: jobId(100 + i), status: 'completed', version: 3 }),
);
const NEW_FROM = 1_000_000;
const [BEFORE, AFTER] = [NEW_FROM - 1, NEW_FROM];

function openLateRows(t: TestContext): { late: LateRows; file: OpenFile } {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(path, ...FINISHED);
  const file = OpenFile.open(systemFs, path) as OpenFile;
  t.after(() => file.release());
  return { file, late: new LateRows(file, { end: file.size, newFrom: NEW_FROM }) };
}

/** A reader that has read a row with this id and version; crossed out if its id begins with `#`. */
function rowOf({ layout }: OpenFile, id: string, version: number): LineReader {
  const reader = new LineReader(layout);
  const text = Buffer.from(line({ id, version, status: id.startsWith('#') ? '-------' : 'pending' }));
  assert.equal(reader.read(text, 0, text.length - 1), id.startsWith('#') ? 'struck' : 'row');
  return reader;
}

const struck = (id: string): string => `#${id.slice(1)}`;

/** True if such a row counts as a late one after what was noted before. */
function isLate({ late, file }: ReturnType<typeof openLateRows>, offset: number, id: string): boolean {
  const before = late.count;
  late.add(0, offset, rowOf(file, id, 2));
  return late.count > before;
}

test('a later row of an otherwise unknown job is late', (t) => {
  const all = openLateRows(t);
  assert.equal(isLate(all, AFTER, jobId(1)), true);
  assert.equal(isLate(all, BEFORE, jobId(1)), false, 'it was there when the file was written');
  all.late.add(0, AFTER, rowOf(all.file, jobId(2), 1));
  assert.equal(all.late.count, 1, 'a first row supersedes nothing');
});

test('no row is late if its first row is struck, or was there when the file was written', (t) => {
  const all = openLateRows(t);
  all.late.addStruck(AFTER, rowOf(all.file, struck(jobId(1)), 1));
  all.late.addStruck(BEFORE, rowOf(all.file, struck(jobId(2)), 3));
  assert.equal(isLate(all, AFTER + 1, jobId(1)), false);
  assert.equal(isLate(all, AFTER + 1, jobId(2)), false);
  assert.equal(isLate(all, AFTER + 1, jobId(3)), true, 'another job');
});

test('a struck later row proves nothing, because it may be the retry of a finished job', (t) => {
  const all = openLateRows(t);
  all.late.addStruck(AFTER, rowOf(all.file, struck(jobId(1)), 4));
  assert.equal(isLate(all, AFTER + 1, jobId(1)), true);
});

test('a struck id of other letters proves nothing, because several may share all but the first letter', (t) => {
  const all = openLateRows(t);
  all.late.addStruck(AFTER, rowOf(all.file, '#bc', 1));
  assert.equal(isLate(all, AFTER + 1, 'xbc'), true);
  assert.equal(isLate(all, AFTER + 1, jobId(1)), true);
});

test('a row that was struck before the end was reached has been read before', async (t) => {
  const all = openLateRows(t);
  const reachEnd = () =>
    all.late.prove(
      () => undefined,
      () => assert.fail(),
    );
  all.late.addStruck(AFTER, rowOf(all.file, struck(jobId(1)), 1));
  await reachEnd();
  assert.equal(isLate(all, AFTER + 1, jobId(1)), true);
  await reachEnd();
  all.late.addStruck(AFTER, rowOf(all.file, struck(jobId(2)), 1));
  all.late.addStruck(AFTER, rowOf(all.file, struck(jobId(2)), 1));
  assert.equal(isLate(all, AFTER + 1, jobId(2)), false);
});

test('finds the sealed rows of jobs with a late row, once, and no others', async (t) => {
  const { late, file } = openLateRows(t);
  const slots = new Map([3, 7, 8].map((i, slot) => [jobId(100 + i), slot]));
  late.add(0, AFTER, rowOf(file, jobId(103), 4));
  late.add(2, AFTER, rowOf(file, jobId(108), 4));
  const found: [number, string, number][] = [];
  const prove = () =>
    late.prove(
      (row) => slots.get(row.text(0)),
      (slot, row, offset) => found.push([slot, row.text(0), offset]),
    );
  await prove();
  const offsetOf = (i: number) =>
    file.start + FINISHED.slice(0, i).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  assert.deepEqual(found, [
    [0, jobId(103), offsetOf(3)],
    [2, jobId(108), offsetOf(8)],
  ]);
  await prove();
  assert.equal(found.length, 2);
});

test('no row is late in a file that is read from its beginning', (t) => {
  const { file } = openLateRows(t);
  const late = new LateRows(file, { end: file.start, newFrom: file.start });
  assert.equal(isLate({ late, file }, AFTER, jobId(1)), false);
});
