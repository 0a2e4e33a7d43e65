/*
 * What the torture says of schedules is judged: by one that is well, and by the same with one thing wrong.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleId, slotId } from '../../lib/file/format/derived-id.js';
import { check } from '../../scripts/torture/check.js';
import type { Row } from '../../scripts/torture/final-state.js';
import type { Entry } from '../../scripts/torture/journal.js';
import { jobId } from '../support/queue-file.js';

const hourly = scheduleId('hourly');
const slotted = slotId(hourly, 7_200_000);

interface Case {
  journal: Entry[];
  jobs: Map<string, Row>;
  schedules: Map<string, Row>;
}

const jobOf = (slot: number): Row => ({
  type: 'slot',
  status: 'cancelled',
  attempts: '0',
  payload: '{}',
  meta: JSON.stringify({ '@schedule': 'hourly', '@slot': slot }),
});

/** A schedule that has made one job, for the second hour. */
const allIsWell = (): Case => ({
  journal: [{ t: 0, e: 'up' }],
  jobs: new Map([[slotted, jobOf(7200)]]),
  schedules: new Map([
    [
      hourly,
      {
        status: 'recurring',
        attempts: '1',
        result: '{"slot":7200}',
        meta: JSON.stringify({ '@schedule': { name: 'hourly', every: 3600 } }),
      },
    ],
  ]),
});

const judge = ({ journal, jobs, schedules }: Case): string[] => [
  ...check({ journals: [journal], parked: new Map() }, { jobs, schedules, ids: [], notes: [], strange: [] })
    .violations,
];

test('the check says so if all is well with schedules', () => {
  assert.deepEqual(judge(allIsWell()), []);
});

/** A call that found no schedule. */
const REFUSED: Entry[] = [
  { t: 500, e: 'ask', op: 'run now' },
  { t: 501, e: 'refused', op: 'run now', code: 'INVALID_ARGUMENT', message: 'there is no schedule' },
];

const wrongs: [what: string, spoil: (one: Case) => void, verdict: RegExp][] = [
  ['a slot without its job', ({ jobs }) => jobs.delete(slotted), /has made 1 jobs, and 0 are there/],
  ['a slot with two jobs', ({ jobs }) => jobs.set(jobId(9), jobOf(7200)), /has made 1 jobs, and 2 are there/],
  [
    'a job with another id than its slot gives it',
    ({ jobs }) => {
      jobs.delete(slotted);
      jobs.set(jobId(9), jobOf(7200));
    },
    /has not the id of slot 7200/,
  ],
  ['a job of no slot', ({ jobs }) => jobs.set(slotted, jobOf(7100)), /which is no slot/],
  [
    'a job of a slot that has not come',
    ({ jobs }) => jobs.set(slotted, jobOf(10_800)),
    /the schedule is at 7200/,
  ],
  ['a lost schedule', ({ schedules }) => schedules.delete(hourly), /jobs of hourly are there, and it is not/],
  [
    'a lost job by hand',
    ({ journal }) =>
      journal.push(
        { t: 500, e: 'ask', op: 'run now' },
        { t: 501, e: 'told', op: 'run now', ids: [jobId(9)] },
      ),
    /was run by hand, and is gone/,
  ],
  [
    'a schedule that is unknown after its declaration',
    ({ journal }) => journal.push({ t: 1, e: 'recorded', event: 'scheduled', id: jobId(1) }, ...REFUSED),
    /run now was refused/,
  ],
];

test('the check lets a call for a schedule come before its declaration', () => {
  const one = allIsWell();
  one.journal.push(...REFUSED, { t: 502, e: 'recorded', event: 'scheduled', id: jobId(1) });
  assert.deepEqual(judge(one), []);
});

for (const [what, spoil, verdict] of wrongs)
  test(`the check finds ${what}`, () => {
    const one = allIsWell();
    spoil(one);
    assert.match(judge(one).join('\n'), verdict);
  });
