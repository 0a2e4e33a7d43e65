/*
 * The short form of scripts/nightly/outbox.ts: apps, relays and workers are killed at random moments.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../support/folders.js';
import { withoutPostgres } from '../support/postgres.js';
import { withoutSqlite } from '../support/sqlite.js';

for (const [name, args, skip] of [
  ['SQLite', [], withoutSqlite],
  ['PostgreSQL', ['--postgres'], withoutPostgres],
] as const)
  test(`each committed order has one job after 60 kills around an outbox in ${name}`, { skip }, async () => {
    const script = ['--import', 'tsx', 'scripts/nightly/outbox.ts', '--kills', '60', ...args];
    const { stdout } = await promisify(execFile)(process.execPath, script, { cwd: root });
    assert.match(stdout, /[1-9]\d* committed orders, 0 problems/);
  });
