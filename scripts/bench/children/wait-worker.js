// A worker that lingers. Each job's result is when its handler ended.
import { openQueue } from 'tsvq';
import { report, request } from './common.js';

/** @type {{ file: string }} */
const { file } = request;
const stop = new AbortController();
const queue = openQueue(file);
await queue.processJobs(
  { bench: () => Number(process.hrtime.bigint()), stop: () => stop.abort() },
  { linger: Number.POSITIVE_INFINITY, signal: stop.signal },
);
await queue.close();
report({});
