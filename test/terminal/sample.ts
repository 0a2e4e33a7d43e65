import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { dead } from '../support/claims.js';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, writeQueue } from '../support/queue-file.js';

/** The number of failed jobs in {@link sampleFile}; half of them have one error. */
export const FAILED = 8;

/** A queue file of some jobs in each state: three types, two errors. */
export function sampleFile(t: TestContext): string {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const now = Math.floor(Date.now() / 1000);
  const rows: string[] = [];
  const add = (fields: Parameters<typeof line>[0]): void =>
    void rows.push(
      line({
        ...fields,
        id: jobId(rows.length + 1)
          .split('')
          .reverse()
          .join(''),
      }),
    );
  for (let i = 0; i < FAILED; i++)
    add({
      ...{ type: i % 2 === 0 ? 'webhook' : 'email', status: 'failed', attempts: 3, version: 2 },
      ...{ started_at: 1001, finished_at: 1002 + i, payload: JSON.stringify({ to: `user${i}@example.com` }) },
      error: i % 2 === 0 ? 'hooks.example answered 503' : `no user ${i}\\n    at work`,
    });
  for (let i = 0; i < 5; i++) add({ type: 'email', created_at: 1200, run_at: now + 36_000 + 600 * i });
  for (let i = 0; i < 60; i++)
    add({
      ...{ type: '日本語の仕事', status: 'completed', attempts: 1, version: 2 },
      ...{ started_at: 2000 + i, finished_at: 2001 + i, payload: JSON.stringify(`done ${i}`) },
    });
  add({
    ...{ type: 'report', status: 'processing', attempts: 1, version: 2 },
    ...{ started_at: 1500, locked_by: dead(), claim_timeout: 3600 },
  });
  writeQueue(file, ...rows);
  return file;
}
