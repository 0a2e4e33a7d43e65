import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { COLUMNS } from '../../lib/file/format/columns.js';
import { root } from '../support/folders.js';
import { firstColumn, PAGES, read, section } from '../support/pages.js';

/* What the README and the pages say is true: their links lead somewhere, and what they name is there. */

const readme = read('README.md');

test('the first 30 lines of the README say what it is, for whom, and what it assumes', () => {
  const beginning = readme.split('\n').slice(0, 30).join('\n');
  for (const words of [
    /job queue/,
    /plain-text file/,
    /cron/,
    /It is for/,
    /How it works/,
    /It assumes/,
    /one machine/,
    /local file system/,
    /Linux or macOS/,
    /Node 20/,
    /second run does no harm/,
  ]) {
    assert.match(beginning, words);
  }
});

test('every link between the pages leads somewhere', () => {
  assert.ok(PAGES.length >= 6);
  for (const page of PAGES) {
    const text = read(page).replace(/^```[\s\S]*?^```/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target as string)) continue;
      const [path, anchor] = (target as string).split('#') as [string, string | undefined];
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      assert.ok(existsSync(file), `${page}: ${target} is not there`);
      if (anchor === undefined) continue;
      assert.ok(
        anchors(readFileSync(file, 'utf8')).includes(anchor),
        `${page}: ${target} has no such heading`,
      );
    }
  }
});

/** The headings of a page, as GitHub makes anchors of them. */
const anchors = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('the figures of the README, and at the top of the benchmarks, are those of the last run', () => {
  const page = read('docs/benchmarks.md');
  const table = page.slice(page.indexOf('<!-- table'), page.indexOf('<!-- /table -->'));
  const top = page.slice(0, page.indexOf('\n|'));
  const figures = `${section(readme, 'Numbers')}${top}`.match(/\d[\d,.]* (?:µs|ms|jobs\/s)/g) ?? [];
  assert.ok(figures.length >= 8);
  assert.deepEqual(
    figures.filter((figure) => !table.includes(` ${figure} `)),
    [],
  );
});

test('every test file that a page names exists', () => {
  const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const isThere = (name: string): boolean => tests.some((path) => path.endsWith(name));
  const named = PAGES.flatMap((page) => read(page).match(/[\w/-]+\.test\.ts/g) ?? []);
  assert.ok(named.length >= 20);
  assert.deepEqual(
    named.filter((name) => !isThere(name.replace(/^test\//, ''))),
    [],
  );
});

test('the README has at most 300 lines, and the page on reliability 120', () => {
  const lines = (page: string): number => page.trimEnd().split('\n').length;
  assert.ok(lines(readme) <= 300);
  assert.ok(lines(read('docs/reliability.md')) <= 120);
});

test('the page on the file lists the columns as they are', () => {
  assert.deepEqual(firstColumn(section(read('docs/file-format.md'), 'Columns')), [...COLUMNS]);
});
