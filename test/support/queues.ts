import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type FileSystem, systemFs } from '../../lib/file/disk/fs.js';
import { type Processes, systemProcesses } from '../../lib/file/lock/process-id.js';
import { Store } from '../../lib/file/store.js';
import type { Clock } from '../../lib/job/clock.js';
import type { DefaultJobs } from '../../lib/job/job.js';
import { type QueueOptions, resolveQueueOptions } from '../../lib/job/queue-options.js';
import { overStore } from '../../lib/open-queue.js';
import type { Queue } from '../../lib/queue.js';
import { FakeClock } from './fake-clock.js';
import { faultyFs, systemError } from './faulty-fs.js';
import { temporaryFolder } from './folders.js';
import { watched } from './waiting.js';
// Loaded beforehand, so that a worker's first step, or a first change, takes no time of its own.
import '../../lib/file/commit/changes.js';
import '../../lib/file/worker/worker.js';

export interface TestOptions extends QueueOptions {
  file?: string;
  clock?: Clock;
  fs?: FileSystem;
  processes?: Processes;
}

export interface TestQueue<Jobs = DefaultJobs> {
  queue: Queue<Jobs>;
  store: Store;
  file: string;
  /** The one that was given, or a {@link FakeClock}. */
  clock: FakeClock;
}

/** A queue over a clock that stands still, in a folder of its own unless a file is named. */
export function openTest<Jobs = DefaultJobs>(t: TestContext, options: TestOptions = {}): TestQueue<Jobs> {
  const { file = join(temporaryFolder(t), 'queue.tsv'), clock = new FakeClock(), ...rest } = options;
  const { fs: fileSystem = systemFs, processes = systemProcesses, ...queueOptions } = rest;
  // Waiting for the lock takes no time on the fake clock, while the disk takes its own.
  queueOptions.lockTimeout ??= '1h';
  // Temporary folders may be in memory, or in the layer of a container.
  queueOptions.anyFileSystem ??= true;
  // Tests of other things count calls to the system, and let time pass without workers.
  queueOptions.noWorkerAfter ??= false;
  const store = new Store(file, resolveQueueOptions(queueOptions), {
    clock,
    fs: watched(fileSystem),
    processes,
  });
  const queue = overStore<Jobs>(store);
  t.after(() => queue.close());
  return { queue, store, file, clock: clock as FakeClock };
}

/** The same on a disk that has no room while `disk.isFull` is set. */
export function fullDisk(t: TestContext): TestQueue & { disk: { isFull: boolean } } {
  const disk = { isFull: false };
  const { fs: limited } = faultyFs((call, real) => {
    if (disk.isFull && call.name === 'writeSync') throw systemError('ENOSPC');
    return real();
  });
  return { disk, ...openTest(t, { fs: limited }) };
}
