/* What a start by cron loads and touches if its schedules are declared and no slot is due. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, temporaryFolder } from '../support/folders.js';

const TICK = `
import { Module } from 'node:module';
import { openQueue } from 'tsvq';
const [file, cron] = process.argv.slice(1);
const schedules = Object.fromEntries(
  Array.from({ length: 50 }, (_, i) => ['s' + i, { type: 'work', cron, timezone: 'Europe/Berlin' }]),
);
await openQueue(file, { anyFileSystem: true }).processJobs({ work: () => {} }, { schedules });
console.log(Object.keys(Module._cache).some((path) => path.includes('croner')));
`;

test('a tick whose 50 schedules are declared and not due writes nothing, takes no lock and loads no croner', (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const tick = (cron: string): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', TICK, file, cron], {
      cwd: root,
      encoding: 'utf8',
    }).trim();
  assert.equal(tick('30 2 29 2 *'), 'true', 'the first one declares them');
  const before = readFileSync(file, 'utf8');
  rmSync(`${file}.lock`, { recursive: true, force: true });
  assert.equal(tick('30 2 29 2 *'), 'false');
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.equal(existsSync(`${file}.lock`), false);
  assert.equal(tick('30 3 29 2 *'), 'true', 'they have changed');
});
