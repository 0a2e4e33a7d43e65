import { archivedJobs } from '../../lib/file/compaction/archive.js';
import type { Store } from '../../lib/file/store.js';
import type { Queue } from '../../lib/queue.js';

/** Returns the payloads of all jobs, those in the archive as well, sorted. */
export async function allPayloads(queue: Queue, { fs, realPath }: Store): Promise<number[]> {
  const payloads: number[] = [];
  for await (const { payload } of queue.iterateJobs()) payloads.push(Number(payload));
  for await (const job of archivedJobs(fs, realPath)) payloads.push(Number(job.toJob().payload));
  return payloads.sort((a, b) => a - b);
}

/**
 * Returns a script that relays once, and is killed at its step `KILL_AT`: a call that changes the queue's files, or a
 * call of the database. Without it, it prints how many steps there are.
 *
 * @param open code that makes `outbox`, and calls `step()` before each call of the database
 */
export const dyingRelay = (file: string, open: string): string => `
import { systemFs } from 'lib/file/disk/fs.js';
import { systemProcesses } from 'lib/file/lock/process-id.js';
import { Store } from 'lib/file/store.js';
import { systemClock } from 'lib/job/clock.js';
import { resolveQueueOptions } from 'lib/job/queue-options.js';
import { overStore } from 'lib/open-queue.js';
let steps = 0;
const step = () => { if (++steps === Number(process.env.KILL_AT)) process.kill(process.pid, 'SIGKILL'); };
const CHANGES = ['writeSync', 'write', 'fdatasync', 'fsync', 'rename', 'unlink', 'mkdir', 'rmdir'];
const fs = { ...systemFs };
for (const name of CHANGES) fs[name] = (...args) => { step(); return systemFs[name](...args); };
const options = resolveQueueOptions({ anyFileSystem: true, noWorkerAfter: false });
const store = new Store(${JSON.stringify(file)}, options, { fs, clock: systemClock, processes: systemProcesses });
${open}
await overStore(store).processJobs({}, { outbox: [outbox] });
console.log('steps ' + steps);
process.exit();
`;
