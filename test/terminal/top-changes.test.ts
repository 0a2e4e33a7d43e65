import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { rowsOf } from '../support/queue-file.js';
import { until } from '../support/waiting.js';
import { FAILED, sampleFile } from './sample.js';
import { Screen, SKIP } from './screen.js';

/*
 * The keys of `queue top` that change jobs.
 */

const options = { skip: SKIP, timeout: 180_000 };

/** How many of the sample's jobs that had failed are in each state now. */
function states(file: string): Record<string, number> {
  const counts: Record<string, number> = {};
  const newest = new Map(rowsOf(file).map((row) => [row.id, row]));
  for (const { status = '', error, meta = '' } of newest.values()) {
    if (error === '') continue;
    const state = meta.includes('@dismissed') && status === 'failed' ? 'dismissed' : status;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

test('r retries the chosen job at once, and marked ones after a yes', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file);
  await screen.keys('4');
  await screen.chooses('no user 7');
  await screen.keys('r');
  await screen.shows('pending again: 80000000');
  assert.deepEqual(states(file), { failed: FAILED - 1, pending: 1 });
  await screen.shows('4 Failed 7');
  await screen.keys('Space', 'Space');
  await screen.shows('2 marked');
  await screen.keys('r');
  await screen.shows('retry 2 jobs? y/n');
  await screen.keys('n');
  await screen.shows('nothing was changed');
  assert.deepEqual(states(file), { failed: FAILED - 1, pending: 1 });
  await screen.keys('r', 'y');
  await screen.shows('pending again: 2 jobs');
  assert.deepEqual(states(file), { failed: FAILED - 3, pending: 3 });
  await screen.shows('4 Failed 5');
});

test('in Errors, r and d are for all jobs of the group, and ask', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file);
  await screen.keys('5');
  await screen.chooses('hooks.example answered 503');
  await screen.keys('r');
  await screen.shows('retry all 4 jobs with: hooks.example answered 503? y/n');
  await screen.keys('y');
  await screen.shows('pending again: 4 jobs');
  assert.deepEqual(states(file), { failed: 4, pending: 4 });
  await screen.chooses('no user #');
  await screen.keys('d');
  await screen.shows('dismiss all 4 jobs with: no user #? y/n');
  await screen.keys('y');
  await screen.shows('dismissed 4 jobs');
  assert.deepEqual(states(file), { dismissed: 4, pending: 4 });
  await screen.shows('nothing here');
});

test('a marks all jobs of a list, escape takes the marks away, and d dismisses', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file);
  await screen.keys('4', 'a');
  await screen.shows('marked 8 jobs');
  await screen.shows((lines) => lines.filter((line) => /^[ >]\*/.test(line)).length === 8);
  await screen.keys('Escape');
  await screen.shows((lines) => lines.every((line) => !/^[ >]\*/.test(line)));
  await screen.keys('d');
  await screen.shows('dismissed 80000000');
  await screen.keys('a', 'd');
  await screen.shows('dismiss 7 jobs? y/n');
  await screen.keys('y');
  await screen.shows('dismissed 7 jobs');
  assert.deepEqual(states(file), { dismissed: 8 });
});

test('c always asks, also on the page of a job', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file);
  await screen.keys('3');
  await screen.chooses('in 9h');
  await screen.keys('c');
  await screen.shows(/cancel job 9000000000000000\? y\/n/);
  await screen.keys('y');
  await screen.shows('cancelled 9000000000000000');
  await screen.shows('3 Waiting 4');
  await screen.keys('Enter');
  await screen.shows('It was added to start later.');
  await screen.keys('c', 'y');
  await screen.shows('It was cancelled at');
  await screen.keys('c', 'y');
  await screen.shows('is cancelled; only waiting, pending and processing jobs can be cancelled');
  await screen.keys('r');
  await screen.shows('It is due since');
});

test('p pauses a type and lets it start again', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file);
  await screen.chooses('email');
  await screen.keys('p');
  await screen.chooses('email (paused)');
  await screen.keys('p');
  await screen.shows('resumed email');
  await screen.shows((lines) => !lines.join().includes('(paused)'));
  await screen.keys('4', 'p');
  await screen.shows('choose a type first: press 1');
});

test('with --read-only all changes are refused', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file, '--read-only');
  const before = rowsOf(file);
  await screen.keys('p');
  await screen.shows('read-only: nothing was changed');
  for (const key of ['r', 'c', 'd']) {
    await screen.keys('4', 'j', 'k');
    await screen.shows('? help');
    await screen.keys(key);
    await screen.shows('read-only: nothing was changed');
  }
  assert.deepEqual(rowsOf(file), before);
});

test('pasted text presses no keys', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file);
  await screen.keys('4');
  await screen.chooses('no user 7');
  await screen.paste('rdcyq');
  await screen.keys('/');
  await screen.shows('/▏');
  await screen.paste('user5@');
  await screen.keys('Enter');
  await screen.shows('with "user5@" · 1');
  assert.deepEqual(states(file), { failed: FAILED });
});

test(
  'a change that waits for the lock leaves the screen alive, and says that it failed',
  options,
  async (t) => {
    const file = sampleFile(t);
    // The lock of this process, as it holds it.
    mkdirSync(`${file}.lock`);
    writeFileSync(join(`${file}.lock`, `owner.${systemProcesses.self()}`), '');
    const screen = await Screen.open(t);
    await screen.top(file, '--lock-timeout', '3s');
    await screen.keys('4');
    await screen.chooses('no user 7');
    await screen.keys('r');
    await screen.keys('5');
    await screen.shows('NEWEST');
    await screen.shows(/lock/);
    assert.deepEqual(states(file), { failed: FAILED });
    await screen.keys('q');
    await screen.shows('code 0');
  },
);

test('a job that another process has changed meanwhile is told, and changes no more', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file, '--interval', '60s');
  await screen.keys('4');
  await screen.chooses('no user 7');
  await screen.keys('f');
  await screen.shows('frozen');
  const other = await Screen.open(t);
  await other.top(file);
  await other.keys('4', 'r');
  await other.shows('pending again: 80000000');
  await until('the other row is there', () => states(file).pending === 1);
  await screen.keys('r');
  await screen.shows('is pending; only failed and cancelled jobs can be retried');
});
