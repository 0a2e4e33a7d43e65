// Counts the jobs of a queue by status twice: as the queue's own stats() has them, and as
// `awk -F'\t' '{ n[$4]++ }'` would, line by line.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { openQueue } from 'tsvq';
import { report, request } from './common.js';

/** @type {{ file: string }} */
const { file } = request;

/** @type {Record<string, number>} */
const lines = {};
let header = true;
for await (const line of createInterface({
  input: createReadStream(file),
  crlfDelay: Number.POSITIVE_INFINITY,
})) {
  const status = line.split('\t')[3] ?? '';
  if (!header && !line.startsWith('#')) lines[status] = (lines[status] ?? 0) + 1;
  header = false;
}

const queue = openQueue(file);
const { total, pending, processing, completed, failed, cancelled } = await queue.stats();
await queue.close();
report({ stats: { total, pending, processing, completed, failed, cancelled }, lines });
