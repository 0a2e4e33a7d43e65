/*
 * npm run torture -- [--minutes N] [--seed S] [--folder PATH]
 *
 * Kills processes that work on one queue for so long, and checks what they were told against what is left. Exit code 1
 * if anything acknowledged was lost, ran twice or left a final state; then the folder stays, to be looked at.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { torture } from './torture/torture.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    folder: { type: 'string', default: tmpdir() },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const folder = mkdtempSync(join(values.folder, 'tsvq-torture-'));

const started = Date.now();
let said = 0;
const { violations, counts, kills, deaths } = await torture({
  folder,
  seed,
  ms: minutes * 60_000,
  progress: (soFar) => {
    if (!process.stderr.isTTY || Date.now() - said < 1000) return;
    said = Date.now();
    process.stderr.write(`\r${soFar} kills in ${Math.round((said - started) / 1000)} s `);
  },
});

const { 'by itself': ended, ...killed } = deaths;
const how = Object.entries(killed).map(([death, count]) => `${count} ${death}`);
console.log(
  `torture: seed ${seed}, ${Math.round((Date.now() - started) / 1000)} s: ${kills} kills (${how.join(', ')}; ` +
    `${ended} processes ended by themselves), ${counts.operations} operations, ${counts.acknowledged} acknowledged, ` +
    `${counts.jobs} jobs, ${counts.attempts} attempts, ${violations.length} violations`,
);
for (const violation of violations.slice(0, 30)) console.log(`  ${violation}`);
if (violations.length > 0) {
  console.log(
    `again with: npm run torture -- --minutes ${minutes} --seed ${seed}; what is left is in ${folder}`,
  );
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true });
}
