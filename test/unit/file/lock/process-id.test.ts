import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { systemProcesses } from '../../../../lib/file/lock/process-id.js';
import { temporaryFolder } from '../../../support/folders.js';
import { runScript, startScript } from '../../../support/processes.js';
import { until } from '../../../support/waiting.js';

const { self, liveness } = systemProcesses;

/** A name like one's own, with some of its parts changed. */
function named(
  changes: Partial<Record<'host' | 'boot' | 'namespace' | 'pid' | 'start', string | number>>,
): string {
  const [host, boot, namespace, pid, start, random] = self().split('.');
  const parts = { host, boot, namespace, pid, start, random, ...changes };
  return [parts.host, parts.boot, parts.namespace, parts.pid, parts.start, parts.random].join('.');
}

/** A process that does nothing until the test is over. */
function sleeper(t: TestContext): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

const startOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] as string;
};

test('a name has six parts that fit into a file name and a field, and is new each time', () => {
  assert.match(self(), /^[\w-]+(\.[\w-]*){5}$/);
  assert.equal(self().split('.')[3], String(process.pid));
  assert.notEqual(self(), self());
  assert.deepEqual(self().split('.').slice(0, 5), self().split('.').slice(0, 5));
});

test('this process is alive', () => {
  assert.equal(liveness(self()), 'alive');
});

test('another process is alive while it runs, and dead afterwards', async (t) => {
  const { child, said } = startScript(
    t,
    `import { systemProcesses } from 'lib/file/lock/process-id.js';
    console.log('I am ' + systemProcesses.self());
    setInterval(() => {}, 1e6);`,
  );
  const name = (await said('I am ')).slice(5);
  assert.equal(name.split('.')[3], String(child.pid));
  assert.equal(liveness(name), 'alive');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(liveness(name), 'dead');
});

test('a pid that is used again is another process, by its start time', (t) => {
  const { pid } = sleeper(t);
  const start = Number(self().split('.')[4]);
  assert.equal(liveness(named({ pid: pid as number, start: start - 1 })), 'dead');
  assert.equal(liveness(named({ start: start - 1 })), 'dead');
});

test('an unused pid is dead', () => {
  assert.equal(liveness(named({ pid: 2 ** 22 + 1 })), 'dead');
});

test('a process of an earlier boot of this host is dead', () => {
  assert.equal(liveness(named({ boot: 'f'.repeat(16) })), 'dead');
  assert.equal(liveness(named({ boot: 'f'.repeat(16), namespace: 1 })), 'dead');
});

test('a process on another host or in another container can not be judged', () => {
  assert.equal(liveness(named({ host: 'elsewhere' })), 'unknown');
  assert.equal(liveness(named({ host: 'elsewhere', boot: 'f'.repeat(16) })), 'unknown');
  // The same pid is another process there: to take it for dead would let two in.
  assert.equal(liveness(named({ namespace: 1 })), 'unknown');
  assert.equal(liveness(named({ namespace: 1, pid: 2 ** 22 + 1 })), 'unknown');
  // No process has the pid 0, which a token gets whose owner left a repair to the next one.
  assert.equal(liveness(named({ host: 'elsewhere', pid: 0 })), 'dead');
});

test('a malformed name can not be judged', () => {
  for (const name of ['', 'me', 'a.b.c', '.....', 'cron@host', '1234']) {
    assert.equal(liveness(name), 'unknown', name);
  }
});

test('the name of the program does not matter, even with spaces and parentheses', async (t) => {
  if (process.platform !== 'linux') return t.skip('it is in /proc that they stand');
  const child = spawn(process.execPath, [
    '-e',
    "process.title = ') Z 1 (x) 2 3'; console.log(1); setInterval(() => {}, 1e6)",
  ]);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid as number;
  assert.match(readFileSync(`/proc/${pid}/stat`, 'latin1'), /\) Z 1 /);
  assert.equal(liveness(named({ pid, start: startOf(pid) })), 'alive');
});

test('a zombie is dead', async (t) => {
  if (process.platform !== 'linux') return t.skip('made and seen by the means of Linux');
  // The shell's child ends when the shell is no shell any more, and what it then is never asks for it.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => parent.kill('SIGKILL'));
  const [chunk] = (await once(parent.stdout as NonNullable<typeof parent.stdout>, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  await until('it is a zombie', () => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '));
  assert.equal(liveness(named({ pid, start: startOf(pid) })), 'dead');
});

test('the processes of another user are judged as well', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('takes root, to start one as somebody else');
  const { pid } = sleeper(t);
  const printed = await runScript(
    t,
    `import { systemProcesses } from 'lib/file/lock/process-id.js';
    const [host, boot, namespace] = systemProcesses.self().split('.');
    const name = (pid, start) => [host, boot, namespace, pid, start, 'x'].join('.');
    console.log(systemProcesses.liveness(name(${pid}, ${startOf(pid as number)})), systemProcesses.liveness(name(${pid}, 1)));`,
    { uid: 65_534 },
  );
  assert.equal(printed, 'alive dead\n');
});

/*
 * macOS has no /proc, so ps and sysctl are asked there. Here they are asked because nothing of /proc can be read. ps
 * is the real one, and sysctl is one that answers like that of macOS.
 */

const hasPs = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(process.pid)]).status === 0;

const withoutProc = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { readFileSync, readlinkSync } = fs;
for (const [name, real] of Object.entries({ readFileSync, readlinkSync })) {
  fs[name] = (path, ...rest) => real(String(path).startsWith('/proc/') ? '/nowhere' : path, ...rest);
}
syncBuiltinESMExports();
Object.defineProperty(process, 'platform', { value: 'darwin' });
const { systemProcesses } = await import('lib/file/lock/process-id.js');
`;

/** A PATH with a sysctl that prints this, or fails. */
function pathWith(t: TestContext, printed: string | undefined): string {
  const folder = temporaryFolder(t);
  const sysctl = join(folder, 'sysctl');
  writeFileSync(
    sysctl,
    printed === undefined
      ? '#!/bin/sh\nexit 1\n'
      : `#!/bin/sh\n[ "$2" = kern.boottime ] && echo '${printed}'\n`,
  );
  chmodSync(sysctl, 0o755);
  return `${folder}:${process.env.PATH}`;
}

const BOOT_TIME = '{ sec = 1893456000, usec = 123456 } Tue Jan  1 00:00:00 2030';

test('a process is alive while it runs, and dead afterwards, without /proc, whatever the language and time zone', async (t) => {
  if (!hasPs) return t.skip('takes ps');
  const PATH = pathWith(t, BOOT_TIME);
  const { child, said } = startScript(
    t,
    `${withoutProc} console.log('I am ' + systemProcesses.self()); setInterval(() => {}, 1e6);`,
    { env: { PATH, LC_ALL: 'C', TZ: 'Asia/Tokyo' } },
  );
  const name = (await said('I am ')).slice(5);
  const [host, boot, namespace, pid, start = '', random] = name.split('.');
  assert.deepEqual([boot, namespace, pid], ['1893456000', '0', String(child.pid)]);
  assert.match(start, /^[A-Z][a-z]{2}_[A-Z][a-z]{2}_\d+_\d\d_\d\d_\d\d_20\d\d$/);
  const asked = (...names: string[]) =>
    runScript(
      t,
      `${withoutProc}
      const { self, liveness } = systemProcesses;
      console.log(liveness(self()), ...${JSON.stringify(names)}.map((name) => liveness(name)));`,
      { env: { PATH, LC_ALL: 'de_DE.UTF-8', TZ: 'America/New_York' } },
    );
  const another = [host, boot, namespace, pid, 'Thu_Jan_1_00_00_00_1970', random].join('.');
  const earlierBoot = [host, '1893000000', namespace, pid, start, random].join('.');
  assert.equal(await asked(name, another, earlierBoot), 'alive alive dead dead\n');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await asked(name), 'alive dead\n');
});

test('another process can be judged by its start if the time of the boot is unknown', async (t) => {
  if (!hasPs) return t.skip('takes ps');
  const printed = await runScript(
    t,
    `${withoutProc}
    const { self, liveness } = systemProcesses;
    const [host, boot, namespace, pid, start, random] = self().split('.');
    const name = (changed) => Object.values({ host, boot, namespace, pid, start, random, ...changed }).join('.');
    console.log(boot === '', liveness(name({})), liveness(name({ start: 'x' })), liveness(name({ boot: '1' })));`,
    { env: { PATH: pathWith(t, undefined) } },
  );
  assert.equal(printed, 'true alive dead unknown\n');
});

test('a process of which nothing can be read can not be judged', async (t) => {
  const { pid } = sleeper(t);
  const printed = await runScript(
    t,
    `${withoutProc}
    process.env.PATH = '/nowhere';
    const { self, liveness } = systemProcesses;
    const [host, boot, namespace, , , random] = self().split('.');
    const name = (pid) => [host, boot, namespace, pid, 'x', random].join('.');
    console.log(liveness(name(${pid})), liveness(name(0)), liveness(name('x')), liveness(name(2 ** 22 + 1)));`,
  );
  assert.equal(printed, 'unknown dead dead dead\n');
});

test('a worker_thread is an owner of its own, alive while it runs, and dead afterwards', async (t) => {
  if (process.platform !== 'linux') return t.skip('elsewhere a thread has no name of its own');
  // A thread doesn't inherit what translates TypeScript.
  const script = join(temporaryFolder(t), 'thread.mjs');
  buildSync({
    stdin: {
      contents: `import { parentPort } from 'node:worker_threads';
        import { systemProcesses } from './process-id.ts';
        const { self, liveness } = systemProcesses;
        parentPort.on('message', (main) => parentPort.postMessage([self(), liveness(self()), liveness(main)]));`,
      resolveDir: fileURLToPath(new URL('../../../../lib/file/lock', import.meta.url)),
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: script,
  });
  const worker = new Worker(script);
  t.after(() => worker.terminate());
  worker.postMessage(self());
  const [[name, its, mine]] = (await once(worker, 'message')) as [string[]];
  assert.deepEqual([its, mine, liveness(name as string)], ['alive', 'alive', 'alive']);
  await worker.terminate();
  await until('the system has ended the thread', () => liveness(name as string) !== 'alive');
  assert.equal(liveness(name as string), 'dead');
  assert.equal(liveness(self()), 'alive');
});
