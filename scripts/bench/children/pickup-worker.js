// A worker that lingers, and notes when each job's handler starts.
import { openQueue } from 'tsvq';
import { report, request } from './common.js';

/** @type {{ file: string }} */
const { file } = request;
/** @type {[n: number, at: number][]} */
const started = [];
const stop = new AbortController();

const queue = openQueue(file);
await queue.processJobs(
  {
    bench: ({ n }) => void started.push([n, Number(process.hrtime.bigint())]),
    stop: () => stop.abort(),
  },
  { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
);
await queue.close();
report({ started });
