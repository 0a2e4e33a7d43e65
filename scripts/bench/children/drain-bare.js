// The least that a drain of a file can do and still be safe from power loss, for one process alone: read all, append
// claims and completions in batches with a sync each, rewrite the file at the end.
import { closeSync, fdatasync, fsync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { report, request } from './common.js';
import { usage } from './usage.cjs';

/** @type {{ files: [string], durability: 'sync' | 'os' }} */
const {
  files: [file],
  durability,
} = request;
const BATCH = 2000;
const handler = (/** @type {unknown} */ _) => {};

const start = performance.now();
const [header = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
/** @type {Record<string, number>} */
const at = Object.fromEntries(header.split('\t').map((name, i) => [name, i]));
const field = (/** @type {string} */ name) => /** @type {number} */ (at[name]);
const fd = openSync(file, 'a');
const done = [header];
/** @type {string[]} */
let ended = [];
let completed = 0;
for (let i = 0; i < lines.length || ended.length > 0; i += BATCH) {
  const claimed = lines.slice(i, i + BATCH).map((line) => {
    const row = line.split('\t');
    row[field('status')] = 'processing';
    row[field('attempts')] = '1';
    row[field('locked_by')] = 'a.worker.with.a.name.as.long.as.these.are.1234567.89012345.abcdef012345';
    row[field('started_at')] = String(Date.now() / 1000);
    row[field('version')] = '2';
    return row;
  });
  writeSync(fd, `${[...ended, ...claimed.map((row) => row.join('\t'))].join('\n')}\n`);
  if (durability === 'sync') await promisify(fdatasync)(fd);
  done.push(...ended);
  ended = claimed.map((row) => {
    handler(JSON.parse(row[field('payload')] ?? ''));
    completed++;
    row[field('status')] = 'completed';
    row[field('locked_by')] = '';
    row[field('finished_at')] = String(Date.now() / 1000);
    row[field('version')] = '3';
    return row.join('\t');
  });
}
closeSync(fd);
const rewritten = openSync(`${file}.tmp`, 'wx');
writeSync(rewritten, `${done.join('\n')}\n`);
await promisify(fsync)(rewritten);
renameSync(`${file}.tmp`, file);
report({ ms: [performance.now() - start], completed: [completed], ...usage() });
