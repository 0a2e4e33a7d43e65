import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { bundleCrashChild } from '../fixtures/bundle.js';
import type { CrashConfig } from '../fixtures/crash-child.js';
import { CLI } from '../integration/cli-process.js';
import { root } from '../support/folders.js';
import { bareEnvironment, UNPRIVILEGED } from '../support/processes.js';
import { HEADER, jobId, line, rowsOf } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';

/*
 * Root works a queue of another user, and is killed at each call to the file system that changes anything. Then a
 * process of that user goes on: it adds a job, works the queue and compacts it. Nothing of root's may be left.
 */

const APP = UNPRIVILEGED ?? 0;
/** Set by an operator: narrower than root's umask makes it, and wider for the group. */
const MODE = 0o620;

/** Whether another user can read the repository, and so run what is in it. */
function isReadableByOthers(): boolean {
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return false;
  }
  return true;
}

const skip =
  UNPRIVILEGED === undefined
    ? 'only root can be other users'
    : !isReadableByOthers() && 'another user can not read the repository';

/** So many deaths of each scenario; in the nightly form, every one. */
const MOST = 2;

const own = (path: string): void => chownSync(path, APP, APP);

/** What does not belong to the app's user, below a folder and itself. */
const foreign = (folder: string): string[] =>
  [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))]
    .map((path) => ({ path, ...lstatSync(path) }))
    .filter(({ uid, gid }) => uid !== APP || gid !== APP)
    .map(({ path, uid, gid }) => `${path} ${uid}:${gid}`);

describe('the next process of the app goes on after root was killed', { skip, timeout: 900_000 }, () => {
  let folder: string;
  let bundle: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsvq-root-'));
    chmodSync(folder, 0o755);
    bundle = await bundleCrashChild(folder);
    chmodSync(bundle, 0o644);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A project of the app's user, with a queue unless it is to have none yet. */
  function lay(name: string, kind: 'queue' | 'nothing' | 'held'): string {
    const project = join(folder, name);
    const file = join(project, 'data', 'queue.tsv');
    mkdirSync(project);
    own(project);
    if (kind === 'nothing') return file;
    mkdirSync(dirname(file));
    own(dirname(file));
    const now = Math.floor(Date.now() / 1000);
    const done = { type: 'work', status: 'completed', attempts: 1, result: '1', version: 3 };
    const lines = [
      line({ id: jobId(1), ...done, finished_at: now - 30 * 86_400 }),
      line({ id: jobId(2), type: 'work' }),
      line({ id: jobId(3), type: 'parent' }),
    ];
    writeFileSync(file, `${HEADER}\n${lines.join('')}`);
    own(file);
    chmodSync(file, MODE);
    if (kind !== 'held') return file;
    const token = `owner.${systemProcesses.self()}`;
    for (const place of [`${file}.lock`, `${file}.lock/rewriting`]) {
      mkdirSync(place);
      own(place);
      writeFileSync(join(place, token), '');
      own(join(place, token));
    }
    return file;
  }

  async function run(
    file: string,
    scenario: CrashConfig['scenario'],
    uid: number,
    killAt = 0,
  ): Promise<{ code: number | null; signal: string | null; stderr: string; said: string[] }> {
    const journal = join(folder, `${scenario}-${uid}-${killAt}-${Math.random()}.journal`);
    writeFileSync(journal, '');
    chmodSync(journal, 0o666);
    const config: CrashConfig = { file, journal, scenario, killAt, cut: 0, signal: 'SIGKILL', ids: [] };
    const child = spawn(process.execPath, [bundle, JSON.stringify(config)], {
      cwd: '/',
      uid,
      gid: uid,
      env: bareEnvironment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const [code, signal] = await once(child, 'close');
    return { code, signal, stderr, said: readFileSync(journal, 'utf8').split('\n') };
  }

  const scenarios = {
    compact: 'queue',
    enqueue: 'nothing',
    enqueueOne: 'queue',
    tick: 'queue',
    edit: 'queue',
    takeOver: 'held',
  } as const;

  for (const [scenario, kind] of Object.entries(scenarios) as [
    keyof typeof scenarios,
    Parameters<typeof lay>[1],
  ][])
    test(`${scenario}, with ${kind}`, async (t) => {
      const once = async (killAt: number): Promise<string[]> => {
        const file = lay(`${scenario}-${killAt}`, kind);
        const died = await run(file, scenario, 0, killAt);
        if (killAt === 0) {
          assert.deepEqual([died.code, died.stderr], [0, '']);
          assert.deepEqual(foreign(dirname(dirname(file))), [], 'without a death');
        }
        // One who is alive keeps the lock until it is taken.
        if (kind === 'held' && killAt > 0) {
          const taken = await run(file, 'takeOver', APP);
          assert.deepEqual([taken.code, taken.stderr], [0, ''], `root died at step ${killAt}`);
        }
        const lived = await run(file, 'goOn', APP);
        const what = `root died at step ${killAt}`;
        assert.deepEqual([lived.code, lived.stderr], [0, ''], what);
        assert.ok(lived.said.includes('left 0'), `${what}: ${lived.said.join(', ')}`);
        assert.deepEqual(foreign(dirname(dirname(file))), [], what);
        if (kind !== 'nothing') {
          assert.equal(statSync(file).mode & 0o777, MODE, what);
          const archive = join(dirname(file), 'archive');
          assert.equal(rowsOf(file).filter(({ id }) => id === jobId(1)).length, 0);
          for (const name of readdirSync(archive)) {
            assert.equal(statSync(join(archive, name)).mode & 0o777, MODE, `${what}: ${name}`);
          }
        }
        return died.said.filter((said) => said.startsWith('step '));
      };
      const steps = await once(0);
      const deaths = sampled(
        steps.map((_, i) => i + 1),
        MOST,
      );
      t.diagnostic(`${steps.length} steps, ${deaths.length} deaths`);
      const lane = async (): Promise<void> => {
        for (let at = deaths.shift(); at !== undefined; at = deaths.shift()) await once(at);
      };
      await Promise.all([lane(), lane()]);
    });

  /** The command, as a user. */
  function queue(file: string, uid: number, ...args: string[]) {
    const child = spawn(process.execPath, [CLI, '--file', file, ...args], {
      cwd: '/',
      uid,
      gid: uid,
      env: bareEnvironment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    return { child, ended: endOf(child).then((code) => ({ code, stdout, stderr })) };
  }

  const endOf = async (child: ChildProcess): Promise<number | null> =>
    (await once(child, 'close'))[0] as number | null;

  /** Kills `queue lock` of root's when its command has replaced the file. */
  async function killEditing(file: string, mode: string): Promise<void> {
    const edit = `cp "$QUEUE_FILE" "$QUEUE_FILE.new"; chmod ${mode} "$QUEUE_FILE.new"; mv "$QUEUE_FILE.new" "$QUEUE_FILE"; echo saved; cat`;
    const { child, ended } = queue(file, 0, 'lock', '--', 'sh', '-c', edit);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    // The command that it ran ends with its stdin.
    child.stdin.end();
    await ended;
    assert.equal(statSync(file).uid, 0);
  }

  test('queue lock is killed after its command has replaced the file by one of root’s', async () => {
    for (const [i, args] of [['add', 'work'], ['compact'], ['unlock'], ['unlock', '--force']].entries()) {
      const file = lay(`editing-${i}`, 'queue');
      await killEditing(file, '0644');
      // Without an end of the last line, as some editors leave it.
      writeFileSync(file, readFileSync(file, 'utf8').slice(0, -1));
      const { code, stderr } = await queue(file, APP, ...args).ended;
      assert.equal(code, 0, stderr);
      assert.equal((statSync(file).mode & 0o777).toString(8), MODE.toString(8));
      assert.deepEqual(foreign(dirname(dirname(file))), [], args.join(' '));
      assert.equal(rowsOf(file).length, args[0] === 'add' ? 3 : 2);
      assert.equal((await queue(file, APP, 'doctor').ended).stdout, 'ok\n');
    }
  });

  test('the error and doctor say what to type, and promise no repair, if the app may not read that file', async () => {
    const file = lay('closed', 'queue');
    await killEditing(file, '0600');
    const command = `sudo chown -R ${APP}:${APP} ${file}`;
    const { code, stderr } = await queue(file, APP, 'add', 'work').ended;
    assert.equal(code, 1);
    assert.match(stderr, /belongs to root/);
    assert.ok(stderr.includes(command), stderr);
    for (const uid of [APP, 0]) {
      const { stdout } = await queue(file, uid, 'doctor').ended;
      assert.ok(stdout.includes(command), stdout);
      assert.match(stdout, /^lock: .* died holding the lock.* first fix what is listed here under access/m);
    }
    // The next command of root's gives it back.
    assert.equal((await queue(file, 0, 'add', 'work').ended).code, 0);
    assert.deepEqual(foreign(dirname(dirname(file))), []);
    assert.equal(statSync(file).mode & 0o777, MODE);
    assert.equal((await queue(file, APP, 'add', 'work').ended).code, 0);
  });

  test('a readable file of root’s that was put there without the lock is replaced by a copy', async () => {
    const file = lay('unlocked', 'queue');
    chownSync(file, 0, 0);
    chmodSync(file, 0o644);
    assert.equal((await queue(file, APP, 'add', 'work').ended).code, 0);
    assert.deepEqual(foreign(dirname(dirname(file))), []);
    assert.equal(rowsOf(file).length, 4);
  });

  test('a folder of root’s that is not empty stays, and doctor promises no repair', async () => {
    const file = lay('not-empty', 'queue');
    mkdirSync(`${file}.lock/rewriting`, { recursive: true });
    own(`${file}.lock`);
    const dead = `owner.${systemProcesses.self().replace(/\.\d+\.(\d+)\.([0-9a-f]+)$/, '.99999999.$1.$2')}`;
    writeFileSync(`${file}.lock/${dead}`, '');
    writeFileSync(`${file}.lock/rewriting/${dead}`, '');
    const { stdout } = await queue(file, APP, 'doctor').ended;
    assert.match(
      stdout,
      /^lock: .* first fix what is listed here under access; then the next process repairs the file$/m,
    );
    assert.ok(stdout.includes(`sudo chown -R ${APP}:${APP} ${file}.lock/rewriting`), stdout);
    assert.equal((await queue(file, APP, 'add', 'work').ended).code, 1);
    assert.ok(existsSync(`${file}.lock/rewriting/${dead}`));
  });
});
