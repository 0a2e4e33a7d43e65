import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { inspect } from '../../lib/file/doctor/inspect.js';
import type { Store } from '../../lib/file/store.js';
import { TsvqError } from '../../lib/job/errors.js';
import type { Queue } from '../../lib/queue.js';
import { FakeClock } from '../support/fake-clock.js';
import { faultyFs, systemError } from '../support/faulty-fs.js';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, text, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';

/*
 * Every call that the library makes to the system fails once, in every function of the API. A function may reject only
 * with an error of ours that names the place, and no job may be lost.
 */

const functions: Record<string, (queue: Queue, store: Store) => Promise<unknown>> = {
  enqueue: (queue) => queue.enqueue('email'),
  'getJob, in the archive too': (queue) => queue.getJob(jobId(8), { archive: true }),
  cancelJob: (queue) => queue.cancelJob(jobId(1)),
  retryJob: (queue) => queue.retryJob(jobId(2)),
  listJobs: (queue) => queue.listJobs(),
  stats: (queue) => queue.stats(),
  promoteJob: (queue) => queue.promoteJob(jobId(1)),
  dismissJob: (queue) => queue.dismissJob(jobId(2)),
  'waitForJob, in the archive too': (queue) => queue.waitForJob(jobId(8), { timeout: 0 }),
  forgetJob: (queue) => queue.forgetJob(jobId(2)),
  compact: (queue) => queue.compact(),
  purge: (queue) => queue.purge(),
  processJobs: (queue) => queue.processJobs({ email: () => {} }, { logger: () => {} }),
  'processJobs without work': (queue) => queue.processJobs({}, { logger: () => {} }),
  doctor: (_, store) => inspect(store),
};

/** Calls on descriptors, which the disk fails; on names, permission. */
const ON_DATA = new Set(['fstat', 'readSync', 'writeSync', 'read', 'write', 'fdatasync', 'fsync']);
const ASYNC = new Set(['read', 'write', 'fdatasync', 'fsync']);

for (const [name, run] of Object.entries(functions))
  test(`every error of the system becomes a TsvqError: ${name}`, async (t) => {
    const folder = temporaryFolder(t);
    const now = new FakeClock().now() / 1000;
    for (let step = 0, more = true; more; step++) {
      const file = join(folder, String(step), 'queue.tsv');
      const { fs, fault } = faultyFs();
      fs.mkdir(dirname(file));
      writeQueue(file, line({ id: jobId(1) }), line({ id: jobId(2), status: 'failed', finished_at: now }));
      const { queue, store, clock } = openTest(t, { file, fs, lockTimeout: 100 });
      let made = 0;
      let where = 'no call';
      fault.do = (call, real) => {
        // What becomes of a descriptor that can't be closed is nobody's concern.
        if (call.name === 'closeLater' || call.name === 'close' || made++ !== step) return real();
        where = `${call.name} ${call.path}`;
        const error = systemError(ON_DATA.has(call.name) ? 'EIO' : 'EACCES');
        if (ASYNC.has(call.name)) return Promise.reject(error);
        throw error;
      };
      let over = false;
      const ended = run(queue, store)
        .then(
          () => undefined,
          (error: unknown) => error,
        )
        .finally(() => {
          over = true;
        });
      // A worker waits a while before it tries again.
      if (name.startsWith('process')) await clock.advanceUntil('it is over', () => over, 2000);
      const error = await ended;
      more = made > step;
      if (error !== undefined) {
        assert.ok(error instanceof TsvqError, `${where}: ${error}`);
        assert.ok(error.message.includes(dirname(file)), `${where}: ${error}`);
      }
      for (const id of [jobId(1), jobId(2)]) assert.ok(text(file).includes(`\n${id}\t`), where);
    }
  });
