import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../support/folders.js';
import { line, writeQueue } from '../support/queue-file.js';
import { sampleFile } from './sample.js';
import { Screen, SKIP } from './screen.js';

/*
 * The keys of `queue top` that only look.
 */

const options = { skip: SKIP, timeout: 180_000 };

test('top shows each view by its number, and by Tab', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t));
  const first = await screen.shows('FAIL/H');
  assert.match(
    first.join('\n'),
    /due 0 {2}later 5 {2}retry 0 {2}run 1 {2}failed 8 {2}done 60 {2}worker never/,
  );
  assert.match(first.join('\n'), /Running 1\n.*report .*worker is dead/);
  assert.match(first.join('\n'), /hooks\.example answered 503/);
  const heads = ['FAIL/H', 'RUNS', 'TIME +TRIED', 'FAILED +TRIED', 'NEWEST', 'STATUS'].map(
    (head) => new RegExp(head),
  );
  for (const [i, head] of heads.entries()) {
    await screen.keys(String(i + 1));
    await screen.shows(head);
  }
  for (const head of heads) {
    await screen.keys('Tab');
    await screen.shows(head);
  }
  await screen.keys('BTab');
  await screen.shows('NEWEST');
});

test('arrows, j, k, g, G and pages move the choice, and the list with it', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t));
  await screen.keys('6');
  await screen.chooses('"done 59"');
  await screen.keys('Down', 'j', 'Down');
  await screen.chooses('"done 56"');
  await screen.keys('k', 'Up');
  await screen.chooses('"done 58"');
  await screen.keys('G');
  await screen.chooses('10000000');
  await screen.keys('PageUp');
  await screen.shows((lines) => lines.some((text) => text.startsWith('>') && !text.includes('10000000')));
  await screen.keys('g');
  await screen.chooses('"done 59"');
  await screen.keys('PageDown', 'PageDown');
  const lines = await screen.shows((lines) => !lines.some((text) => text.includes('"done 59"')));
  assert.equal(lines.filter((text) => text.startsWith('>')).length, 1);
});

test(
  'enter opens the jobs of a type and of an error, and a job; escape and left go back',
  options,
  async (t) => {
    const screen = await Screen.open(t);
    await screen.top(sampleFile(t));
    await screen.chooses('email');
    await screen.keys('Enter');
    await screen.shows('jobs of type email · 9');
    await screen.keys('Escape');
    await screen.shows('FAIL/H');
    await screen.keys('5', 'Down');
    await screen.chooses('no user #');
    await screen.keys('Enter');
    await screen.shows('failed with: no user # · 4');
    await screen.chooses('no user 7');
    await screen.keys('Right');
    const page = await screen.shows('It failed for good');
    assert.match(page.join('\n'), /attempts +3\n/);
    assert.match(page.join('\n'), /error\n {2}no user 7\n/);
    await screen.keys('Left');
    await screen.shows('failed with: no user # · 4');
    await screen.keys('Left');
    await screen.shows('NEWEST');
    await screen.keys('Escape');
    await screen.shows('NEWEST');
  },
);

test('a search lists the jobs with the text, and escape ends it', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t));
  await screen.keys('6', '/');
  await screen.type('user3@x');
  await screen.keys('BSpace');
  await screen.shows('/user3@▏');
  await screen.keys('Enter');
  await screen.shows('with "user3@" · 1');
  await screen.chooses('no user 3');
  await screen.keys('Escape');
  await screen.chooses('"done 59"');
  // From the types, a search is one of all jobs.
  await screen.keys('1', '/');
  await screen.type('nothing has this');
  await screen.keys('Enter');
  await screen.shows('nothing found');
  await screen.keys('Escape');
  await screen.shows('FAIL/H');
  await screen.keys('/', 'Escape');
  await screen.shows('q quit');
});

test('help names all keys, and + and - change how often it looks', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t));
  await screen.keys('?');
  await screen.shows('suspend, until fg');
  await screen.keys('Escape');
  await screen.shows('FAIL/H');
  await screen.keys('-');
  await screen.shows('looks every 2s');
  await screen.keys('+', '+');
  await screen.shows('looks every 500ms');
});

test('the choice stays at its job while others come and the file is compacted', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file, '--interval', '200ms');
  await screen.keys('6', 'Down', 'Down');
  await screen.chooses('"done 57"');
  const now = Date.now() / 1000;
  appendFileSync(
    file,
    line({ id: 'fe00000000000001', type: 'new_one', created_at: now, payload: '"fresh"' }),
  );
  await screen.shows('"fresh"');
  await screen.chooses('"done 57"');
  // Another order of the same rows, as after a compaction.
  const [header, format, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  writeQueue(`${file}.new`, ...rows.reverse().map((row) => `${row}\n`));
  assert.ok(header !== undefined && format !== undefined);
  renameSync(`${file}.new`, file);
  appendFileSync(
    file,
    line({ id: 'fe00000000000002', type: 'new_two', created_at: now, payload: '"later"' }),
  );
  await screen.shows('"later"');
  await screen.chooses('"done 57"');
});

test('a frozen screen stays as it is until f is pressed again', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file, '--interval', '200ms');
  await screen.keys('6', 'f');
  await screen.shows('frozen: press f to go on');
  appendFileSync(file, line({ id: 'fe00000000000001', created_at: Date.now() / 1000, payload: '"fresh"' }));
  await sleep(1000);
  assert.ok(!(await screen.lines()).join('\n').includes('"fresh"'));
  await screen.keys('f');
  await screen.shows('"fresh"');
});

test('a file that is deleted, and comes back, is a line at the bottom', options, async (t) => {
  const file = sampleFile(t);
  const screen = await Screen.open(t);
  await screen.top(file, '--interval', '200ms');
  rmSync(file);
  await screen.shows('there is no queue file at');
  writeQueue(file, line({ id: 'fe00000000000001', type: 'back_again' }));
  await screen.chooses('back_again');
  await screen.shows('q quit');
});

test('a small screen has room for it, and wide characters keep their columns', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t));
  await screen.keys('6');
  await screen.chooses('"done 59"');
  await screen.resize(60, 20);
  const lines = await screen.shows(
    (lines) => lines.length === 20 && lines.some((text) => text.startsWith('>')),
  );
  await screen.shows('6 All');
  assert.ok(lines.filter((text) => text.includes('日本語の仕事')).length > 8);
  await screen.keys('1');
  await screen.shows('FAIL/H');
  await screen.resize(100, 30);
  await screen.shows((lines) => lines.length === 30 && (lines.at(-1) ?? '').includes('q quit'));
});

test('an idle screen writes nothing but its clock', options, async (t) => {
  const screen = await Screen.open(t);
  await screen.top(sampleFile(t), '--interval', '500ms');
  await screen.keys('4');
  await screen.keys('?');
  await screen.shows('suspend, until fg');
  const copy = join(temporaryFolder(t), 'copy');
  await screen.copyTo(copy);
  const clocks = (): string[] => [...new Set(readFileSync(copy, 'utf8').match(/\d\d:\d\d:\d\d UTC/g))];
  await screen.shows(() => {
    try {
      return clocks().length > 3;
    } catch {
      return false;
    }
  });
  const written = readFileSync(copy, 'utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that moves the cursor.
  const places = [...written.matchAll(/\x1b\[(\d+);1H/g)].map(([, row]) => row);
  assert.deepEqual(new Set(places), new Set(['1']), JSON.stringify(written));
});
