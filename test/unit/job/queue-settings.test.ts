/*
 * The environment holds the options of a queue, for every process that opens its file.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue, queueOptionsFrom, workerOptionsFrom } from '../../../lib/index.js';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { QUEUE_VARIABLES } from '../../../lib/job/queue-settings.js';
import { throws } from '../../support/errors.js';
import { temporaryFolder } from '../../support/folders.js';
import { runScript } from '../../support/processes.js';

const DAY = 86_400_000;

test('an environment without the variables, or with empty ones, leaves the defaults', () => {
  assert.deepEqual(queueOptionsFrom({ PATH: '/bin' }), {});
  assert.deepEqual(queueOptionsFrom(Object.fromEntries(QUEUE_VARIABLES.map((name) => [name, '']))), {});
});

test('every setting is read, and openQueue takes them', (t) => {
  const options = queueOptionsFrom({
    QUEUE_RETENTION: '30d',
    QUEUE_ARCHIVE: '0',
    QUEUE_ARCHIVE_RETENTION: '1y',
    QUEUE_MAX_BYTES: '10MB',
    QUEUE_MIN_FREE: '1GB',
    QUEUE_ANY_FILE_SYSTEM: '1',
    QUEUE_NO_WORKER_AFTER: '30m',
  });
  assert.deepEqual(options, {
    retention: 30 * DAY,
    archive: false,
    archiveRetention: 365.25 * DAY,
    maxBytes: 10_000_000,
    minFree: 1_000_000_000,
    anyFileSystem: true,
    noWorkerAfter: 1_800_000,
  });
  openQueue(join(temporaryFolder(t), 'queue.tsv'), options);
});

test('QUEUE_RETENTION may have a time for each state; the others have their defaults', () => {
  const read = (text: string) => queueOptionsFrom({ QUEUE_RETENTION: text }).retention;
  assert.deepEqual(read('completed=1d,failed=90d,cancelled=7d'), {
    completed: DAY,
    failed: 90 * DAY,
    cancelled: 7 * DAY,
  });
  assert.deepEqual(read(' failed = 2h , completed = Infinity'), {
    failed: 7_200_000,
    completed: Number.POSITIVE_INFINITY,
  });
  assert.equal(read('Infinity'), Number.POSITIVE_INFINITY);
  assert.deepEqual(resolveQueueOptions(queueOptionsFrom({ QUEUE_RETENTION: 'completed=1d' })).retention, {
    completed: DAY,
    failed: 30 * DAY,
    cancelled: 7 * DAY,
  });
});

test('an unusable QUEUE_RETENTION is refused, with what it may be', () => {
  for (const text of ['done=1d', 'completed=1d,', 'completed=', '=1d', 'completed=1d,2d', 'completed=1d=2d'])
    throws(
      () => queueOptionsFrom({ QUEUE_RETENTION: text }),
      'INVALID_ARGUMENT',
      `QUEUE_RETENTION is ${JSON.stringify(text)}`,
      'completed=1d,failed=90d,cancelled=7d',
    );
  throws(
    () => queueOptionsFrom({ QUEUE_RETENTION: 'failed=1d,failed=2d' }),
    'INVALID_ARGUMENT',
    'each state at most once',
  );
  for (const text of ['completed=1d,failed=90', 'failed=90'])
    throws(
      () => queueOptionsFrom({ QUEUE_RETENTION: text }),
      'INVALID_ARGUMENT',
      'QUEUE_RETENTION: failed is 90, which has no unit',
    );
  throws(
    () => queueOptionsFrom({ QUEUE_RETENTION: 'failed=soon' }),
    'INVALID_ARGUMENT',
    'QUEUE_RETENTION: failed is "soon"',
  );
});

for (const name of ['QUEUE_RETENTION', 'QUEUE_ARCHIVE_RETENTION'])
  test(`${name} needs a unit`, () => {
    throws(
      () => queueOptionsFrom({ [name]: '30' }),
      'INVALID_ARGUMENT',
      `${name} is 30, which has no unit; for 30 seconds write 30s`,
    );
    for (const text of ['-1d', 'soon', ' ', 'NaN'])
      throws(
        () => queueOptionsFrom({ [name]: text }),
        'INVALID_ARGUMENT',
        `${name} is ${JSON.stringify(text)}`,
      );
    assert.deepEqual(Object.values(queueOptionsFrom({ [name]: '0' })), [0]);
  });

for (const [name, option] of [
  ['QUEUE_ARCHIVE', 'archive'],
  ['QUEUE_ANY_FILE_SYSTEM', 'anyFileSystem'],
] as const)
  test(`${name} is yes or no, and nothing else`, () => {
    for (const text of ['1', 'true', 'YES']) assert.equal(queueOptionsFrom({ [name]: text })[option], true);
    for (const text of ['0', 'false', 'No']) assert.equal(queueOptionsFrom({ [name]: text })[option], false);
    for (const text of ['on', 'off', '2', ' ', '0\r'])
      throws(
        () => queueOptionsFrom({ [name]: text }),
        'INVALID_ARGUMENT',
        `${name} is ${JSON.stringify(text)}`,
        '1, true or yes; or 0, false or no',
      );
  });

for (const [name, option, min] of [
  ['QUEUE_MAX_BYTES', 'maxBytes', 1],
  ['QUEUE_MIN_FREE', 'minFree', 0],
] as const)
  test(`${name} is a number of bytes, also with a unit, in powers of 1000`, () => {
    for (const [text, bytes] of [
      ['4096', 4096],
      ['12k', 12_000],
      ['12KB', 12_000],
      ['10MB', 10_000_000],
      ['10 mb', 10_000_000],
      ['3G', 3_000_000_000],
      ['2TB', 2_000_000_000_000],
      [String(min), min],
    ] as const)
      assert.equal(queueOptionsFrom({ [name]: text })[option], bytes, text);
    for (const text of [
      'many',
      '-1',
      '1.5GB',
      '10MiB',
      '1e9',
      '0x10',
      'GB',
      ' ',
      '5\r',
      '999999999T',
      '100B',
    ])
      throws(
        () => queueOptionsFrom({ [name]: text }),
        'INVALID_ARGUMENT',
        `${name} is ${JSON.stringify(text)}`,
        `at least ${min}, in digits, or with a unit`,
        'k, M, G or T, in powers of 1000',
      );
  });

test('QUEUE_NO_WORKER_AFTER turns the warning off', () => {
  const never = (text: string) =>
    resolveQueueOptions(queueOptionsFrom({ QUEUE_NO_WORKER_AFTER: text })).noWorkerAfter;
  for (const text of ['0', 'false', 'NO', 'Infinity'])
    assert.equal(never(text), Number.POSITIVE_INFINITY, text);
  throws(() => never('10'), 'INVALID_ARGUMENT', 'QUEUE_NO_WORKER_AFTER is 10, which has no unit');
});

test('QUEUE_MAX_BYTES may set no limit, and is never 0', () => {
  assert.equal(queueOptionsFrom({ QUEUE_MAX_BYTES: 'Infinity' }).maxBytes, Number.POSITIVE_INFINITY);
  for (const [name, text] of [
    ['QUEUE_MAX_BYTES', '0'],
    ['QUEUE_MAX_BYTES', '0GB'],
    ['QUEUE_MIN_FREE', 'Infinity'],
  ] as const)
    throws(() => queueOptionsFrom({ [name]: text }), 'INVALID_ARGUMENT', `${name} is "${text}"`);
});

test('a worker that reads only its own settings refuses unusable ones of the queue', () => {
  for (const name of QUEUE_VARIABLES)
    throws(() => workerOptionsFrom({ [name]: 'what' }), 'INVALID_ARGUMENT', `${name} is "what"`);
});

test('a mistyped variable of the queue causes a warning, and those of the handlers do not', async (t) => {
  const said = await runScript(
    t,
    `import { workerOptionsFrom } from 'lib/index.js';
    import * as fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    fs.default.writeSync = (fd, text) => { console.log(fd, text.trim()); };
    syncBuiltinESMExports();
    workerOptionsFrom({
      QUEUE_RETENSION: '1d', QUEUE_MAX_BYTE: '1', QUEUE_ARCHIVES: '0',
      QUEUE_ARCHIVE: '0', QUEUE_MAX_BYTES: '1', WEBHOOK_TIMEOUTS: '1s', EMAIL_CONCURENCY: '2', SMTP_URI: 'x',
    });`,
  );
  assert.deepEqual(said.trim().split('\n'), [
    '2 tsvq: QUEUE_RETENSION is not a setting, and has no effect; did you mean QUEUE_RETENTION?',
    '2 tsvq: QUEUE_MAX_BYTE is not a setting, and has no effect; did you mean QUEUE_MAX_BYTES?',
    '2 tsvq: QUEUE_ARCHIVES is not a setting, and has no effect; did you mean QUEUE_ARCHIVE?',
  ]);
});

test('durations as text are the only settings that load a module', async (t) => {
  const loads = (environment: Record<string, string>) =>
    runScript(
      t,
      `import { Module } from 'node:module';
      import { queueOptionsFrom } from 'lib/index.js';
      queueOptionsFrom(${JSON.stringify(environment)});
      console.log(Object.keys(Module._cache).some((path) => /node_modules.ms.index/.test(path)));`,
    );
  const others = { QUEUE_ARCHIVE: '0', QUEUE_MAX_BYTES: '1GB', QUEUE_MIN_FREE: '1GB' };
  assert.equal(await loads(others), 'false\n');
  assert.equal(await loads({ ...others, QUEUE_RETENTION: '1d' }), 'true\n');
});
