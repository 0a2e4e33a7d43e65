import assert from 'node:assert/strict';
import { test } from 'node:test';
import { torture } from '../../scripts/torture/torture.js';
import { temporaryFolder } from '../support/folders.js';
import { isThorough } from '../support/samples.js';

test('processes that are killed at random lose nothing that was acknowledged, and run nothing twice', {
  timeout: 180_000,
}, async (t) => {
  // Given again with TORTURE_SEED; the long form is npm run torture.
  const seed = Number(process.env.TORTURE_SEED ?? Date.now() % 1_000_000);
  const folder = temporaryFolder(t);
  const mostKills = isThorough ? 40 : 12;
  const { violations, counts, kills } = await torture({ folder, seed, ms: 20_000, mostKills });
  const again = `again with: npm run torture -- --minutes 1 --seed ${seed}`;
  assert.deepEqual(violations, [], again);
  assert.ok(kills >= 10 && counts.acknowledged > 0 && counts.jobs > 0, `${kills} kills; ${again}`);
});
