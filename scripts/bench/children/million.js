// What a process asks of a large queue: its first look at one job, jobs one after another, cancels one after another.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { openQueue } from 'tsvq';
import { report, request } from './common.js';

/** @type {{ file: string, ids: number, cancels: number }} */
const { file, ids: wanted, cancels } = request;

/** @type {string[]} */
const ids = [];
let n = 0;
for await (const line of createInterface({ input: createReadStream(file) })) {
  const id = line.split('\t', 1)[0] ?? '';
  // From all of the file.
  if (/^[0-9a-f]{16}$/.test(id) && n++ % Math.floor(1_000_000 / wanted) === 0) ids.push(id);
}

/** @template T @param {() => Promise<T>} call @returns {Promise<[number, T]>} its time in ms, and what it gave */
async function timed(call) {
  const start = performance.now();
  const result = await call();
  return [performance.now() - start, result];
}

const queue = openQueue(file);
const id = () => /** @type {string} */ (ids[Math.floor(Math.random() * ids.length)]);
const [first] = await timed(() => queue.getJob(id()));

/** @type {number[]} ms */
const gets = [];
let found = 0;
for (let i = 0; i < 20_000; i++) {
  const [ms, job] = await timed(() => queue.getJob(id()));
  gets.push(ms);
  if (job?.type === 'bench') found++;
}

/** @type {number[]} ms */
const cancelTimes = [];
let cancelled = 0;
for (const each of ids.slice(0, cancels)) {
  const [ms, done] = await timed(() => queue.cancelJob(each));
  cancelTimes.push(ms);
  if (done) cancelled++;
}

const [stats] = await timed(() => queue.stats());
await queue.close();
report({ first, gets, found, cancelTimes, cancelled, stats });
