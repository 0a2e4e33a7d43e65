import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JOB_STATUSES } from '../../../lib/job/job.js';
import { relative } from '../../../lib/view/numbers.js';
import { badge } from '../../../lib/web/parts/badge.js';
import { sparkline } from '../../../lib/web/parts/chart.js';
import { flashOf } from '../../../lib/web/parts/flash.js';
import { ago, lasting, until } from '../../../lib/web/parts/time.js';
import { textOf } from './browsing.js';

/*
 * What pages are put together from.
 */

const NOW = Date.UTC(2030, 0, 31, 12);

test('a time says how it stands to now, without parts of a second', () => {
  for (const [ms, text] of [
    [0, 'just now'],
    [999, 'just now'],
    [1000, '1s ago'],
    [9949, '9s ago'],
    [59_400, '59s ago'],
    [204_000, '3m 24s ago'],
    [5_160_000, '1h 26m ago'],
    [352_800_000, '4d 2h ago'],
    // The clock of the browser may go wrong.
    [-5000, 'just now'],
  ] as const)
    assert.equal(relative('ago', NOW - ms, NOW), text);
  assert.equal(relative('until', NOW + 12_000, NOW), 'in 12s');
  assert.equal(relative('until', NOW + 999, NOW), 'now');
  assert.equal(relative('until', NOW - 60_000, NOW), 'now');
  assert.equal(relative('lasting', NOW - 300, NOW), '0s');
  assert.equal(relative('lasting', NOW - 5_160_000, NOW), '1h 26m');
});

test('a time has the exact one for the script and for the pointer', () => {
  const time = new Date(NOW - 61_500);
  assert.equal(
    String(ago(time, NOW)),
    '<time datetime="2030-01-31T11:58:58.500Z" data-rel="ago" title="2030-01-31T11:58:58Z">1m 2s ago</time>',
  );
  assert.match(String(until(NOW + 5000, new Date(NOW))), /data-rel="until" title="[^"]*">in 5s</);
  assert.match(String(lasting(NOW - 5000, NOW)), /data-rel="lasting" title="[^"]*">5s</);
  assert.equal(textOf(String(ago(new Date(Number.NaN), NOW))), '–');
});

test('each state has a sign besides its colour', () => {
  const states = [...JOB_STATUSES, 'due', 'later', 'retrying'] as const;
  for (const state of states) {
    const [, sign] =
      new RegExp(`class="badge ${state}"><span aria-hidden="true">(.)</span>${state}<`).exec(
        String(badge(state)),
      ) ?? [];
    assert.ok(sign !== undefined && sign !== '·', state);
  }
});

test('an address says in numbers what was done, and the text is the server’s', () => {
  for (const [query, text] of [
    ['did=retry&n=3', 'Pending again: 3 jobs.'],
    [
      'did=cancel&n=1&left=2',
      'Cancelled 1 job; 2 jobs could not be: only waiting, pending and processing jobs can be cancelled.',
    ],
    ['did=promote&n=2', 'Due now: 2 jobs.'],
    ['did=dismiss&n=1', 'Dismissed 1 job.'],
    ['did=resume-all&n=0', 'There was no pause of all types.'],
  ] as const) {
    const flash = String(flashOf(new URLSearchParams(query)));
    assert.equal(textOf(flash), text);
    assert.equal(flash.includes('class="flash bad"'), query.includes('n=0'));
  }
  for (const query of ['', 'did=', 'did=toString', 'did=__proto__', 'did=<b>&n=1'])
    assert.equal(String(flashOf(new URLSearchParams(query))), '');
  for (const n of ['-1', '1e3', '<b>', '99999999999', ''])
    assert.equal(textOf(String(flashOf(new URLSearchParams({ did: 'retry', n })))), 'Pending again: 0 jobs.');
});

test('a small chart adds neighbouring minutes, and is empty without any', () => {
  const times = { p50: undefined, p95: undefined };
  const none = { completed: 0, failed: 0, ran: times, waited: times };
  const zeros = Array.from({ length: 60 }, () => 0);
  const hour = (minutes: number[], failedMinutes: number[]) =>
    String(sparkline({ ...none, minutes, failedMinutes }));
  assert.doesNotMatch(hour(zeros, zeros), /<path/);
  const svg = hour([3, 1, 2, ...zeros.slice(3)], [1, 0, 0, ...zeros.slice(3)]);
  assert.match(svg, /class="done" d="M0 20V5h3V20zM4 20V10h3V20z"/);
  assert.match(svg, /class="failed" d="M0 5V0h3V5z"/);
});
