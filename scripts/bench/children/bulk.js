// One enqueueMany into an empty queue, or the same rows without a queue: made, written, synced.
import { randomBytes } from 'node:crypto';
import { fdatasync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { openQueue } from 'tsvq';
import { payload, report, request } from './common.js';
import { usage } from './usage.cjs';

/** @type {{ file: string, durability: 'sync' | 'os', jobs: number, bare: boolean }} */
const { file, durability, jobs, bare } = request;
const requests = Array.from({ length: jobs }, (_, i) => ({ type: 'bench', payload: payload(i) }));

const start = performance.now();
const ids = bare ? await write() : await openQueue(file, { durability }).enqueueMany(requests);
const ms = performance.now() - start;
report({ ms, ids: new Set(ids).size, ...usage() });

async function write() {
  const now = Date.now() / 1000;
  const ids = requests.map(() => randomBytes(8).toString('hex'));
  const lines = requests.map(
    ({ type, payload }, i) =>
      `${ids[i]}\t${type}\t${JSON.stringify(payload)}\tpending\t${now}\t${now}\t0\t\t\t0\t\t0\t\t\t\t\t\t\t\t1\n`,
  );
  const fd = openSync(file, 'a');
  writeSync(fd, lines.join(''));
  if (durability === 'sync') await promisify(fdatasync)(fd);
  return ids;
}
