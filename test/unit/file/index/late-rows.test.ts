import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LateRows } from '../../../../lib/file/index/late-rows.js';
import { jobId } from '../../../support/queue-file.js';

/** Where the file ended when it was written; and a place before and one behind. */
const NEW_FROM = 1000;
const [BEFORE, BEHIND] = [NEW_FROM - 1, NEW_FROM];
const struck = (id: string): string => `#${id.slice(1)}`;

test('a later row of an otherwise unknown job may supersede a finished one', () => {
  const newcomers = new LateRows(NEW_FROM);
  assert.equal(newcomers.mayOvertake(BEHIND, jobId(1)), true);
  assert.equal(newcomers.mayOvertake(BEFORE, jobId(1)), false, 'it was there when the file was written');
});

test('a later row supersedes no finished one if its first row is struck, or was there when the file was written', () => {
  const newcomers = new LateRows(NEW_FROM);
  newcomers.addStruck(BEHIND, '1', struck(jobId(1)));
  newcomers.addStruck(BEFORE, '3', struck(jobId(2)));
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(1)), false);
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(2)), false);
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(3)), true, 'another job');
});

test('a struck later row proves nothing, because it may be the retry of a finished job', () => {
  const newcomers = new LateRows(NEW_FROM);
  newcomers.addStruck(BEHIND, '4', struck(jobId(1)));
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(1)), true);
});

test('a struck id of other letters proves nothing, because several may share all but the first letter', () => {
  const newcomers = new LateRows(NEW_FROM);
  newcomers.addStruck(BEHIND, '1', '#bc');
  assert.equal(newcomers.mayOvertake(BEHIND + 1, 'xbc'), true);
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(1)), true);
});

test('a row that was struck before the end was reached has been read before', () => {
  const newcomers = new LateRows(NEW_FROM);
  newcomers.addStruck(BEHIND, '1', struck(jobId(1)));
  newcomers.clear();
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(1)), true);
  newcomers.clear();
  newcomers.addStruck(BEHIND, '1', struck(jobId(2)));
  newcomers.addStruck(BEHIND, '1', struck(jobId(2)));
  assert.equal(newcomers.mayOvertake(BEHIND + 1, jobId(2)), false);
});
