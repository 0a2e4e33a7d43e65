import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { followUpId } from '../../../../lib/file/format/derived-id.js';
import { jobId, line, NINE, text, writeQueue } from '../../../support/queue-file.js';
import { A, B, C, found, inspectUnderLock, opened } from './inspected.js';

/*
 * `queue doctor` finds what is wrong with the lines of a file. How the command prints it is in test/integration/cli-
 * doctor.test.ts.
 */

test('finds nothing in a queue in order', async (t) => {
  const test = opened(t, [
    '# a comment\n',
    line({ id: A, status: 'processing', version: 2, locked_by: 'here.boot.1.77.9.alive' }),
    `#${line({ id: jobId(9), status: '-------' as string }).slice(1)}`,
    line({ id: A, payload: '{superseded' }),
    '\n',
    ' \n',
    line({ id: B, status: 'failed', payload: 'no JSON, but done' }),
    line({ id: C, status: 'processing', locked_by: 'elsewhere.boot.1.2.3.4' }),
  ]);
  const before = text(test.file);
  assert.deepEqual(await inspect(test.store), []);
  assert.equal(text(test.file), before);
});

test('finds nothing in a missing queue, or in a file without versions', async (t) => {
  const { store, file } = opened(t, []);
  rmSync(file);
  assert.deepEqual(await inspect(store), []);
  writeFileSync(file, `${NINE}\n${line({ id: 'x1', status: 'processing' }, NINE.split('\t'))}`, {
    mode: 0o640,
  });
  assert.deepEqual(await inspect(store), [
    {
      kind: 'orphan',
      line: 2,
      id: 'x1',
      message:
        'job x1 is processing, but its row names no worker; a worker takes it back when its time limit is past',
    },
  ]);
});

for (const [row, reason] of [
  ['hello\tworld\n', '2 fields, where the header has 24'],
  ['one\n', '1 fields, where the header has 24'],
  [line({ id: C, version: '1\textra' }), '25 fields, where the header has 24'],
  [line({ id: C, error: 'a\0b' }), 'a NUL byte is in it'],
  [line({ id: '' }), 'its id is empty'],
  [line({ id: '\uFEFFid' }), 'its id is not UTF-8, or begins with a byte order mark'],
  [
    line({ id: 'a'.repeat(17) }),
    'its id is 17 hex digits, probably a piece of another id before this one; ids of the queue have 16',
  ],
  [
    line({ id: '0123456789abcdef'.repeat(2) }),
    'its id is 32 hex digits, probably a piece of another id before this one; ids of the queue have 16',
  ],
  [
    line({ id: C, status: 'done' }),
    'its status is "done", which is none of pending, processing, completed, failed, cancelled, waiting, recurring',
  ],
  [line({ id: C, version: '' }), 'its version is "", which is not a whole number'],
  [line({ id: C, version: '1.5' }), 'its version is "1.5", which is not a whole number'],
  [line({ id: `${'a'.repeat(17)}g`, version: 'x' }), 'its version is "x", which is not a whole number'],
  [line({ id: 'a'.repeat(33), version: 'x' }), 'its version is "x", which is not a whole number'],
] as const)
  test(`finds a line that is not a row, and says why: ${reason}`, async (t) => {
    assert.deepEqual(await found(t, line({ id: A }), row, line({ id: B })), [
      { kind: 'unreadable', line: 4, message: `${reason}; it is kept and ignored` },
    ]);
  });

test('finds a job that an unreadable line holds, and names the line', async (t) => {
  const findings = await found(t, line({ id: 'größe' }), line({ id: 'größe', status: 'finished' }));
  assert.deepEqual(
    findings.map(({ message: _, ...rest }) => rest),
    [
      { kind: 'unreadable', line: 4, id: 'größe' },
      { kind: 'held', line: 4, id: 'größe' },
    ],
  );
  assert.equal(
    findings[1]?.message,
    "job größe is not run: line 4, which has its id, can't be read; correct that line or delete it (queue lock)",
  );
});

test('names the line with its id for each job that unreadable lines hold', async (t) => {
  const broken = (id: string): string => line({ id, version: 'x' });
  const findings = await found(t, broken('other'), line({ id: A }), line({ id: B }), broken(B), broken(A));
  assert.deepEqual(
    findings.map(({ kind, line: at, id }) => [kind, at, id]),
    [
      ['unreadable', 3, undefined],
      ['unreadable', 6, B],
      ['unreadable', 7, A],
      ['held', 6, B],
      ['held', 7, A],
    ],
  );
});

test('a row that was struck while it was read is read again', async (t) => {
  const half = line({ id: B, status: 'p-nding' as string, version: 'x' });
  let passes = 0;
  const test = opened(t, [line({ id: A }), half], (call, real) => {
    const result = real();
    // After the pass over the lines has them; before it come the header and the pass for the index.
    const isPass =
      call.path.endsWith('queue.tsv') &&
      call.name === 'readSync' &&
      Number(call.args[2]) > 10_000 &&
      Number(result) > 0;
    if (isPass && ++passes === 3) {
      writeQueue(test.file, line({ id: A }), `#${line({ id: B, status: '-------' as string }).slice(1)}`);
    }
    return result;
  });
  assert.deepEqual(await inspect(test.store), []);
  assert.equal(passes, 3);
});

test('finds a row that a crash cut, whether its line is closed or not', async (t) => {
  assert.deepEqual(await found(t, line({ id: A }), 'bb00\temail\t#torn\n', 'cc00\tem'), [
    { kind: 'torn', line: 4, message: 'cut by a crash, never acknowledged; it can be deleted' },
    {
      kind: 'torn',
      line: 5,
      message: 'the last line has no line end, and is ignored until the next write ends it',
    },
  ]);
});

test('does not report a last line without its end while another process writes', async (t) => {
  const findings = await inspectUnderLock(opened(t, [line({ id: A }), 'cc00\tem']), 'here.boot.1.78.9.alive');
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['lock'],
  );
});

test('does not report a last line without its end in a file that was replaced meanwhile', async (t) => {
  const test = opened(t, [line({ id: A }), 'cc00\tem'], (call, real) => {
    const result = real();
    // The end of the last pass over the lines.
    if (call.name === 'readSync' && result === 0 && ++ends === 2) {
      rmSync(test.file);
      writeQueue(test.file, line({ id: A }));
      chmodSync(test.file, 0o640);
    }
    return result;
  });
  let ends = 0;
  assert.deepEqual(await inspect(test.store), []);
  assert.ok(ends >= 2, 'it was replaced');
});

test('finds a second row of a job, next to the first or set aside', async (t) => {
  const message = `another row of job ${A} with the same version comes before it, and counts`;
  const aside = `a second row of job ${A}, set aside; delete it once you have compared them`;
  const rows = [line({ id: A }), line({ id: A, type: 'other' })];
  assert.deepEqual(await found(t, ...rows), [{ kind: 'duplicate', line: 4, id: A, message }]);
  assert.deepEqual(await found(t, `#duplicate ${line({ id: A })}`, '#duplicate\n', `#duplicate ${B}\n`), [
    { kind: 'duplicate', line: 3, id: A, message: aside },
    { kind: 'duplicate', line: 5, id: B, message: aside.replace(A, B) },
  ]);
  // One that is superseded is no matter.
  assert.deepEqual(await found(t, ...rows, line({ id: A, version: 2 })), []);
});

test('finds a payload that is not JSON of a job that is still to run', async (t) => {
  const findings = await found(
    t,
    line({ id: A, payload: '{a: 1}' }),
    line({ id: B, payload: '', status: 'processing', locked_by: 'elsewhere' }),
    line({ id: C, payload: '{', status: 'cancelled' }),
  );
  assert.deepEqual(
    findings.map(({ message: _, ...rest }) => rest),
    [
      { kind: 'payload', line: 3, id: A },
      { kind: 'payload', line: 4, id: B },
    ],
  );
  assert.equal(
    findings[0]?.message,
    `the payload of job ${A} is not JSON; the job fails without its handler being called`,
  );
});

test('finds a field that should be a number and is not', async (t) => {
  const findings = await found(
    t,
    line({ id: A, run_at: '2030-01-01T00:00:00Z' }),
    line({ id: B, max_attempts: 'many', priority: '', attempts: '1e1' }),
    line({ id: C, run_at: 'soon', status: 'cancelled' }),
  );
  assert.deepEqual(
    findings.map(({ kind, line, id }) => [kind, line, id]),
    [
      ['number', 3, A],
      ['number', 4, B],
    ],
  );
  assert.equal(
    findings[0]?.message,
    `the run_at of job ${A} is "2030-01-01T00:00:00Z", which counts as empty; it should be a number, in Unix seconds`,
  );
});

test('finds follow-ups that are missing', async (t) => {
  const followUps = [1, 2].map(() => ({ type: 'thumb', payload: '1', createdAt: 5, runAt: 5, priority: 0 }));
  const parent = line({
    id: A,
    status: 'completed',
    version: 3,
    attempts: 1,
    finished_at: 5,
    follow_ups: JSON.stringify(followUps),
  });
  const [first, second] = [followUpId(A, 1, 0), followUpId(A, 1, 1)];
  assert.deepEqual(
    (await found(t, parent, line({ id: first, type: 'thumb' }))).map(({ kind, line, id, message }) => [
      kind,
      line,
      id,
      message.includes(second),
    ]),
    [['follow-up', 3, A, true]],
  );
  assert.deepEqual(await found(t, parent, line({ id: second }), line({ id: first, status: 'failed' })), []);
});

test('finds jobs whose worker is dead, and checks each worker once', async (t) => {
  const dead = 'here.boot.1.3.4.dead';
  const processing = (n: number, owner: string): string =>
    line({ id: jobId(n), status: 'processing', locked_by: owner });
  const { store, asked } = opened(t, [
    processing(1, dead),
    processing(2, 'here.boot.1.3.4.alive'),
    processing(3, dead),
    line({ id: jobId(4), locked_by: dead }),
  ]);
  assert.deepEqual(
    await inspect(store),
    [3, 5].map((at) => ({
      kind: 'orphan',
      line: at,
      id: jobId(at - 2),
      message: `job ${jobId(at - 2)} is processing, but its worker (${dead}) is dead; the next worker with a handler for it takes it`,
    })),
  );
  assert.deepEqual(asked, [dead, 'here.boot.1.3.4.alive']);
});
