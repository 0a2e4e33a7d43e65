import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openQueue } from 'tsvq';
import { root, temporaryFolder } from '../support/folders.js';

test('npm start runs the main job, and can be run again', { timeout: 120_000 }, async (t) => {
  const folder = temporaryFolder(t);
  for (const _ of ['first', 'second']) {
    const { stdout } = await promisify(execFile)('npm', ['start', '--silent', '--', folder], { cwd: root });
    assert.match(stdout, /All as expected/);

    const jobs = await openQueue(join(folder, 'queue.tsv')).listJobs();
    assert.deepEqual(jobs.map(({ type, status, attempts }) => `${type} ${status} ${attempts}`).sort(), [
      'send_email completed 1',
      'send_email completed 1',
      'send_email pending 0',
      'webhook cancelled 0',
      'webhook completed 2',
      'webhook failed 1',
    ]);
    for (const { id, status } of jobs) assert.match(stdout, new RegExp(`^ *${id} .* ${status} `, 'm'));
    assert.equal((await readdir(join(folder, 'outbox'))).length, 2);
  }
});
