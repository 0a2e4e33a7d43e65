// getJob for random ids in a process that has the queue open, and what reading a row costs if its place is known;
// in turn, in blocks.
import { openSync, readFileSync, readSync, statSync } from 'node:fs';
import { openQueue } from 'tsvq';
import { report, request } from './common.js';

/** @type {{ file: string, blocks: number }} */
const { file, blocks } = request;
const BLOCK = 500;

/** @type {{ id: string, offset: number, length: number }[]} */
const rows = [];
let offset = 0;
for (const line of readFileSync(file, 'latin1').split('\n')) {
  const id = line.split('\t', 1)[0] ?? '';
  if (/^[0-9a-f]{16}$/.test(id)) rows.push({ id, offset, length: line.length });
  offset += line.length + 1;
}

const queue = openQueue(file);
const fd = openSync(file, 'r');
const bytes = Buffer.alloc(64 * 1024);

/** @type {Record<string, (row: (typeof rows)[0]) => Promise<{ to?: string } | undefined>>} */
const variants = {
  ours: async ({ id }) => (await queue.getJob(id))?.payload,
  // The stat tells that the file is still the same one.
  bare: async ({ offset, length }) => {
    statSync(file);
    readSync(fd, bytes, 0, length, offset);
    return JSON.parse(bytes.toString('utf8', 0, length).split('\t')[2] ?? '');
  },
};

/** @type {Record<string, number[]>} µs */
const times = { ours: [], bare: [] };
let found = 0;
for (let block = 0; block <= blocks; block++) {
  for (const [name, call] of Object.entries(variants)) {
    for (let i = 0; i < BLOCK; i++) {
      const row = /** @type {(typeof rows)[0]} */ (rows[Math.floor(Math.random() * rows.length)]);
      const start = performance.now();
      const payload = await call(row);
      if (block > 0) times[name]?.push((performance.now() - start) * 1000);
      if (payload?.to?.endsWith('@example.com')) found++;
    }
  }
}
await queue.close();
report({ times, rows: rows.length, found, asked: 2 * (blocks + 1) * BLOCK });
