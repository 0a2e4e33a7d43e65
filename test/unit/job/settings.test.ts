/*
 * The environment of a worker holds its settings.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workerOptionsFrom } from '../../../lib/index.js';
import { resolveBackoff } from '../../../lib/job/backoff.js';
import { WORKER_DEFAULTS } from '../../../lib/job/settings.js';
import { throws } from '../../support/errors.js';
import { runScript } from '../../support/processes.js';
import { openTest } from '../../support/queues.js';

test('an empty environment gives the defaults of a worker', () => {
  assert.deepEqual(workerOptionsFrom({ PATH: '/bin' }), WORKER_DEFAULTS);
});

test('every setting is read', () => {
  const environment = {
    QUEUE_CONCURRENCY: '4',
    QUEUE_LINGER: '55s',
    QUEUE_GRACE: '0',
    QUEUE_MAX_ATTEMPTS: '5',
    QUEUE_BACKOFF: '1m, 5m,1h',
    QUEUE_TIMEOUT: '1.5h',
  };
  assert.deepEqual(workerOptionsFrom(environment), {
    concurrency: 4,
    linger: 55_000,
    grace: 0,
    maxAttempts: 5,
    backoff: [60_000, 300_000, 3_600_000],
    timeout: 5_400_000,
  });
  assert.deepEqual(workerOptionsFrom({ QUEUE_BACKOFF: '2m' }).backoff, [120_000]);
  assert.equal(workerOptionsFrom({ QUEUE_LINGER: 'Infinity' }).linger, Number.POSITIVE_INFINITY);
});

for (const name of ['QUEUE_LINGER', 'QUEUE_GRACE', 'QUEUE_TIMEOUT', 'QUEUE_BACKOFF'])
  test(`${name} without a unit is refused, with a proposal`, () => {
    throws(
      () => workerOptionsFrom({ [name]: '10' }),
      'INVALID_ARGUMENT',
      `${name} is 10, which has no unit; for 10 seconds write 10s`,
    );
    for (const text of ['1e3', '0x10', '.5', ' 7 '])
      throws(() => workerOptionsFrom({ [name]: text }), 'INVALID_ARGUMENT', name, 'has no unit');
    for (const text of ['', '-1s', 'soon', '10 parsecs', 'NaN', '-Infinity'])
      throws(
        () => workerOptionsFrom({ [name]: text }),
        'INVALID_ARGUMENT',
        `${name} is ${JSON.stringify(text)}`,
      );
  });

test('a table of waits is refused for any of them', () => {
  for (const text of ['1m,5', '1m,,5m', '1m,', ',1m', '1m;5m'])
    throws(() => workerOptionsFrom({ QUEUE_BACKOFF: text }), 'INVALID_ARGUMENT', 'QUEUE_BACKOFF');
});

test('a time limit is at most a year', () => {
  throws(() => workerOptionsFrom({ QUEUE_TIMEOUT: 'Infinity' }), 'INVALID_ARGUMENT', 'QUEUE_TIMEOUT');
  throws(() => workerOptionsFrom({ QUEUE_TIMEOUT: '0' }), 'INVALID_ARGUMENT', 'QUEUE_TIMEOUT');
});

for (const name of ['QUEUE_CONCURRENCY', 'QUEUE_MAX_ATTEMPTS'])
  test(`${name} is a number in digits`, () => {
    for (const text of ['', 'abc', '1e3', '0', '-1', '1.5', '0x10', ' 4', '4\r', 'Infinity', '9'.repeat(20)])
      throws(
        () => workerOptionsFrom({ [name]: text }),
        'INVALID_ARGUMENT',
        `${name} is ${JSON.stringify(text)}`,
      );
  });

test('QUEUE_FILE is checked as well', () => {
  throws(
    () => workerOptionsFrom({ QUEUE_FILE: 'redis://:secret@host' }),
    'INVALID_ARGUMENT',
    'QUEUE_FILE is "redis://…@host"',
  );
  workerOptionsFrom({ QUEUE_FILE: '' });
});

test('QUEUE_ANY_FILE_SYSTEM is yes or no, and nothing else', () => {
  for (const text of ['1', 'true', 'yes', 'YES', '0', 'false', 'no', ''])
    workerOptionsFrom({ QUEUE_ANY_FILE_SYSTEM: text });
  for (const text of ['on', '2', ' ', '1\r', 'yes please'])
    throws(
      () => workerOptionsFrom({ QUEUE_ANY_FILE_SYSTEM: text }),
      'INVALID_ARGUMENT',
      'QUEUE_ANY_FILE_SYSTEM is',
      'true or yes',
    );
});

test('a mistyped variable causes a warning, and others do not', async (t) => {
  const said = await runScript(
    t,
    `import { workerOptionsFrom } from 'lib/index.js';
    import * as fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    fs.default.writeSync = (fd, text) => { console.log(fd, text.trim()); };
    syncBuiltinESMExports();
    workerOptionsFrom({
      QUEUE_CONCURENCY: '2', QUEUE_MAXATTEMPTS: '2', QUEUE_TIMEOUTS: '1s',
      QUEUE_URL: 'x', QUEUE_NAME: 'x', QUEUE_SIZE: '5', QUEUE_TYPE: 'x', QUEUE_DRIVER: 'x', QUEUE_CONNECTION: 'x', queue_file: 'x',
    });`,
  );
  assert.deepEqual(said.trim().split('\n'), [
    '2 tsvq: QUEUE_CONCURENCY is not a setting, and has no effect; did you mean QUEUE_CONCURRENCY?',
    '2 tsvq: QUEUE_MAXATTEMPTS is not a setting, and has no effect; did you mean QUEUE_MAX_ATTEMPTS?',
    '2 tsvq: QUEUE_TIMEOUTS is not a setting, and has no effect; did you mean QUEUE_TIMEOUT?',
  ]);
});

test('the waits of a worker outlast two hours, whatever the jitter', () => {
  const { maxAttempts, backoff } = workerOptionsFrom({});
  for (const random of [0, 1]) {
    const wait = resolveBackoff('backoff', backoff, () => random);
    const waits = Array.from({ length: (maxAttempts as number) - 1 }, (_, i) =>
      wait(i + 1, undefined, undefined as never),
    );
    assert.ok((waits[0] as number) >= 25_000);
    assert.ok(waits.reduce((sum, ms) => sum + ms) > 2 * 3_600_000);
  }
});

for (const minutes of [10, 60])
  test(`an outage of ${minutes} minutes fails no job`, async (t) => {
    const { queue, clock } = openTest(t);
    await queue.enqueueMany(Array.from({ length: 20 }, () => ({ type: 'call' })));
    const end = clock.now() + minutes * 60_000;
    let calls = 0;
    const handlers = {
      call: () => {
        calls++;
        if (clock.now() < end) throw new Error('nobody there');
      },
    };
    // As cron does it.
    for (let tick = 0; tick < 24 * 60 && (await queue.stats()).pending > 0; tick++) {
      await queue.processJobs(handlers, { ...workerOptionsFrom({}), logger: () => {} });
      clock.advance(60_000);
    }
    const { completed, failed } = await queue.stats();
    assert.deepEqual([completed, failed], [20, 0]);
    assert.ok(calls <= 20 * 8, `${calls} calls hammer`);
  });
