import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemProcesses } from '../../lib/store/owner.js';
import { temporaryFolder } from '../helpers.js';
import { tick } from './worker-process.js';

// In a file of its own, which runs beside the others: it takes as long as a worker waits for the lock.
test('exit code 75: somebody alive holds the lock', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  const id = await queue.enqueue('webhook', { url: 'nowhere' });
  await queue.close();
  await mkdir(`${file}.lock`, { recursive: true });
  await writeFile(join(`${file}.lock`, `owner.${systemProcesses.self()}`), '');

  const { code, stdout, stderr } = await tick(file);
  assert.equal(code, 75);
  assert.equal(stdout, '');
  assert.match(stderr, new RegExp(`^queue_worker: .*\\b${process.pid}\\b.*\n$`));
  assert.equal((await openQueue(file).getJob(id))?.attempts, 0);
});
