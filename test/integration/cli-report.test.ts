import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { line } from '../support/queue-file.js';
import { of } from './queue-of-rows.js';

/* `queue report`, as cron calls it. */

test('queue report says nothing, and replaces the page, which others may not read', async (t) => {
  const { file, queue } = of(
    t,
    line({ id: '3fa95c01d2e8b764', status: 'failed', error: 'Error: no such user' }),
  );
  const out = join(dirname(file), 'page.html');
  writeFileSync(out, 'the page before', { mode: 0o666 });
  const { code, stdout, stderr } = await queue('report', '--out', out);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  assert.match(readFileSync(out, 'utf8'), /^<!doctype html>.*no such user.*<\/html>\n$/s);
  assert.equal(statSync(out).mode & 0o777, 0o640);
  assert.deepEqual(
    readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('queue report refuses what it can not write, and what is no queue', async (t) => {
  const { file, queue } = of(t, line({ id: '3fa95c01d2e8b764' }));
  const folder = join(dirname(file), 'folder');
  mkdirSync(folder);
  const cases: [args: string[], status: number, says: RegExp][] = [
    [['--out', folder], 2, /which is no file/],
    [['--out', join(folder, 'none/page.html')], 1, /none/],
    [['--out', '/dev/null'], 2, /which is no file/],
    [[], 2, /--out/],
    [['--out', join(folder, 'x.html'), '--failures', 'many'], 2, /--failures/],
  ];
  for (const [args, status, says] of cases) {
    const answer = await queue('report', ...args);
    assert.equal(answer.code, status, `${args}: ${answer.stderr}`);
    assert.match(answer.stderr, says);
  }
  const missing = await queue('--file', join(folder, 'queue.tsv'), 'report', '--out', join(folder, 'x.html'));
  assert.equal(missing.code, 3);
  assert.deepEqual(readdirSync(folder), []);
});
