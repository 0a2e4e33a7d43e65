import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Finding } from '../../../../lib/file/doctor/finding.js';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { followUpId } from '../../../../lib/file/format/follow-ups.js';
import type { Liveness, Processes } from '../../../../lib/file/lock/process-id.js';
import { type Fault, faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { UNPRIVILEGED } from '../../../support/processes.js';
import { jobId, line, NINE, text, writeQueue } from '../../../support/queue-file.js';
import { openTest, type TestQueue } from '../../../support/queues.js';

/*
 * What `queue doctor` finds. How the command tells it is in test/integration/cli-doctor.test.ts.
 */

const [A, B, C] = [jobId(1), jobId(2), jobId(3)];

/** Owners whose names say how they are; who is asked about is noted. */
function known(): { processes: Processes; asked: string[] } {
  const asked: string[] = [];
  const liveness = (owner: string): Liveness => {
    asked.push(owner);
    return owner.includes('dead') ? 'dead' : owner.includes('alive') ? 'alive' : 'unknown';
  };
  return { processes: { self: () => 'here.boot.1.77.9.alive', liveness }, asked };
}

function opened(t: TestContext, rows: string[], fault?: Fault): TestQueue & { asked: string[] } {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, ...rows);
  chmodSync(file, 0o640);
  const { processes, asked } = known();
  return { ...openTest(t, { file, processes, fs: faultyFs(fault).fs }), asked };
}

const found = async (t: TestContext, ...rows: string[]): Promise<Finding[]> => inspect(opened(t, rows).store);

/** Inspects while these have the lock. */
async function inspectUnderLock(test: TestQueue, ...owners: string[]): Promise<Finding[]> {
  mkdirSync(test.store.lock.path);
  for (const owner of owners) writeFileSync(tokenOf(test, owner), '');
  return inspect(test.store);
}

const tokenOf = ({ store }: TestQueue, owner: string): string => join(store.lock.path, `owner.${owner}`);

test('nothing is wrong with a queue in order', async (t) => {
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

test('nor with a missing one, nor with a file from before there were versions', async (t) => {
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
      message: 'job x1 is processing, but by nobody; a worker takes it when its time limit is past',
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
    "its id is 17 hex digits, as when a row stands behind a piece of another one's id; ids of the queue have 16",
  ],
  [
    line({ id: '0123456789abcdef'.repeat(2) }),
    "its id is 32 hex digits, as when a row stands behind a piece of another one's id; ids of the queue have 16",
  ],
  [
    line({ id: C, status: 'done' }),
    'its status is "done", which is none of pending, processing, completed, failed, cancelled, waiting, recurring',
  ],
  [line({ id: C, version: '' }), 'its version is "", which is no whole number'],
  [line({ id: C, version: '1.5' }), 'its version is "1.5", which is no whole number'],
  [line({ id: `${'a'.repeat(17)}g`, version: 'x' }), 'its version is "x", which is no whole number'],
  [line({ id: 'a'.repeat(33), version: 'x' }), 'its version is "x", which is no whole number'],
] as const)
  test(`a line that is no row is told of, and why: ${reason}`, async (t) => {
    assert.deepEqual(await found(t, line({ id: A }), row, line({ id: B })), [
      { kind: 'unreadable', line: 4, message: `${reason}; it is kept and ignored` },
    ]);
  });

test('a job that such a line holds is told of, and the line', async (t) => {
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
    "job größe is not run: line 4, which has its id, can't be read; put that line right or delete it (queue lock)",
  );
});

test('of several lines that can not be read, each job is told of the one with its id', async (t) => {
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

test('what a crash cut is told of, closed or not', async (t) => {
  assert.deepEqual(await found(t, line({ id: A }), 'bb00\temail\t#torn\n', 'cc00\tem'), [
    { kind: 'torn', line: 4, message: 'cut by a crash, never acknowledged; it can be deleted' },
    {
      kind: 'torn',
      line: 5,
      message: 'the last line has no line end, and is ignored until the next write closes it',
    },
  ]);
});

test('a last line without its end is nothing special while somebody writes', async (t) => {
  const findings = await inspectUnderLock(opened(t, [line({ id: A }), 'cc00\tem']), 'here.boot.1.78.9.alive');
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['lock'],
  );
});

test('nor is it in a file that was replaced since', async (t) => {
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

test('a second row of a job is told of, beside the first and set aside', async (t) => {
  const message = `another row of job ${A} with the same version stands before it, and counts`;
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

test('a payload that is no JSON is told of for a job that is still to run', async (t) => {
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

test('where a number belongs, something else is told of', async (t) => {
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

test('follow-ups that are missing are told of', async (t) => {
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

test('jobs whose worker is dead are told of, and each worker is asked about once', async (t) => {
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

// ---- beside the lines ----

test('who holds the lock for longer than a commit is told of, and what can be done', async (t) => {
  for (const [owner, message] of [
    [
      'box.boot.1.12.3.alive',
      /^process 12 on box has held the lock since \d{4}-.*Z, and is alive; if it is stuck, end it, or: queue unlock --force$/,
    ],
    [
      'box.boot.1.12.3.dead',
      /^process 12 on box died holding the lock, at \d{4}-.*Z or later; the next worker or change of a job repairs the file, or: queue unlock$/,
    ],
    [
      'box.boot.1.12.3.x',
      /^process 12 on box has held the lock since \d{4}-.*Z; whether it is alive can't be told from here: queue unlock$/,
    ],
  ] as const) {
    const test = opened(t, [line({ id: A })]);
    const findings = await inspectUnderLock(test, owner);
    assert.deepEqual(
      findings.map(({ kind, line: at, id }) => [kind, at, id]),
      [['lock', undefined, undefined]],
    );
    assert.match(findings[0]?.message ?? '', message);
  }
});

test('who lets go of it in time is not, nor who has come since', async (t) => {
  let looks = 0;
  const test = opened(t, [line({ id: A })], (call, real) => {
    if (call.name === 'readdir' && call.path === test.store.lock.path && ++looks === 5) {
      rmSync(tokenOf(test, 'box.boot.1.1.3.alive'));
      writeFileSync(tokenOf(test, 'box.boot.1.2.3.alive'), '');
    }
    return real();
  });
  const start = test.clock.now();
  assert.deepEqual(await inspectUnderLock(test, 'box.boot.1.1.3.alive'), []);
  assert.deepEqual([looks, test.clock.now() - start], [5, 200]);
});

test('a dead one is not waited for', async (t) => {
  const test = opened(t, [line({ id: A })]);
  const start = test.clock.now();
  await inspectUnderLock(test, 'box.boot.1.1.3.dead');
  assert.equal(test.clock.now(), start);
});

test('what a compaction left that a crash ended is told of, if nobody is at work', async (t) => {
  const leave = (test: TestQueue): void => {
    for (const name of ['queue.tsv.0123456789ab.tmp', 'queue.tsv.bak', 'other.tmp']) {
      writeFileSync(join(test.file, '..', name), '');
    }
  };
  const test = opened(t, [line({ id: A })]);
  leave(test);
  const leftover = {
    kind: 'leftover',
    message: `${test.file}.0123456789ab.tmp is what a crash left of a compaction; delete it`,
  };
  assert.deepEqual(await inspect(test.store), [leftover]);
  const kinds = (await inspectUnderLock(test, 'box.boot.1.12.3.dead')).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['lock', 'leftover']);

  const busy = opened(t, [line({ id: A })]);
  leave(busy);
  assert.deepEqual(
    (await inspectUnderLock(busy, 'box.boot.1.12.3.alive')).map(({ kind }) => kind),
    ['lock'],
  );

  // One that was under way, and has come to its end since.
  const ending = opened(t, [line({ id: A })], (call, real) => {
    const result = real();
    if (call.name === 'readdir' && call.path === join(ending.file, '..')) {
      rmSync(`${ending.file}.0123456789ab.tmp`, { force: true });
    }
    return result;
  });
  leave(ending);
  assert.deepEqual(await inspect(ending.store), []);
});

test('a file that everybody may write is told of, or that not even its owner may', async (t) => {
  const { store, file } = opened(t, [line({ id: A })]);
  const messages = async (mode: number): Promise<string[]> => {
    chmodSync(file, mode);
    return (await inspect(store)).map(({ kind, message }) => `${kind}: ${message}`);
  };
  assert.deepEqual(await messages(0o642), [
    `access: everybody on this machine may write ${file} (mode 0642), and with it have jobs run; chmod o-w it`,
  ]);
  assert.deepEqual(await messages(0o440), [
    `access: not even its owner may read and write ${file} (mode 0440); chmod u+rw it`,
  ]);
  assert.deepEqual(await messages(0o644), []);
  appendFileSync(file, line({ id: B }));
  assert.deepEqual(await messages(0o600), []);
});

test('who looks is told that they may not change anything', async (t) => {
  const { store, file } = opened(t, [line({ id: A })], (call, real) => {
    if (call.name === 'open' && (Number(call.args[1]) & constants.O_RDWR) !== 0) throw systemError('EACCES');
    return real();
  });
  const { uid, gid } = statSync(file);
  assert.deepEqual(await inspect(store), [
    {
      kind: 'access',
      message: `you may look at ${file}, and change nothing in it (mode 0640, user ${uid}, group ${gid}); see "Permissions" in the operations guide`,
    },
  ]);
});

test('a file that belongs to another than its folder is told of, unless both may write it as a group', {
  skip: UNPRIVILEGED === undefined,
}, async (t) => {
  const { store, file } = opened(t, [line({ id: A })]);
  const folder = statSync(join(file, '..'));
  const findings = async (uid: number, gid: number, mode: number): Promise<Finding[]> => {
    chownSync(file, uid, gid);
    chmodSync(file, mode);
    return inspect(store);
  };
  const apart = {
    kind: 'access',
    message: `${file} belongs to user 12345, its folder to user ${folder.uid}: only one of them can work it; chown them alike: sudo chown -R ${folder.uid}:${folder.gid} ${file}`,
  };
  assert.deepEqual(await findings(12_345, 12_345, 0o660), [apart]);
  assert.deepEqual(await findings(12_345, folder.gid, 0o640), [apart]);
  assert.deepEqual(await findings(12_345, folder.gid, 0o660), []);
  assert.deepEqual(await findings(folder.uid, 12_345, 0o640), []);
});

test('what stands beside the file is told of if another has it, unless both may write it as a group', {
  skip: UNPRIVILEGED === undefined,
}, async (t) => {
  const { store, file } = opened(t, [line({ id: A })]);
  const { uid, gid } = statSync(file);
  const archive = join(file, '../archive');
  mkdirSync(archive);
  const names = [
    `${file}.lock`,
    `${file}.lock/rewriting`,
    `${file}.tick`,
    archive,
    join(archive, 'queue-2026-01.tsv'),
  ];
  mkdirSync(`${file}.lock/rewriting`, { recursive: true });
  for (const name of names.filter((name) => !existsSync(name))) writeFileSync(name, '');
  assert.deepEqual(await inspect(store), []);
  for (const name of names) {
    chownSync(name, 12_345, 12_345);
    chmodSync(name, 0o770);
    const unless = name.includes('.lock') ? 'unless it is empty, when the next process removes it, ' : '';
    const message = `${name} belongs to user 12345, ${file} to user ${uid}: only one of them can use both; ${unless}chown them alike: sudo chown -R ${uid}:${gid} ${name}`;
    assert.deepEqual(await inspect(store), [{ kind: 'access', message }]);
    chownSync(name, 12_345, statSync(file).gid);
    assert.deepEqual(await inspect(store), []);
  }
});
