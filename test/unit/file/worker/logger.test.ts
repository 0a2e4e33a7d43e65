import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermanentError } from '../../../../lib/job/errors.js';
import type { WorkerEvent } from '../../../../lib/job/options.js';
import { fails } from '../../../support/handlers.js';
import { openTest } from '../../../support/queues.js';

test('the logger gets each event with its details', async (t) => {
  const { queue, clock } = openTest(t);
  const [ok = '', no = '', bad = ''] = await queue.enqueueMany([
    { type: 'ok' },
    { type: 'no' },
    { type: 'bad' },
  ]);
  const events: WorkerEvent[] = [];
  const before = clock.now();
  await queue.processJobs(
    {
      ok: () => clock.advance(250),
      no: fails(new Error('not now')),
      bad: fails(new PermanentError('never')),
    },
    { logger: (event) => events.push(event) },
  );
  for (const { time, worker } of events) {
    assert.deepEqual(time, new Date(before + 250));
    assert.equal(worker, events[0]?.worker);
    assert.match(String(worker), /^[\w-]+(\.\w+){5}$/);
  }
  assert.deepEqual(
    events.map(({ error, runAt, time: _, worker: __, ...rest }) => ({
      ...rest,
      error: error?.split('\n')[0],
      runAt: runAt?.getTime(),
    })),
    [
      { event: 'completed', id: ok, type: 'ok', attempt: 1, ms: 250, error: undefined, runAt: undefined },
      {
        event: 'retried',
        id: no,
        type: 'no',
        attempt: 1,
        ms: 0,
        error: 'Error: not now',
        runAt: clock.now() + 120_000,
      },
      {
        event: 'failed',
        id: bad,
        type: 'bad',
        attempt: 1,
        ms: 0,
        error: 'PermanentError: never',
        runAt: undefined,
      },
    ],
  );
});

test('a logger that fails loses no job', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const summary = await queue.processJobs({ email: () => {} }, { logger: fails(new Error('no log')) });
  assert.equal(summary.completed, 2);
});

test('an asynchronous logger that rejects loses no job and ends no process', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'email' }]);
  const logger = async () => {
    throw new Error('no log');
  };
  assert.equal((await queue.processJobs({ email: () => {} }, { logger })).completed, 2);
  await new Promise(setImmediate);
});
