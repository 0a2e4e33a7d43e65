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
import { test } from 'node:test';
import type { Finding } from '../../../../lib/file/doctor/finding.js';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { systemError } from '../../../support/faulty-fs.js';
import { UNPRIVILEGED } from '../../../support/processes.js';
import { line } from '../../../support/queue-file.js';
import type { TestQueue } from '../../../support/queues.js';
import { A, B, inspectUnderLock, opened, tokenOf } from './inspected.js';

/*
 * `queue doctor` finds what is wrong around the file: the lock, leftovers, permissions and owners. How the command
 * prints it is in test/integration/cli-doctor.test.ts.
 */

test('names a process that holds the lock for longer than a commit, and says what to do', async (t) => {
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
      /^process 12 on box has held the lock since \d{4}-.*Z; this machine can't tell whether it is alive; if it is not: queue unlock$/,
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

test('an append that was cut is not taken for a process that died', async (t) => {
  for (const owner of ['box.boot.1.0.3.dead', 'box.boot.1.0.3.x']) {
    const test = opened(t, [line({ id: A })]);
    const [finding, ...others] = await inspectUnderLock(test, owner);
    assert.deepEqual([finding?.kind, others], ['lock', []]);
    assert.match(
      finding?.message ?? '',
      /^an append on box was cut at \d{4}-.*Z, by a full disk say; the next worker or change of a job repairs the file, or: queue unlock$/,
    );
  }
});

test('does not name a process that releases the lock in time, or that took it since', async (t) => {
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

test('does not wait for a dead holder', async (t) => {
  const test = opened(t, [line({ id: A })]);
  const start = test.clock.now();
  await inspectUnderLock(test, 'box.boot.1.1.3.dead');
  assert.equal(test.clock.now(), start);
});

test('finds what a crashed compaction left, if no process holds the lock', async (t) => {
  const leave = (test: TestQueue): void => {
    for (const name of ['queue.tsv.0123456789ab.tmp', 'queue.tsv.bak', 'other.tmp']) {
      writeFileSync(join(test.file, '..', name), '');
    }
  };
  const test = opened(t, [line({ id: A })]);
  leave(test);
  const leftover = {
    kind: 'leftover',
    message: `${test.file}.0123456789ab.tmp was left by a compaction that crashed; delete it`,
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

test('finds a file that every user may write, or that not even its owner may write', async (t) => {
  const { store, file } = opened(t, [line({ id: A })]);
  const messages = async (mode: number): Promise<string[]> => {
    chmodSync(file, mode);
    return (await inspect(store)).map(({ kind, message }) => `${kind}: ${message}`);
  };
  assert.deepEqual(await messages(0o642), [
    `access: every user of this machine may write ${file} (mode 0642), and so make it run jobs; chmod o-w it`,
  ]);
  assert.deepEqual(await messages(0o440), [
    `access: not even its owner may read and write ${file} (mode 0440); chmod u+rw it`,
  ]);
  assert.deepEqual(await messages(0o644), []);
  appendFileSync(file, line({ id: B }));
  assert.deepEqual(await messages(0o600), []);
});

test('says that this user may not change anything', async (t) => {
  const { store, file } = opened(t, [line({ id: A })], (call, real) => {
    if (call.name === 'open' && (Number(call.args[1]) & constants.O_RDWR) !== 0) throw systemError('EACCES');
    return real();
  });
  const { uid, gid } = statSync(file);
  assert.deepEqual(await inspect(store), [
    {
      kind: 'access',
      message: `you may read ${file}, but not change it (mode 0640, user ${uid}, group ${gid}); see "Permissions" in the operations guide`,
    },
  ]);
});

test('finds a file whose owner is not that of its folder, unless both may write it as a group', {
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

test('finds what stands next to the file and has another owner, unless both may write it as a group', {
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
    `${file}.limits`,
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
