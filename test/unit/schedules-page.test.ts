import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { nextRuns, openQueue, TsvqError } from 'tsvq';
import { temporaryFolder } from '../support/folders.js';
import { read, section } from '../support/pages.js';
import { blocks, compile } from '../support/snippets.js';

/* What the page on schedules says is true: expressions, clock changes, one-liners. */

const page = read('docs/schedules.md');

/** The cells of a section's tables, without the heads. */
const rowsIn = (text: string): string[][] =>
  [...text.matchAll(/^\| (?!.*---)(.+) \|$/gm)].map(([, cells]) => (cells as string).split(' | '));

/** The texts in back quotes. */
const quoted = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, it]) => it as string);

/** An expression as on the page: five fields, or a name. */
const isExpression = (text: string): boolean => /^(@\w+|\S+( \S+){4})$/.test(text);

const at = (cron: string, from: string, count = 3): string[] =>
  nextRuns({ cron, timezone: 'Europe/Berlin' }, count, from).map((time) => time.toISOString());

test('the program on the page compiles', () => {
  assert.deepEqual(blocks(page, 'ts').flatMap(compile), []);
});

test('every expression on the page is accepted, but the ones that it says are refused', () => {
  const text = section(page, 'Cron expressions');
  const [, refused = ''] = /\n\n(Seconds, [\s\S]*?)\n\n/.exec(text) ?? [];
  const all = quoted(text).filter(isExpression);
  const bad = quoted(refused).filter(isExpression);
  assert.ok(all.length >= 20);
  assert.deepEqual(bad, ['@reboot', '0 0 31 2 *']);
  for (const cron of all)
    if (bad.includes(cron)) assert.throws(() => nextRuns({ cron }, 1), TsvqError, cron);
    else assert.equal(nextRuns({ cron }, 1).length, 1, cron);
  for (const cron of ['* * * * * *', 'H * * * *', '5/15 * * * *', '0 22-2 * * *'])
    assert.throws(() => nextRuns({ cron }, 1), /^TsvqError: cron is "/, cron);
});

test('the names on the page mean what it says', () => {
  const names = rowsIn(section(page, 'Cron expressions')).filter(([name]) => name?.startsWith('`@'));
  assert.equal(names.length, 5);
  for (const [name = '', same = ''] of names)
    for (const cron of quoted(name))
      assert.deepEqual(
        at(cron, '2030-01-01T00:00:00Z'),
        at(quoted(same)[0] as string, '2030-01-01T00:00:00Z'),
      );
});

test('either day is enough, also after */', () => {
  const days = (cron: string): number[] =>
    nextRuns({ cron }, 6, '2030-09-01T12:00:00Z').map((time) => time.getUTCDate());
  // 1 September 2030 is a Sunday.
  assert.deepEqual(days('0 6 13 * FRI'), [6, 13, 20, 27, 4, 11]);
  assert.deepEqual(days('0 0 */2 * MON'), [2, 3, 5, 7, 9, 11]);
});

test('the slots on the days of a clock change are those of the page', () => {
  const rows = rowsIn(section(page, 'Time zones and clock changes'));
  const days = [...page.matchAll(/^\| expression \| slots on (\S+), in UTC \|$/gm)].map(([, day]) => day);
  assert.deepEqual(days, ['2030-03-31', '2030-10-27']);
  /** Midnight to midnight, in Berlin. */
  const DAYS = {
    '2030-03-31': ['2030-03-30T23:00', '2030-03-31T22:00'],
    '2030-10-27': ['2030-10-26T22:00', '2030-10-27T23:00'],
  } as const;
  let day: string | undefined;
  let count = 0;
  for (const [expression = '', slots = ''] of rows) {
    if (expression === 'expression') {
      day = days.shift();
      continue;
    }
    const [cron = ''] = quoted(expression);
    const [, told = ''] = /^([\d:, ]*?)(?:, [a-z].*)?$|/.exec(slots) ?? [];
    const expected = told === '' ? [] : told.split(', ').map((time) => `${day}T${time}:00.000Z`);
    const [from, to] = DAYS[day as keyof typeof DAYS];
    assert.deepEqual(
      at(cron, `${from}:00Z`, 8).filter((time) => time < to),
      expected,
      `${cron} on ${day}`,
    );
    count++;
  }
  assert.equal(count, 9);
});

test('a daily job runs once at the end of a day that a zone lost', () => {
  const slots = nextRuns({ cron: '30 2 * * *', timezone: 'Pacific/Apia' }, 3, '2011-12-29T00:00:00Z');
  assert.deepEqual(
    slots.map((time) => time.toISOString()),
    ['2011-12-29T12:30:00.000Z', '2011-12-30T10:00:00.000Z', '2011-12-30T12:30:00.000Z'],
  );
});

test('an interval is counted from 1970, and errors name what is missing', () => {
  const quarters = nextRuns({ every: '15m' }, 2, '2030-01-01T00:07:00Z').map((time) => time.toISOString());
  assert.deepEqual(quarters, ['2030-01-01T00:15:00.000Z', '2030-01-01T00:30:00.000Z']);
  assert.throws(() => nextRuns({}, 1), /^TsvqError: the schedule has neither cron nor every; it needs one/);
});

test('the one-liners on the page print what they say', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'data/queue.tsv');
  mkdirSync(dirname(file));
  const queue = openQueue(file);
  const nightly = { type: 'backup', cron: '30 2 * * *', timezone: 'Europe/Berlin' } as const;
  const { id, nextRun } = await queue.schedule('nightly', nightly);
  const other = await queue.schedule('weekly', {
    type: 'report',
    cron: '@weekly',
    options: { meta: { by: 'me' } },
  });
  const job = await queue.runNow('nightly');
  await queue.enqueue('backup');
  await queue.pauseSchedule('weekly');
  const commands = blocks(section(page, 'What the row looks like'), 'sh')[0]
    ?.split(/\n*^# .*\n/m)
    .filter(Boolean);
  assert.equal(commands?.length, 4);
  const [due, one, made, paused] = (commands as string[]).map((command) =>
    execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' }).trimEnd().split('\n'),
  );
  assert.equal(due?.length, 2);
  assert.ok(due?.some((text) => text.startsWith(`${Number(nextRun) / 1000} backup {"@schedule"`)));
  assert.deepEqual([one?.length, one?.[0]?.slice(0, 16)], [1, id]);
  assert.deepEqual([made?.length, made?.[0]?.startsWith(`${job.id} pending `)], [1, true]);
  assert.deepEqual(paused, [`${other.id} report`]);
});

test('jobs of a paused type are still made, and wait', async (t) => {
  const queue = openQueue(join(temporaryFolder(t), 'queue.tsv'));
  await queue.schedule('often', { type: 'ping', every: '1s' });
  await queue.pause('ping');
  const events: string[] = [];
  const stop = new AbortController();
  await queue.processJobs(
    { ping: () => {} },
    {
      linger: '30s',
      signal: stop.signal,
      logger: ({ event }) => {
        events.push(event);
        stop.abort();
      },
    },
  );
  assert.deepEqual(events, ['fired']);
  assert.deepEqual(
    (await queue.listJobs()).map(({ status }) => status),
    ['pending'],
  );
  await queue.close();
});
