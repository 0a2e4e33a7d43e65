import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleId } from '../../../../lib/file/format/derived-id.js';
import { survey } from '../../../../lib/file/operations/survey.js';
import { line } from '../../../support/queue-file.js';
import { A, found, opened } from './inspected.js';

const MIDNIGHT = Date.UTC(2030, 0, 1) / 1000;

/** The row of the schedule `a`. */
const row = (note: object, fields: Parameters<typeof line>[0] = {}): string =>
  line({
    id: scheduleId('a'),
    status: 'recurring',
    run_at: MIDNIGHT + 60,
    meta: JSON.stringify({ '@schedule': { name: 'a', ...note } }),
    ...fields,
  });

const problems = async (...args: Parameters<typeof found>): Promise<string[]> =>
  (await found(...args)).map(({ kind, message }) => `${kind}: ${message}`);

test('a schedule that makes jobs is no finding', async (t) => {
  assert.deepEqual(await problems(t, row({ every: 60 }, { started_at: MIDNIGHT })), []);
});

for (const [what, note, fields, told] of [
  ['no recurrence', {}, {}, /^schedule: row \w+ is recurring, but its meta is not that of a schedule/],
  ['the id of another name', { every: 60 }, { id: A }, /^schedule: row 0+1 is recurring, but/],
  ['a wrong expression', { cron: '61 * * * *' }, {}, /^schedule: schedule "a" makes no jobs: cron is "61 /],
  ['an unknown zone', { cron: '1 * * * *', timezone: 'Mars/Base' }, {}, /^schedule: .*timezone is "Mars/],
] as const) {
  test(`a recurring row with ${what} makes no jobs, and is named`, async (t) => {
    const [problem = '', ...others] = await problems(t, row(note, fields));
    assert.match(problem, told);
    assert.deepEqual(others, []);
  });
}

test('a schedule whose last slot is dated far ahead waits for that time, and is named', async (t) => {
  const ahead = row({ every: 60 }, { started_at: MIDNIGHT + 90_000, run_at: MIDNIGHT + 90_060 });
  const [problem = ''] = await problems(t, ahead);
  assert.match(problem, /^ahead: .*started_at is 2030-01-02T01:00:00/);
  assert.equal((await survey(opened(t, [ahead]).store, 60_000)).ahead, 1);
});
