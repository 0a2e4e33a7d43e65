import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { installed, processesOf, removeCrontab, run, temporaryUser, type User } from '../support/cron.js';
import { pinged, type Service } from '../support/pinged.js';

/*
 * Ten ways to stop cron or the worker. Of each a person is told who runs no command: a real HTTP server acts as the
 * service that expects a ping each minute, and a real process acts as the web app, whose stderr people see.
 *
 * The limit of the web app is short, so that no time passes but that of cron. All ways but one share two minutes.
 */

/** A ping must come each minute; a busy machine may need a while for all workers that cron starts at once. */
const PERIOD_MS = 60_000;
const GRACE_MS = 20_000;

/** A web app: it adds a job now and then, and says what enqueue refuses. */
const APP = `
import { setTimeout as sleep } from 'node:timers/promises';
import { openQueue } from 'tsvq';
const [file, noWorkerAfter, setBy] = process.argv.slice(2);
const queue = openQueue(file, { noWorkerAfter, anyFileSystem: true });
const { now } = Date;
await queue.enqueue('send_email', { to: 'ann@example.com', subject: 'Hello', text: 'x'.repeat(1000) });
// A container's clock is that of all its processes, so this process sees it set, and nothing else does.
Date.now = () => now() + Number(setBy ?? 0);
for (;;) {
  await queue.enqueue('send_email', { to: 'ann@example.com', subject: 'Hello', text: 'x'.repeat(1000) })
    .catch((error) => console.error('refused', error.code));
  await sleep(500);
}
`;

/** A worker with a handler that never gives the event loop back, though it spares the processor. There is one worker, as with a systemd unit. */
const LOOPING = `
import { openQueue, workerOptionsFrom } from 'tsvq';
await openQueue(process.env.QUEUE_FILE, { anyFileSystem: true }).processJobs(
  { send_email: () => { for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); } },
  { ...workerOptionsFrom(process.env), maxWorkers: 1 },
);
`;

const SYNTAX_ERROR = 'export const send_email = () => { return };\n}\n';

const NO_WORKER = /TsvqWarning: no worker has (ever )?looked at /;

interface Way {
  readonly name: string;
  /** The lines of the crontab, without the address to ping; none: no crontab. */
  readonly cron?: (at: Stage) => readonly string[];
  readonly user?: 'lost' | 'stranger' | 'nologin';
  /** What happens to the queue's folder beforehand. */
  readonly prepare?: (at: Stage) => void;
  /** By how much the clock is set after the first job, in ms. */
  readonly setBy?: number;
  /** What the web app says; undefined if only the service can know. */
  readonly says?: RegExp;
}

/** What a way has to itself. */
interface Stage {
  readonly project: string;
  readonly folder: string;
  readonly file: string;
  /** The line that starts the worker of the package. */
  readonly line: string;
  readonly worker: (what: string) => string;
  readonly canMount: boolean;
  /** The user of the web app. */
  readonly owner: User;
}

const WAYS: readonly Way[] = [
  { name: 'daemon-off', says: NO_WORKER },
  {
    name: 'no-node-in-path',
    cron: ({ worker }) => [
      'PATH=/usr/games',
      worker('node workers/queue_worker.js'),
      `PATH=${process.env.PATH}`,
    ],
    says: NO_WORKER,
  },
  { name: 'crontab-lost', user: 'lost', cron: ({ line }) => [line], says: NO_WORKER },
  {
    name: 'disk-full',
    // Where no file system can be mounted, no process may make a file larger, which has the same effect.
    cron: ({ line, canMount }) => [canMount ? line : line.replace('cd ', 'ulimit -f 0; cd ')],
    prepare: ({ folder, canMount }) => {
      if (canMount) run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    },
    says: /^refused DISK_FULL$/m,
  },
  { name: 'not-writable', user: 'stranger', cron: ({ line }) => [line], says: NO_WORKER },
  {
    name: 'syntax-error',
    cron: ({ folder, worker }) => [worker(`${process.execPath} dist/cli.js work ${folder}/handlers.js`)],
    prepare: ({ folder }) => writeFileSync(join(folder, 'handlers.js'), SYNTAX_ERROR),
    says: NO_WORKER,
  },
  {
    name: 'endless-loop',
    cron: ({ worker }) => [worker(`${process.execPath} looping.mjs`)],
    // cron still starts workers that look, and find that they are one too many.
  },
  {
    name: 'wrong-file',
    cron: ({ line, file }) => [line.replace(`QUEUE_FILE=${file}`, `QUEUE_FILE=${file}.old`)],
    says: NO_WORKER,
  },
  { name: 'clock-set-back', setBy: -3_600_000, says: NO_WORKER },
  { name: 'clock-set-ahead', setBy: 3_600_000, says: NO_WORKER },
  // cron takes SHELL from the crontab, not from the user. Some sites set it for all, or their PAM refuses such users.
  {
    name: 'no-shell',
    user: 'nologin',
    cron: ({ line }) => ['SHELL=/usr/sbin/nologin', line],
    says: NO_WORKER,
  },
];

/** The way that needs no cron during the first minutes: there it works. */
const HEALTHY = 'daemon-off';

/** Stages all ways. @param stopCron ends the daemon; undefined if it isn't the test's */
export async function stageTenWays(
  t: TestContext,
  stopCron: (() => Promise<void>) | undefined,
): Promise<void> {
  const users: Partial<Record<'web' | NonNullable<Way['user']>, User>> = {};
  // The first to be called, before users and folders are removed.
  t.after(() => {
    for (const { name, uid } of Object.values(users)) {
      removeCrontab(name);
      for (const pid of processesOf(uid)) process.kill(pid, 'SIGKILL');
    }
    for (const folder of MOUNTED) run('umount', ['--lazy', folder]);
  });
  const service = await pinged(t);
  const project = installed(t);
  writeFileSync(join(project, 'app.mjs'), APP);
  writeFileSync(join(project, 'looping.mjs'), LOOPING);
  for (const as of ['web', 'lost', 'stranger'] as const) users[as] = temporaryUser(t, project, as);
  users.nologin = temporaryUser(t, project, 'nologin', '/usr/sbin/nologin');
  const stages = new Map(WAYS.map((way) => [way.name, prepare(way, project, users)]));
  for (const [which, user] of Object.entries(users)) install(which, user, stages, service);

  // cron has started what it can in the minute of the first ping.
  await isPinged(service, HEALTHY, 90_000);
  const start = Date.now();
  await isPinged(service, 'crontab-lost', 30_000);
  removeCrontab(String(users.lost?.name));
  const well = appOf(t, WAYS[0] as Way, stages, '110s');
  const apps = WAYS.filter(({ name }) => name !== HEALTHY).map((way) => appOf(t, way, stages));
  await Promise.all(apps.map(({ way, says }) => (way.says === undefined ? undefined : says(way.says))));

  const first = Number(service.last.get(HEALTHY));
  while (service.last.get(HEALTHY) === first) {
    assert.ok(Date.now() < start + 90_000, 'cron goes on where all is well');
    await sleep(250);
  }
  assert.deepEqual(late(service, start, Date.now()), [], 'nothing is late yet');
  assert.equal(well.stderr(), '', 'no false alarm');
  await stopCron?.();
  await sleep(start + PERIOD_MS + GRACE_MS - Date.now());
  const names = WAYS.map(({ name }) => name);
  const silent = names.filter((name) => name !== HEALTHY);
  // That one was well until it was lost, and is late a little later.
  const lost = Number(service.last.get('crontab-lost'));
  await sleep(Math.max(0, lost + PERIOD_MS + GRACE_MS - Date.now()));
  assert.deepEqual(late(service, start, Date.now()), silent, logsOf(stages));

  if (stopCron === undefined) return t.diagnostic('the cron daemon is not of this test, and goes on');
  await sleep(Number(service.last.get(HEALTHY)) + PERIOD_MS + GRACE_MS - Date.now());
  assert.deepEqual(late(service, start, Date.now()), names, 'the daemon is off');
  await appOf(t, WAYS[0] as Way, stages).says(NO_WORKER);
}

/** The checks whose ping is overdue, as a monitoring service finds them. */
function late({ last }: Service, start: number, now: number): string[] {
  return WAYS.map(({ name }) => name).filter(
    (name) => now - Math.max(start, last.get(name) ?? 0) >= PERIOD_MS + GRACE_MS,
  );
}

async function isPinged({ last }: Service, name: string, most: number): Promise<void> {
  const deadline = Date.now() + most;
  while (!last.has(name)) {
    assert.ok(Date.now() < deadline, `waited too long for a ping of ${name}`);
    await sleep(250);
  }
}

/** Makes the queue of a way, with a job that is due, as the user of the web app. */
function prepare(way: Way, project: string, users: { readonly [as: string]: User }): Stage {
  const folder = join(project, way.name);
  const file = join(folder, 'queue.tsv');
  mkdirSync(folder);
  const canMount = way.name === 'disk-full' && isMountable(folder);
  const log = join(project, `${way.name}.log`);
  const worker = (what: string): string =>
    `* * * * * cd ${project} && QUEUE_FILE=${file} ${what} >> ${log} 2>&1`;
  const line = worker(`${process.execPath} workers/queue_worker.js`);
  const owner = users[way.user === 'stranger' ? 'web' : (way.user ?? 'web')] as User;
  const stage: Stage = { project, folder, file, line, worker, canMount, owner };
  writeFileSync(log, '');
  chmodSync(log, 0o666);
  way.prepare?.(stage);
  chownSync(folder, owner.uid, owner.gid);
  const { uid, gid } = owner;
  const env = { QUEUE_FILE: file, QUEUE_ANY_FILE_SYSTEM: '1' };
  const add = [join(project, 'dist/cli.js'), '--file', file, '--any-file-system', 'add'];
  run(process.execPath, [...add, 'send_email', '{"to":"ann@example.com","subject":"Hi","text":"-"}'], {
    uid,
    gid,
  });
  if (canMount) fill(stage, owner);
  // A worker has looked before the clock was set.
  if (way.setBy !== undefined)
    execFileSync(process.execPath, [join(project, 'workers/queue_worker.js')], { uid, gid, env });
  return stage;
}

const MOUNTED: string[] = [];

function isMountable(folder: string): boolean {
  try {
    run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    run('umount', [folder]);
    MOUNTED.push(folder);
    return true;
  } catch {
    return false;
  }
}

/** Fills a disk to the last byte. */
function fill({ folder }: Stage, { uid, gid }: User): void {
  run('sh', ['-c', `dd if=/dev/zero of=${folder}/fill bs=1k 2> /dev/null || true`], { uid, gid });
}

function install(which: string, { name }: User, stages: Map<string, Stage>, { url }: Service): void {
  const ways = WAYS.filter(
    ({ user = 'web', cron, name }) => user === which && (cron !== undefined || name === HEALTHY),
  );
  const lines = ways.flatMap((way) => {
    const stage = stages.get(way.name) as Stage;
    return [
      `QUEUE_PING_URL=${url(way.name)}`,
      'QUEUE_ANY_FILE_SYSTEM=1',
      ...(way.cron?.(stage) ?? [stage.line]),
    ];
  });
  run('crontab', ['-u', name, '-'], { input: `${lines.join('\n')}\n` });
}

/** Starts the web app of a way; it ends with the test. */
function appOf(t: TestContext, way: Way, stages: Map<string, Stage>, noWorkerAfter = '4s') {
  const { project, file, canMount, owner } = stages.get(way.name) as Stage;
  const { uid, gid } = owner;
  const limit = way.name === 'disk-full' && !canMount ? 'ulimit -f 0; ' : '';
  const command = `${limit}exec "$@"`;
  const args = [process.execPath, join(project, 'app.mjs'), file, noWorkerAfter, String(way.setBy ?? 0)];
  const child: ChildProcess = spawn('sh', ['-c', command, 'sh', ...args], {
    ...{ uid, gid, cwd: project, env: { PATH: process.env.PATH } },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const says = async (what: RegExp): Promise<void> => {
    const deadline = Date.now() + 40_000;
    while (!what.test(stderr)) {
      assert.ok(Date.now() < deadline, `the web app of ${way.name} doesn't say ${what}: ${stderr}`);
      await sleep(100);
    }
  };
  return { way, says, stderr: () => stderr };
}

/** What the workers said, for a test that fails. */
const logsOf = (stages: Map<string, Stage>): string =>
  [...stages]
    .map(([name, { project }]) => join(project, `${name}.log`))
    .filter((log) => existsSync(log))
    .map((log) => `${log}:\n${readFileSync(log, 'utf8').slice(-600)}`)
    .join('\n');
