/*
 * What the kills of workers with steps are judged by: a history that is well, and the same with one thing wrong. And a
 * short form of the kills; the long one is scripts/nightly/steps.ts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { type EndedJob, judge, readLedger } from '../../scripts/nightly/steps/judge.js';
import { root } from '../support/folders.js';

/** Step 0 ran twice before it was recorded. */
const LEDGER = 'a\t0\tlost\na\t0\tx\na\t1\ty\n';
const WELL: EndedJob = {
  id: 'a',
  status: 'completed',
  result: ['x', 'y'],
  recorded: new Map([
    ['step 0', 'x'],
    ['step 1', 'y'],
  ]),
};

const judged = (ledger: string, job: Partial<EndedJob> = {}): string[] =>
  judge(readLedger(ledger), [{ ...WELL, ...job }], 2);

test('a step may run again until it is recorded', () => {
  assert.deepEqual(judged(LEDGER), []);
  assert.deepEqual(judged(`${LEDGER}a\t1`), []);
});

test('a recorded step that ran again is found', () => {
  assert.deepEqual(judged(`${LEDGER}a\t0\tz\n`), ['job a: step 0 ran again after it was recorded']);
});

test('a step that was skipped or not recorded, a wrong result and a job that is not over are found', () => {
  assert.deepEqual(judged('a\t0\tx\n'), ['job a: step 1 was skipped']);
  assert.deepEqual(judged(LEDGER, { recorded: new Map([['step 0', 'x']]) }), [
    'job a: step 1 is not recorded',
  ]);
  assert.deepEqual(judged(LEDGER, { result: ['x', 'z'] }), ['job a: step 1 gave z, and y is recorded']);
  assert.deepEqual(judged(LEDGER, { status: 'failed' }), ['job a is failed']);
});

test('workers that are killed at random moments run no recorded step again', { timeout: 300_000 }, () => {
  const args = ['--import', 'tsx', 'scripts/nightly/steps.ts', '--kills', '60', '--minutes', '0.5'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^steps: \d+ workers killed .* 0 problems/);
});
