import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PermanentError, type TsvqError } from '../../../lib/job/errors.js';
import { rejects } from '../../support/errors.js';
import { faultyFs } from '../../support/faulty-fs.js';
import { temporaryFolder } from '../../support/folders.js';
import { jobId, line, statesOf, writeQueue } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';
import { isThorough } from '../../support/samples.js';

const MIB = 1024 * 1024;
const DAY = 24 * 3_600_000;
const SIZE = (isThorough ? 10 : 4) * MIB;
const large = 'x'.repeat(SIZE);

test('a payload of many MiB is refused unless an option allows it', async (t) => {
  const { queue, file } = openTest(t);
  await rejects(queue.enqueue('report', large), 'PAYLOAD_TOO_LARGE', `${SIZE + 2} bytes`, /raise maxPayload/);
  assert.equal(existsSync(file), false);
});

test('a payload and a result of many MiB go all the way, into the archive and back', async (t) => {
  const { queue, file, clock } = openTest(t, { maxPayload: SIZE + MIB, durability: 'os' });
  const id = await queue.enqueue('report', large);
  await queue.enqueue('small');
  assert.equal((await queue.getJob(id))?.payload, large);
  assert.equal(await queue.cancelJob(id), true);
  assert.equal(await queue.retryJob(id), true);
  const { completed } = await queue.processJobs({ report: (payload) => payload, small: () => {} });
  assert.equal(completed, 2);
  assert.equal((await queue.getJob(id))?.result, large);
  const { kept } = await queue.compact();
  assert.equal(kept, 2);
  const { size } = statSync(file);
  assert.ok(size > 2 * SIZE && size < 2 * SIZE + MIB, 'one row of it is left');

  clock.advance(8 * DAY);
  assert.equal((await queue.compact()).archived, 2);
  const archived = await queue.getJob(id, { archive: true });
  assert.deepEqual([archived?.payload, archived?.result], [large, large]);
});

test('a follow-up of many MiB is a job', async (t) => {
  const { queue } = openTest(t, { maxPayload: SIZE + MIB });
  await queue.enqueue('first');
  const seen: unknown[] = [];
  await queue.processJobs({
    first: (_, { enqueue }) => void enqueue('second', large),
    second: (payload) => void seen.push(payload),
  });
  assert.ok(seen.length === 1 && seen[0] === large);
});

test('follow-ups that would not fit into one field are refused in the handler', async (t) => {
  const { queue } = openTest(t, { maxPayload: 100 * MIB });
  const id = await queue.enqueue('first');
  let refused: unknown;
  await queue.processJobs(
    {
      first: (_, { enqueue }) => {
        try {
          // As JSON twice as much, and as JSON in JSON four times.
          enqueue('second', '"'.repeat(33 * MIB));
        } catch (error) {
          refused = error;
          throw new PermanentError('too many');
        }
      },
    },
    { logger: () => {} },
  );
  assert.equal((refused as TsvqError).code, 'PAYLOAD_TOO_LARGE');
  assert.equal((await queue.getJob(id))?.status, 'failed');
});

test('the beginning of an error of many MiB is kept', async (t) => {
  const { queue, file } = openTest(t);
  const errors = [large, '\n'.repeat(SIZE), `a\n${' '.repeat(SIZE)}at`, '\\'.repeat(SIZE)];
  await queue.enqueueMany(errors.map(() => ({ type: 'failing' })));
  const left = [...errors];
  await queue.processJobs(
    {
      failing: () => {
        throw new Error(left.shift() as string);
      },
    },
    { maxAttempts: 1 },
  );
  const jobs = await queue.listJobs({ status: 'failed' });
  assert.equal(jobs.length, errors.length);
  for (const [i, { error }] of jobs.entries()) {
    assert.ok(error?.startsWith(`Error: ${errors[i]}`.slice(0, 4000)));
    assert.match(error ?? '', /\n +at .*large-payloads\.test/);
  }
  assert.ok(statSync(file).size < 100_000);
});

test('large jobs are read and claimed a few at a time, whatever the concurrency', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const jobs = Array.from({ length: 20 }, (_, n) => line({ id: jobId(n), payload: `"${'x'.repeat(MIB)}"` }));
  writeQueue(file, ...jobs);
  const { fs, calls } = faultyFs();
  const { queue } = openTest(t, { file, fs, durability: 'os' });
  await queue.stats();
  calls.length = 0;
  for await (const { id } of queue.iterateJobs()) {
    assert.equal(id, jobId(0));
    break;
  }
  const read = calls.reduce(
    (sum, { name, args }) => sum + (name === 'readSync' ? (args[2] as number) : 0),
    0,
  );
  assert.ok(read < 6 * MIB, `${read} bytes were read for one job`);

  let most: number | undefined;
  const { completed } = await queue.processJobs(
    {
      email: () => {
        most ??= new Set(statesOf(file).filter((state) => state.endsWith('processing'))).size;
      },
    },
    { concurrency: 20 },
  );
  assert.equal(completed, 20);
  assert.ok(most !== undefined && most > 10 && most < 18, `${most} were claimed at once`);
  assert.ok(readFileSync(file).length > 20 * MIB);
});
