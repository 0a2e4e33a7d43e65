import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { rejects } from '../support/errors.js';
import { faultyFs } from '../support/faulty-fs.js';
import { temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';
import { line, rowsOf, statesOf, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { CLI, fields, type Running, records, run, runOn, start } from './cli-process.js';

/** A queue of one job, and the command on it. */
function oneJob(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: 'aa00000000000001', payload: '{"n":1}' }));
  return { file, queue: runOn(t, file) };
}

/** Somebody who holds the lock until their stdin ends. */
async function hold(t: TestContext, file: string): Promise<Running> {
  const holder = start(t, ['lock', '--', 'sh', '-c', 'echo held; cat'], { env: { QUEUE_FILE: file } });
  await holder.said('held');
  return holder;
}

/** Somebody who was killed holding it. */
async function dieHolding(t: TestContext, file: string): Promise<number | undefined> {
  const { child, ended } = await hold(t, file);
  child.kill('SIGKILL');
  // The command that it ran ends with its stdin.
  child.stdin.end();
  assert.equal((await ended).signal, 'SIGKILL');
  return child.pid;
}

const sed = (script: string, file: string): string[] => ['lock', '--', 'sed', '-i', script, file];

describe('lock', { concurrency: 3 }, () => {
  test('runs a command that edits the file', async (t) => {
    const { file, queue } = oneJob(t);
    const { code, stdout, stderr } = await queue(...sed('s/"n":1/"n":2/', file));
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
    assert.equal(rowsOf(file)[0]?.payload, '{"n":2}');
    assert.deepEqual(readdirSync(join(file, '..')), ['queue.tsv']);
  });

  test('gives the command QUEUE_FILE, this terminal, and its exit code', async (t) => {
    const { file } = oneJob(t);
    const script = 'echo "$QUEUE_FILE"; cat >&2; exit 7';
    const { code, stdout, stderr } = await run(t, ['--file', file, 'lock', '--', 'sh', '-c', script], {
      input: 'typed',
    });
    assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: `${file}\n`, stderr: 'typed' });
  });

  test('shows an edit in place to a process that has the file open', async (t) => {
    const { file, queue } = oneJob(t);
    const reader = openQueue(file);
    t.after(() => reader.close());
    const before = statSync(file).ino;
    // The reader keeps it open, so that no new file can have its inode.
    assert.deepEqual((await reader.getJob('aa00000000000001'))?.payload, { n: 1 });
    // Not a byte more or less, and the same inode: only the compaction tells.
    const inPlace = `sed 's/"n":1/"n":2/' "$QUEUE_FILE" >"$QUEUE_FILE.new" && cat "$QUEUE_FILE.new" >"$QUEUE_FILE"; rm "$QUEUE_FILE.new"`;
    assert.equal((await queue('lock', '--', 'sh', '-c', inPlace)).code, 0);
    assert.notEqual(statSync(file).ino, before);
    assert.deepEqual((await reader.getJob('aa00000000000001'))?.payload, { n: 2 });
  });

  test('reports a link that the command has replaced, and not one that it has followed', async (t) => {
    const { file } = oneJob(t);
    const link = join(temporaryFolder(t), 'queue.tsv');
    symlinkSync(file, link);
    const edit = (script: string) => run(t, ['--file', link, 'lock', '--', 'sh', '-c', script, 'sh', link]);
    assert.equal((await edit(`sed -i 's/"n":1/"n":2/' "$QUEUE_FILE"`)).code, 0);
    const { code, stderr } = await edit(`sed -i 's/"n":2/"n":3/' "$1"`);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^queue: ${link} led to ${file}, and leads to ${link} now: `));
    assert.equal(rowsOf(file)[0]?.payload, '{"n":2}');
  });

  test('compacts after a failed command as well, because what it did stays', async (t) => {
    const { file, queue } = oneJob(t);
    const { code } = await queue('lock', '--', 'sh', '-c', `printf 'torn' >> "$QUEUE_FILE"; exit 1`);
    assert.equal(code, 1);
    assert.match(readFileSync(file, 'utf8'), /\n#torn\t#torn\n$/);
  });

  test('reports a command that leaves no header, and does not change the file further', async (t) => {
    const { file, queue } = oneJob(t);
    const [, ...others] = readFileSync(file, 'utf8').split('\n');
    const { code, stderr } = await queue(...sed('1d', file));
    assert.equal(code, 1);
    assert.match(stderr, /^queue: the command left a file that is not a queue, .*header.*\n$/);
    assert.equal(readFileSync(file, 'utf8'), others.join('\n'));
    assert.deepEqual(readdirSync(join(file, '..')), ['queue.tsv']);
  });

  for (const script of ['rm "$QUEUE_FILE"', ': > "$QUEUE_FILE"'])
    test(`reports a command that leaves no file: ${script}`, async (t) => {
      const { queue } = oneJob(t);
      const { code, stderr } = await queue('lock', '--', 'sh', '-c', script);
      assert.equal(code, 1);
      assert.match(stderr, /^queue: the command left a file that is not a queue, .*missing or empty\n$/);
    });

  test('exits with 127 or 126, as a shell does, if the command can not be run', async (t) => {
    const { file, queue } = oneJob(t);
    const missing = await queue('lock', '--', 'no-such-command');
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /^queue: 'no-such-command' could not be run \(ENOENT\)/);
    assert.equal((await queue('lock', '--', file)).code, 126);
    const empty = await queue('lock', '--', '');
    assert.equal(empty.code, 126);
    assert.match(empty.stderr, /^queue: '' could not be run/);
  });

  test('exits with 128 plus the signal that ended the command', async (t) => {
    const { queue } = oneJob(t);
    assert.equal((await queue('lock', '--', 'sh', '-c', 'kill -9 $$')).code, 137);
  });

  test('passes SIGTERM on, and releases the lock', async (t) => {
    const { file } = oneJob(t);
    const script = 'trap "exit 5" TERM; echo held; while read line; do :; done';
    const { child, ended, said } = start(t, ['lock', '--', 'sh', '-c', script], {
      env: { QUEUE_FILE: file },
    });
    await said('held');
    child.kill('SIGTERM');
    // A shell runs a trap when it has read the next line.
    child.stdin.write('\n');
    assert.equal((await ended).code, 5);
    assert.deepEqual(readdirSync(join(file, '..')), ['queue.tsv']);
  });

  test('edits the file that a symlink leads to', async (t) => {
    const { file } = oneJob(t);
    const link = join(temporaryFolder(t), 'queue.tsv');
    symlinkSync(file, link);
    const { code } = await runOn(t, link)('lock', '--', 'sh', '-c', 'sed -i "s/email/sms/" "$QUEUE_FILE"');
    assert.equal(code, 0);
    assert.equal(rowsOf(file)[0]?.type, 'sms');
  });

  test('says where the options of the command go if -- is missing', async (t) => {
    const { queue } = oneJob(t);
    const { code, stderr } = await queue('lock', 'sed', '-i', 's/a/b/');
    assert.equal(code, 2);
    assert.match(stderr, /unknown option '-i'\n.*after --/);
  });
});

describe('while another process holds the lock', { concurrency: 2 }, () => {
  test('a command that writes exits with 75 after --lock-timeout, and names the holder', async (t) => {
    const { file, queue } = oneJob(t);
    const { child, ended } = await hold(t, file);
    for (const args of [['add', 'email'], ['cancel', 'aa'], ['compact'], ['lock', '--', 'true']]) {
      const { code, stdout, stderr } = await queue('--lock-timeout', '20ms', ...args);
      assert.deepEqual({ code, stdout }, { code: 75, stdout: '' }, args[0]);
      assert.match(stderr, new RegExp(`^queue: .*held .*process ${child.pid} on .*\n$`));
    }
    assert.deepEqual(statesOf(file), ['aa00000000000001 pending']);
    assert.equal((await queue('list')).code, 0);
    child.stdin.end();
    assert.equal((await ended).code, 0);
    assert.equal((await queue('add', 'email')).code, 0);
  });

  test('doctor says who holds it', async (t) => {
    const { file, queue } = oneJob(t);
    const { child, ended } = await hold(t, file);
    const { code, stdout } = await queue('doctor');
    assert.equal(code, 1);
    assert.match(
      stdout,
      new RegExp(`^lock: process ${child.pid} on \\S+ has held the lock since \\S+Z, and is alive`),
    );
    child.stdin.end();
    await ended;
    assert.deepEqual(await queue('doctor'), { code: 0, signal: null, stdout: 'ok\n', stderr: '' });
  });

  test('unlock refuses with 75', async (t) => {
    const { file, queue } = oneJob(t);
    const { child, ended } = await hold(t, file);
    const { code, stdout, stderr } = await queue('unlock');
    assert.deepEqual({ code, stdout }, { code: 75, stdout: '' });
    assert.match(
      stderr,
      new RegExp(`^queue: process ${child.pid} on \\S+ since \\S+ holds the lock, and is alive`),
    );
    child.stdin.end();
    assert.equal((await ended).code, 0);
  });

  test('unlock --force takes the lock, and the old holder changes nothing afterwards', async (t) => {
    const { file, queue } = oneJob(t);
    const { child, ended } = await hold(t, file);
    const { code, stdout, stderr } = await queue('unlock', '--force', '--json');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const [holder] = records(stdout);
    assert.deepEqual([holder?.pid, holder?.liveness], [child.pid, 'alive']);
    assert.equal((await queue('add', 'email')).code, 0);
    const { ino } = statSync(file);
    child.stdin.end();
    const late = await ended;
    assert.equal(late.code, 1);
    assert.match(late.stderr, /lock was taken over/);
    assert.equal(statSync(file).ino, ino);
  });
});

test('unlock --force removes the copy that the old holder is about to rename to the queue file', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, line({ id: 'aa00000000000001' }));
  const { fs, fault } = faultyFs();
  const { queue } = openTest(t, { file, fs });
  const command = (...args: string[]): string =>
    execFileSync(process.execPath, [CLI, '--file', file, ...args], {
      encoding: 'utf8',
      env: bareEnvironment,
    });
  let added = '';
  fault.do = ({ name }, real) => {
    if (name === 'rename') {
      // Nothing else happens in this process meanwhile: it stands still, as one that is suspended.
      fault.do = undefined;
      command('unlock', '--force');
      added = command('add', 'sms').trim();
    }
    return real();
  };
  await rejects(queue.compact(), 'WRITE_FAILED', 'the lock was taken over');
  assert.match(added, /^[0-9a-f]{16}$/);
  assert.deepEqual(statesOf(file), ['aa00000000000001 pending', `${added} pending`]);
});

describe('the lock of a dead process', { concurrency: 3 }, () => {
  test('doctor finds it, and the next command that writes repairs it', async (t) => {
    const { file, queue } = oneJob(t);
    const pid = await dieHolding(t, file);
    const sick = await queue('doctor', '--json');
    assert.equal(sick.code, 1);
    const [finding, ...others] = records(sick.stdout);
    assert.deepEqual(others, []);
    assert.equal(finding?.kind, 'lock');
    assert.match(String(finding?.message), new RegExp(`^process ${pid} on .* died holding the lock`));

    const fd = openSync(file, 'r');
    t.after(() => closeSync(fd));
    const { ino } = statSync(file);
    assert.equal((await queue('add', 'email')).code, 0);
    assert.notEqual(statSync(file).ino, ino);
    assert.equal((await queue('doctor')).stdout, 'ok\n');
    assert.equal(existsSync(`${file}.lock`), false);
  });

  test('unlock takes it, and repairs', async (t) => {
    const { file, queue } = oneJob(t);
    const pid = await dieHolding(t, file);
    // Kept open, so that no new file can have its inode.
    const fd = openSync(file, 'r');
    t.after(() => closeSync(fd));
    const { ino } = statSync(file);
    const { code, stdout, stderr } = await queue('unlock');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '' });
    assert.match(
      stderr,
      new RegExp(`^queue: took the lock of ${file} from process ${pid} on .* \\(dead\\)\n$`),
    );
    assert.notEqual(statSync(file).ino, ino);
    assert.equal((await queue('doctor')).stdout, 'ok\n');
  });
});

test('unlock takes an append that was cut for no process, and repairs', async (t) => {
  const { file, queue } = oneJob(t);
  mkdirSync(`${file}.lock`);
  const [host, boot, namespace, , ...rest] = systemProcesses.self().split('.');
  writeFileSync(join(`${file}.lock`, `owner.${[host, boot, namespace, 0, ...rest].join('.')}`), '');
  const { code, stdout } = await queue('doctor');
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^lock: an append on \S+ was cut at \S+Z, by a full disk say; the next worker or change/,
  );
  const { stderr } = await queue('unlock');
  assert.match(stderr, /^queue: took the lock of \S+ from an append on \S+ that was cut at \S+Z \(dead\)\n$/);
  assert.equal((await queue('doctor')).stdout, 'ok\n');
});

test('unlock takes the lock of a process on another host', async (t) => {
  const { file, queue } = oneJob(t);
  mkdirSync(`${file}.lock`);
  const token = 'owner.elsewhere.0123456789abcdef.4026531836.1234.5678.abcdef';
  writeFileSync(join(`${file}.lock`, token), '');
  const sick = await queue('doctor');
  assert.equal(sick.code, 1);
  assert.match(sick.stdout, /^lock: process 1234 on elsewhere has held .* can't tell whether it is alive/);
  assert.equal((await queue('--lock-timeout', '20ms', 'cancel', 'aa00000000000001')).code, 75);

  const { code, stdout } = await queue('unlock', '--plain');
  assert.equal(code, 0);
  const [[name, host, pid, since, liveness] = []] = fields(stdout);
  assert.deepEqual([name, host, pid, liveness], [token, 'elsewhere', '1234', 'unknown']);
  assert.ok(Date.parse(since ?? '') > 0);
  assert.equal(existsSync(`${file}.lock`), false);
  assert.equal((await queue('add', 'email')).code, 0);
});

test('a --lock-timeout that is not a duration exits with 2', async (t) => {
  const { queue } = oneJob(t);
  const { code, stderr } = await queue('add', 'email', '--lock-timeout', 'long');
  assert.equal(code, 2);
  assert.match(stderr, /^queue: --lock-timeout is "long"/);
  const bare = await queue('add', 'email', '--lock-timeout', '20');
  assert.deepEqual(
    [bare.code, bare.stderr],
    [2, 'queue: --lock-timeout is 20, which has no unit; for 20 seconds write 20s\n'],
  );
});

test('unlock says so if no process holds the lock', async (t) => {
  const { file, queue } = oneJob(t);
  const { code, stdout, stderr } = await queue('unlock');
  assert.deepEqual(
    { code, stdout, stderr },
    { code: 0, stdout: '', stderr: `queue: no process holds the lock of ${file}\n` },
  );
});
