import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { rowsOf } from '../support/queue-file.js';
import { runNode } from './process.js';

test('a process without a free descriptor gets an error, and goes on when it has one again', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const { code, stdout, stderr } = await runNode(
    file,
    `import { closeSync, openSync } from 'node:fs';
    const ids = [await queue.enqueue('email', 1)];
    const fresh = openQueue(file);
    const other = openQueue(file);
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null', 'r')); } catch {}
    const refused = await Promise.all([
      fresh.enqueue('email', 2), other.getJob(ids[0]), other.listJobs(), other.processJobs({ email: () => {} }),
    ].map((call) => call.then(() => 'done', ({ code, message }) => code + ' ' + /EMFILE/.test(message))));
    // What has the file open needs no more to append to it.
    ids.push(await queue.enqueue('email', 4));
    for (const fd of taken) closeSync(fd);
    ids.push(await queue.enqueue('email', 3));
    const { completed } = await other.processJobs({ email: () => {} });
    console.log(JSON.stringify({ refused, ids, completed }));`,
    ['sh', '-c', 'ulimit -n 40; exec "$@"', 'sh'],
  );
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const { refused, ids, completed } = JSON.parse(stdout);
  assert.deepEqual(refused, Array(4).fill('WRITE_FAILED true'));
  assert.equal(completed, 3);
  assert.deepEqual(
    rowsOf(file).map(({ id, status }) => `${id} ${status}`),
    ids.map((id: string) => `${id} completed`),
  );
});
