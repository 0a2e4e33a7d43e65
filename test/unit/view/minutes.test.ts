import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentile } from '../../../lib/view/histogram.js';
import { Minutes } from '../../../lib/view/minutes.js';

/*
 * The jobs of the last hour, by minute.
 */

const NOW = Date.UTC(2030, 0, 1, 0, 30, 20);
const MINUTE = 60_000;
const ended = (ago: number, isFailed = false) => ({ at: NOW - ago, isFailed, ran: 100, waited: 10 });

test('counts by minute, over midnight, and forgets what is more than an hour ago', () => {
  const minutes = new Minutes();
  minutes.add(ended(0), 1);
  minutes.add(ended(40 * MINUTE), 1);
  minutes.add(ended(40 * MINUTE, true), 1);
  minutes.add(ended(61 * MINUTE), 1);
  const hour = minutes.lastHour(NOW);
  assert.deepEqual([hour.completed, hour.failed], [2, 1]);
  assert.deepEqual([hour.minutes[59], hour.minutes[19]], [1, 2]);
  assert.deepEqual(
    [minutes.lastHour(NOW + 30 * MINUTE).completed, minutes.lastHour(NOW + 61 * MINUTE).completed],
    [1, 0],
  );
});

test('a job that is taken away again, as by a retry, no longer counts', () => {
  const minutes = new Minutes();
  minutes.add(ended(MINUTE, true), 1);
  minutes.add(ended(MINUTE), 1);
  assert.equal(minutes.lastHour(NOW).failed, 1);
  minutes.add(ended(MINUTE, true), -1);
  const hour = minutes.lastHour(NOW);
  assert.deepEqual([hour.failed, hour.completed], [0, 1]);
  // One that was counted too long ago leaves no trace.
  minutes.add(ended(200 * MINUTE), -1);
  assert.equal(minutes.lastHour(NOW).completed, 1);
});

test('knows how long jobs ran and waited, and a job without times counts all the same', () => {
  const minutes = new Minutes();
  for (const ran of [100, 200, 4000]) minutes.add({ at: NOW, isFailed: false, ran, waited: 5 }, 1);
  minutes.add({ at: NOW, isFailed: false, ran: Number.NaN, waited: Number.NaN }, 1);
  const hour = minutes.lastHour(NOW);
  assert.equal(hour.completed, 4);
  assert.ok(Math.abs((percentile(hour.ran, 0.5) as number) / 200 - 1) < 0.046);
  assert.ok(Math.abs((percentile(hour.waited, 1) as number) / 5 - 1) < 0.046);
});

test('an older minute does not wipe out the one that took its place', () => {
  const minutes = new Minutes();
  minutes.add(ended(0), 1);
  minutes.add(ended(60 * MINUTE), 1);
  minutes.add(ended(120 * MINUTE), 1);
  assert.equal(minutes.lastHour(NOW).completed, 1);
});
