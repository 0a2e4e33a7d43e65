import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from 'tsvq';
import { temporaryFolder } from '../support/folders.js';
import { serve, startWorker } from './worker-process.js';

test('a receiver that accepts five requests a second gets forty, and no job fails for its waits', {
  timeout: 120_000,
}, async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const taken: number[] = [];
  let turnedAway = 0;
  const url = await serve(t, (_, response) => {
    const now = performance.now();
    if (taken.filter((at) => at > now - 1000).length < 5) {
      taken.push(now);
      response.writeHead(200).end();
    } else {
      turnedAway++;
      response.writeHead(429, { 'retry-after': '1' }).end();
    }
  });
  const queue = openQueue(file);
  const ids = await queue.enqueueMany(
    Array.from({ length: 40 }, () => ({
      type: 'webhook',
      payload: { url },
      options: { group: new URL(url).host },
    })),
  );
  const worker = startWorker({ QUEUE_FILE: file, QUEUE_LINGER: '100s' });
  let said = '';
  await new Promise<void>((resolve) => {
    worker.child.stdout.on('data', (chunk: string) => {
      said += chunk;
      if (said.match(/"event":"(completed|failed)"/g)?.length === ids.length) resolve();
    });
  });
  worker.child.kill('SIGTERM');
  await worker.ended;
  t.diagnostic(`${turnedAway} requests were turned away`);
  for (const id of ids) {
    const job = await queue.getJob(id);
    assert.equal(job?.status, 'completed', job?.error);
    assert.equal(job.attempts - job.forgiven, 1);
  }
  assert.ok(turnedAway > 0);
  await queue.close();
});
