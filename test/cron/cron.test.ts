import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { root } from '../support/folders.js';
import { until } from '../support/waiting.js';

/*
 * The whole way is tested with real parts: a cron daemon runs the line that `queue cron print` prints. The crontab
 * belongs to a user who exists for this test only, and the project is installed as on a server.
 */

const PIDFILE = '/var/run/crond.pid';
/** cron wakes once a minute, and may have looked at the crontabs just before this one came. */
const LONG = 150_000;

/** Why this can't be done here. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can give another user a crontab';
  for (const program of ['cron', 'crontab', 'useradd', 'userdel']) {
    if (!['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, program))))
      return `${program} is not installed`;
  }
  return undefined;
}

const run = (
  command: string,
  args: string[],
  options: { cwd?: string; uid?: number; gid?: number; input?: string } = {},
) =>
  execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: `/usr/sbin:/sbin:${process.env.PATH}` },
    ...options,
  });

/** The packages that `npm ci --omit=dev` would install: those in package.json, and what they need. */
function dependencies(folder: string, found = new Set<string>()): Set<string> {
  const { dependencies: wanted = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const name of Object.keys(wanted)) {
    if (found.has(name)) continue;
    found.add(name);
    dependencies(join(root, 'node_modules', name), found);
  }
  return found;
}

/** A user without a password or a home, who is gone after the test, crontab included. */
function temporaryUser(t: TestContext, home: string): { name: string; uid: number; gid: number } {
  const name = `tsvq-test-${process.pid}`;
  run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    home,
    '--shell',
    '/bin/sh',
    name,
  ]);
  t.after(() => {
    // It may have none.
    try {
      run('crontab', ['-u', name, '-r']);
    } catch {}
    run('userdel', [name]);
  });
  const id = (which: string): number => Number(run('id', [which, name]));
  return { name, uid: id('-u'), gid: id('-g') };
}

function hasProcesses(uid: number): boolean {
  return readdirSync('/proc').some(
    (pid) => /^\d+$/.test(pid) && statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid,
  );
}

/** The daemon that runs already, or one for the time of the test. */
async function startCron(t: TestContext): Promise<void> {
  const pid = existsSync(PIDFILE) ? Number.parseInt(readFileSync(PIDFILE, 'utf8'), 10) : 0;
  if (pid > 0 && existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'cron\n')
    return;
  const cron = spawn('cron', ['-f'], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, stdio: 'ignore' });
  t.after(async () => {
    if (cron.exitCode !== null) return;
    cron.kill('SIGTERM');
    await once(cron, 'exit');
  });
  await once(cron, 'spawn');
}

test('cron runs a job that was enqueued beforehand', { timeout: LONG + 60_000 }, async (t) => {
  const why = obstacle();
  if (why !== undefined) {
    assert.notEqual(process.env.CI, 'true', `this has to run where everything is tested: ${why}`);
    return t.skip(why);
  }

  // A project of its own, in a folder that the user can reach.
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'tsvq-cron-')));
  chmodSync(project, 0o755);
  t.after(() => rmSync(project, { recursive: true, force: true }));
  const { name, uid, gid } = temporaryUser(t, project);
  for (const part of ['package.json', 'dist', 'workers'])
    cpSync(join(root, part), join(project, part), { recursive: true });
  for (const part of dependencies(root))
    cpSync(join(root, 'node_modules', part), join(project, 'node_modules', part), { recursive: true });
  run('chown', ['-R', `${uid}:${gid}`, project]);
  const queue = (...args: string[]): string =>
    run(process.execPath, [join(project, 'dist/cli.js'), ...args], { cwd: project, uid, gid });

  /** What a command prints that may exit with 1. */
  const attempt = (...args: string[]): string => {
    try {
      return queue(...args);
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };

  const mail = { to: 'ann@example.com', subject: 'From cron', text: 'It works.\n' };
  const id = queue('add', 'send_email', JSON.stringify(mail)).trim();
  const data = join(project, 'data');
  const look = () => openQueue(join(data, 'queue.tsv')).getJob(id);
  assert.equal((await look())?.status, 'pending');

  // A line of the user's own, which has no line end and stays as it is.
  run('crontab', ['-u', name, '-'], { input: '# caf\xe9 \x07\n' });
  assert.match(attempt('cron', 'check'), /no line of your crontab starts the worker/);
  const line = queue('cron', 'install');
  assert.match(line, /^\* \* \* \* \* .+\n$/);
  assert.equal(run('crontab', ['-u', name, '-l']), `# caf\xe9 \x07\n${line}`);
  assert.equal(queue('cron', 'install'), line);
  t.diagnostic(line.trim());
  const changes = watch(data, { signal: AbortSignal.timeout(LONG) });
  await startCron(t);

  const started = performance.now();
  let job = await look();
  const log = (): string =>
    existsSync(join(data, 'worker.log')) ? readFileSync(join(data, 'worker.log'), 'utf8') : '';
  try {
    for await (const _ of changes) {
      job = await look();
      // What the worker has to say comes after the job is done.
      if (job?.status === 'completed' && log().includes(id)) break;
    }
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
  }
  // The worker notes the time last of all; nobody takes its user or its folder from it before.
  assert.match(attempt('cron', 'check'), /ok: a cron runs on this machine\nok: a worker looked \S+ ago\n$/);
  assert.equal(queue('cron', 'uninstall'), line);
  assert.equal(run('crontab', ['-u', name, '-l']), '# caf\xe9 \x07\n');
  await until('the worker has ended', () => !hasProcesses(uid));
  t.diagnostic(`done after ${Math.round((performance.now() - started) / 1000)} s`);
  assert.equal(job?.status, 'completed', `the worker's log: ${log() || 'none'}`);
  assert.equal(job?.attempts, 1);
  assert.match(readFileSync(join(data, `outbox/${id}.eml`), 'utf8'), /^Subject: From cron\r$/m);
  assert.equal(statSync(join(data, 'queue.tsv')).uid, uid);
  const events = log()
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  assert.deepEqual(
    events.map(({ event, id }) => ({ event, id })),
    [{ event: 'completed', id }],
  );
});
