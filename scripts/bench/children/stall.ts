// How long the event loop stands still while jobs are enqueued on a disk whose syncs take long. Runs over the
// sources, since only there another file system can be put in the place of the real one.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemFs } from '../../../lib/file/disk/fs.js';
import { systemProcesses } from '../../../lib/file/lock/process-id.js';
import { Store } from '../../../lib/file/store.js';
import { systemClock } from '../../../lib/job/clock.js';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { overStore } from '../../../lib/open-queue.js';
import { payload, report, request } from './common.js';

const { file, jobs, rounds } = request as { file: string; jobs: number; rounds: number };
const SYNC_MS = 50;
const IN_FLIGHT = 50;

let syncs = 0;
const slow = async (sync: (fd: number) => Promise<void>, fd: number): Promise<void> => {
  syncs++;
  await sleep(SYNC_MS);
  await sync(fd);
};
const fs = {
  ...systemFs,
  fdatasync: (fd: number) => slow(systemFs.fdatasync, fd),
  fsync: (fd: number) => slow(systemFs.fsync, fd),
};
const store = new Store(file, resolveQueueOptions({}), {
  clock: systemClock,
  fs,
  processes: systemProcesses,
});
const queue = overStore(store);
let n = 0;
const enqueue = (): Promise<string> => queue.enqueue('bench', payload(n++));

const variants = {
  nothing: () => sleep(3 * SYNC_MS),
  atOnce: () => Promise.all(Array.from({ length: jobs }, enqueue)),
  inFlight: () =>
    Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        for (let i = 0; i < jobs / IN_FLIGHT; i++) await enqueue();
      }),
    ),
};

/** The longest time between two turns of the event loop, in ms, until `work` is done. */
async function longestStall(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let over = false;
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await new Promise(setImmediate);
  await work();
  // What it left to do belongs to it.
  await new Promise(setImmediate);
  over = true;
  return longest;
}

const stalls: Record<keyof typeof variants, number[]> = { nothing: [], atOnce: [], inFlight: [] };
for (let round = 0; round < rounds; round++) {
  for (const [name, work] of Object.entries(variants)) {
    stalls[name as keyof typeof variants].push(await longestStall(work));
  }
}
await queue.close();
report({ stalls, enqueued: n, syncs });
