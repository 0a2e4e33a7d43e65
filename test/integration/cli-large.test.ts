import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, writeQueue } from '../support/queue-file.js';
import { isThorough } from '../support/samples.js';
import { lines, records, runOn } from './cli-process.js';

const MIB = 1024 * 1024;
const payload = 'x'.repeat((isThorough ? 10 : 4) * MIB);
const large = 'x'.repeat((isThorough ? 2 : 1) * MIB);

test('the command handles fields and lines of many MiB, and shows people no more than they can read', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    line({ id: jobId(1), payload: JSON.stringify(payload) }),
    line({ id: jobId(2), type: large }),
    line({ id: large, status: 'processing' }),
    // Deeper than anything that JSON.stringify can print.
    line({ id: jobId(3), payload: `${'['.repeat(50_000)}1${']'.repeat(50_000)}` }),
    `${jobId(1)}\t${' '.repeat(2 * MIB)}.\n`,
    `${jobId(1)}${'\t'.repeat(2 * MIB)}.\n`,
    line({ id: jobId(4) }),
  );
  const queue = runOn(t, file);

  const list = await queue('list');
  assert.deepEqual([list.code, list.stderr], [0, '']);
  assert.ok(list.stdout.length < 5000, `${list.stdout.length} characters for five jobs`);
  assert.match(list.stdout, new RegExp(`\n${jobId(4)} +email +pending`));
  assert.deepEqual(
    records((await queue('list', '--json')).stdout).map(({ id }) => id),
    [jobId(1), jobId(2), large, jobId(3), jobId(4)],
  );
  const shown = await queue('show', jobId(1), '--json');
  assert.equal(JSON.parse(shown.stdout).payload, payload);
  assert.match(shown.stderr, /is held/);

  const stats = await queue('stats');
  assert.ok(stats.code === 0 && stats.stdout.length < 5000);
  const doctor = await queue('doctor');
  assert.equal(doctor.code, 1);
  assert.ok(doctor.stdout.length < 3000, `${doctor.stdout.length} characters for four findings`);
  assert.deepEqual(
    lines(doctor.stdout).map((found) => found.split(':')[0]),
    ['orphan', 'unreadable', 'unreadable', 'held'],
  );
  const check = await queue('check');
  assert.deepEqual([check.code, check.stderr], [1, '']);
  assert.ok(check.stdout.length < 1000);
});
