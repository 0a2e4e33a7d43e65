// Appends lines at random moments, with a sync each, and notes when it began.
import { fdatasync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { payload, report, request } from './common.js';

/** @type {{ file: string, jobs: number, gapMs: number }} */
const { file, jobs, gapMs } = request;
const WARM_UP = 20;
const fd = openSync(file, 'a');
/** @type {[n: number, at: number][]} */
const asked = [];
for (let n = -WARM_UP; n <= jobs; n++) {
  await sleep(-Math.log(1 - Math.random()) * gapMs);
  const at = Number(process.hrtime.bigint());
  writeSync(fd, `asked ${n === jobs ? 'stop' : n} ${JSON.stringify(payload(n))}\n`);
  await promisify(fdatasync)(fd);
  if (n >= 0 && n < jobs) asked.push([n, at]);
}
report({ asked });
