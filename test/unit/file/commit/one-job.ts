import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { jobId, line, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

/** A queue of one job, over a file system that fails on demand. */
export async function oneJob(t: TestContext, fields: Parameters<typeof line>[0] = {}) {
  const { fs, fault } = faultyFs();
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: jobId(1), ...fields }));
  return { ...openTest(t, { file, fs }), fault };
}

/** A further row of that job, as another process writes it. */
export const row = (status: string, version: number): string =>
  line({ id: jobId(1), status, version, attempts: 1, locked_by: status === 'processing' ? 'somebody' : '' });

/** Puts another file in the place of the queue, as an editor or a compaction does. */
export function replace(file: string, content: string | Buffer): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
