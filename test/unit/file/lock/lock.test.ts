import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { Lock } from '../../../../lib/file/lock/lock.js';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { rejects } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';

/** Names of processes whose state is no matter of luck: part of the name. */
const processes = {
  self: systemProcesses.self,
  liveness: (owner: string) => {
    const [host] = owner.split('.');
    if (host === 'alive' || host === 'dead') return host;
    return host === 'unknown' ? ('unknown' as const) : systemProcesses.liveness(owner);
  },
};
const owner = (state: string): string => `owner.${state}.0.0.4711.1.aa`;

function makeLock(t: TestContext, { timeout = 30_000, fs = systemFs } = {}) {
  const path = join(temporaryFolder(t), 'queue.tsv.lock');
  const clock = new FakeClock();
  return {
    path,
    clock,
    lock: new Lock(path, timeout, { fs, clock, processes }),
    another: () => new Lock(path, timeout, { fs, clock, processes }),
  };
}

/** Puts somebody's token there, as old as is said. */
function put(path: string, token: string, ageSeconds = 0): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, token), '');
  const then = Date.now() / 1000 - ageSeconds;
  utimesSync(join(path, token), then, then);
}

test('the directory holds a token of its own while the lock is held, and both are gone afterwards', async (t) => {
  const { path, lock } = makeLock(t);
  assert.deepEqual(await lock.enter(), []);
  const [token = '', ...others] = readdirSync(path);
  assert.deepEqual(others, []);
  assert.match(token, /^owner\./);
  assert.equal(token.split('.')[4], String(process.pid));
  assert.equal(lock.stillHeld(), true);

  lock.leave();
  lock.tidy();
  assert.equal(lock.stillHeld(), false);
  assert.equal(existsSync(path), false);
});

test('a directory without a token locks nothing', async (t) => {
  const { path, lock } = makeLock(t);
  mkdirSync(path);
  assert.deepEqual(await lock.enter(), []);
  assert.equal(lock.stillHeld(), true);
});

test('a file that is not a token locks nothing', async (t) => {
  const { path, lock } = makeLock(t);
  put(path, 'notes.txt');
  assert.deepEqual(await lock.enter(), []);
  lock.leave();
  lock.tidy();
  assert.deepEqual(readdirSync(path), ['notes.txt']);
});

test('one of two holds the lock at a time, and the other enters when the first has left', async (t) => {
  const { lock, another } = makeLock(t);
  const second = another();
  await lock.enter();
  let entered = false;
  const waiting = second.enter().then(() => {
    entered = true;
  });
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  assert.equal(entered, false);
  assert.equal(second.stillHeld(), false);
  lock.leave();
  await waiting;
  assert.equal(second.stillHeld(), true);
  second.leave();
});

test('many that want the lock at once never hold it together, and all get it', async (t) => {
  const { lock, another } = makeLock(t);
  let inside = 0;
  let most = 0;
  const visit = async (one: Lock): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      await one.enter();
      most = Math.max(most, ++inside);
      await new Promise(setImmediate);
      inside--;
      one.leave();
    }
  };
  await Promise.all([lock, another(), another(), another(), another()].map(visit));
  assert.equal(most, 1);
});

test('a live holder is waited for, then named with its host, since when it holds the lock, and what to do', async (t) => {
  const { path, lock } = makeLock(t, { timeout: 2000 });
  put(path, `owner.${systemProcesses.self()}`, 3600);
  await rejects(
    lock.enter(),
    'LOCK_TIMEOUT',
    path,
    '2000 ms',
    `process ${process.pid} on ${hostname().replace(/[^\w-]/g, '_')}`,
    new Date(Date.now() - 3_600_000).toISOString().slice(0, 15),
    'nothing was written',
    'queue unlock',
  );
  assert.equal(readdirSync(path).length, 1, 'its own token is gone');
});

test('a live holder keeps the lock, however old its token is', async (t) => {
  const { path, lock } = makeLock(t, { timeout: 5000 });
  put(path, owner('alive'), 24 * 3600);
  await rejects(lock.enter(), 'LOCK_TIMEOUT', 'process 4711 on alive');
});

test('a wait ends when the time is up, also if the time is 0', async (t) => {
  const { path, lock, clock } = makeLock(t, { timeout: 0 });
  put(path, owner('alive'));
  const before = clock.now();
  await rejects(lock.enter(), 'LOCK_TIMEOUT');
  assert.ok(clock.now() - before < 50);
});

test('a caller that no longer needs the lock does not wait for it', async (t) => {
  const { path, lock } = makeLock(t);
  put(path, owner('alive'));
  let asked = 0;
  assert.equal(await lock.enter(() => ++asked < 3), undefined);
  assert.equal(asked, 3);
  assert.equal(lock.stillHeld(), false);
  assert.deepEqual(readdirSync(path), [owner('alive')]);
});

test('the rewrite notice of a dead owner is found even if its token is gone; that of a live one stays', async (t) => {
  const { path, lock } = makeLock(t);
  put(join(path, 'rewriting'), owner('dead'));
  put(join(path, 'rewriting'), owner('alive'));
  const dead = await lock.enter();
  assert.deepEqual(dead, [owner('dead')]);
  lock.clear(dead ?? []);
  assert.deepEqual(readdirSync(join(path, 'rewriting')), [owner('alive')]);
});

test('the lock is not taken if the tokens can not be listed', async (t) => {
  const { fs, fault } = faultyFs();
  const { path, lock } = makeLock(t, { fs });
  put(path, owner('alive'));
  fault.do = ({ name, path: of }, real) => {
    if (name === 'readdir' && of === path) throw systemError('EACCES');
    return real();
  };
  await rejects(lock.enter(), 'NO_ACCESS', path);
  assert.deepEqual(readdirSync(path), [owner('alive')]);
});

test('the lock is taken despite the token of a dead owner, which stays until it is cleared', async (t) => {
  const { path, lock } = makeLock(t);
  put(path, owner('dead'));
  assert.deepEqual(await lock.enter(), [owner('dead')]);
  assert.equal(readdirSync(path).length, 2, 'the dead token tells the next, should this one die too');
  lock.clear([owner('dead')]);
  assert.equal(lock.stillHeld(), true);
  assert.equal(readdirSync(path).length, 1);
});

test('the next holder finds a dead token that was not cleared', async (t) => {
  const { path, lock, another } = makeLock(t);
  put(path, owner('dead'));
  await lock.enter();
  lock.leave();
  lock.tidy();
  assert.deepEqual(await another().enter(), [owner('dead')]);
});

test('a live owner holds the lock although a dead one left its token', async (t) => {
  const { path, lock } = makeLock(t, { timeout: 500 });
  put(path, owner('dead'));
  put(path, owner('alive'));
  await rejects(lock.enter(), 'LOCK_TIMEOUT', 'alive');
  assert.deepEqual(readdirSync(path).sort(), [owner('alive'), owner('dead')]);
});

test('an owner that can not be judged has 60 seconds by the clock of the file system, then is passed over', async (t) => {
  const { path, lock } = makeLock(t, { timeout: 2000 });
  put(path, owner('unknown'), 50);
  await rejects(lock.enter(), 'LOCK_TIMEOUT', 'process 4711 on unknown');

  put(path, owner('unknown'), 70);
  assert.deepEqual(await lock.enter(), [owner('unknown')], 'what it left has to be repaired as well');
});

test('the clock of this machine does not matter for an owner that can not be judged, because it may have jumped', async (t) => {
  const { path, lock, clock } = makeLock(t, { timeout: 2000 });
  put(path, owner('unknown'), 1);
  clock.advance(3_600_000);
  await rejects(lock.enter(), 'LOCK_TIMEOUT');
});

test('an owner on another host or in another container is not taken for dead', async (t) => {
  const { path, lock } = makeLock(t, { timeout: 500 });
  const [, boot, namespace, , start] = systemProcesses.self().split('.');
  const host = hostname()
    .replace(/[^\w-]/g, '_')
    .slice(0, 40);
  const nobody = 2 ** 22 + 1;
  for (const token of [
    `owner.elsewhere.${boot}.${namespace}.${nobody}.${start}.aa`,
    `owner.${host}.${boot}.1.${nobody}.${start}.aa`,
  ]) {
    put(path, token);
    await rejects(lock.enter(), 'LOCK_TIMEOUT', String(nobody));
    rmSync(join(path, token));
  }
});

test('a holder that finds its own token gone was passed over, and stops', async (t) => {
  const { path, lock } = makeLock(t);
  await lock.enter();
  for (const token of readdirSync(path)) rmSync(join(path, token));
  assert.equal(lock.stillHeld(), false);
  lock.leave();
});

test('leaving does not take the lock away from a later holder', async (t) => {
  const { path, lock, another } = makeLock(t);
  await lock.enter();
  for (const token of readdirSync(path)) rmSync(join(path, token));
  const next = another();
  await next.enter();
  lock.leave();
  lock.tidy();
  assert.equal(next.stillHeld(), true);
});

test('a directory that vanishes between two steps is made again', async (t) => {
  const { fs, fault } = faultyFs();
  const { path, lock } = makeLock(t, { fs });
  let removed = 0;
  // Another process tidies up just when this one wants to create its token.
  fault.do = ({ name, path: of }, real) => {
    if (name === 'open' && of.startsWith(path) && removed < 3 && existsSync(path)) {
      removed++;
      rmSync(path, { recursive: true });
    }
    return real();
  };
  assert.deepEqual(await lock.enter(), []);
  assert.equal(removed, 3);
  assert.equal(lock.stillHeld(), true);
});

test('a folder that is missing is made', async (t) => {
  const path = join(temporaryFolder(t), 'data', 'jobs', 'queue.tsv.lock');
  const lock = new Lock(path, 0, { fs: systemFs, clock: new FakeClock(), processes });
  assert.deepEqual(await lock.enter(), []);
  lock.leave();
});

test('an error of the system names the path, and leaves nothing behind', async (t) => {
  for (const [code, ours] of [
    ['EACCES', 'NO_ACCESS'],
    ['EROFS', 'NO_ACCESS'],
    ['ENOSPC', 'DISK_FULL'],
    ['EIO', 'WRITE_FAILED'],
  ] as const) {
    const { fs, fault } = faultyFs();
    const { path, lock } = makeLock(t, { fs });
    fault.do = ({ name, path: of }, real) => {
      if (name === 'open' && of.includes('owner.')) {
        if (!existsSync(path)) throw systemError('ENOENT');
        throw systemError(code);
      }
      return real();
    };
    await rejects(lock.enter(), ours, path, code);
    assert.equal(lock.stillHeld(), false);
    assert.deepEqual(existsSync(path) ? readdirSync(path) : [], []);
  }
});

test('a failed look at the tokens leaves no token, so the lock is free for the next', async (t) => {
  const { fs, fault } = faultyFs();
  const { path, lock, another } = makeLock(t, { fs, timeout: 100 });
  // Right behind the token: no descriptor is left, say.
  fault.do = ({ name }, real) => {
    if (name !== 'readdir') return real();
    fault.do = undefined;
    throw systemError('EMFILE');
  };
  await rejects(lock.enter(), 'WRITE_FAILED', path, 'EMFILE');
  assert.deepEqual(readdirSync(path), []);
  assert.deepEqual(await another().enter(), []);
});

test('the lock is free if the rewrite notice can not be made', async (t) => {
  const { path, lock } = makeLock(t, { timeout: 100 });
  mkdirSync(path);
  writeFileSync(join(path, 'rewriting'), '');
  await rejects(lock.enter(), 'NO_ACCESS', join(path, 'rewriting'));
  rmSync(join(path, 'rewriting'));
  assert.deepEqual(await lock.enter(), []);
});

test('a holder of the lock, or one that died, can be seen without taking the lock', async (t) => {
  const { path, lock } = makeLock(t);
  assert.deepEqual(lock.holders(), []);
  put(path, owner('dead'), 100);
  put(path, owner('alive'), 10);
  put(path, 'notes.txt');
  const seen = lock.holders().sort((a, b) => a.host.localeCompare(b.host));
  assert.deepEqual(
    seen.map(({ token, host, pid, liveness }) => ({ token, host, pid, liveness })),
    [
      { token: owner('alive'), host: 'alive', pid: 4711, liveness: 'alive' },
      { token: owner('dead'), host: 'dead', pid: 4711, liveness: 'dead' },
    ],
  );
  assert.ok(Math.abs(Date.now() - 100_000 - (seen[1]?.since.getTime() ?? 0)) < 5000);
  assert.equal(readdirSync(path).length, 3);
});

test('a clock that is set back causes no wait for a dead owner, and no longer wait for a live one', async (t) => {
  const path = join(temporaryFolder(t), 'queue.tsv.lock');
  const clock = new FakeClock();
  let offset = 0;
  let dies = false;
  let sleeps = 0;
  const moved = {
    ...clock,
    now: () => clock.now() + offset,
    sleep: (ms: number) => {
      if (++sleeps === 2) offset = -3_600_000;
      return clock.sleep(ms);
    },
  };
  const others = {
    ...processes,
    liveness: () => (dies && sleeps > 2 ? ('dead' as const) : ('alive' as const)),
  };
  put(path, owner('somebody'));
  const start = clock.now();
  await rejects(
    new Lock(path, 30_000, { fs: systemFs, clock: moved, processes: others }).enter(),
    'LOCK_TIMEOUT',
  );
  assert.ok(clock.now() - start < 61_000, `${clock.now() - start} ms`);

  dies = true;
  sleeps = 0;
  offset = 0;
  assert.deepEqual(await new Lock(path, 30_000, { fs: systemFs, clock: moved, processes: others }).enter(), [
    owner('somebody'),
  ]);
});
