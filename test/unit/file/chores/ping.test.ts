import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { WorkerOptions } from '../../../../lib/job/options.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { pinged } from '../../../support/pinged.js';
import { runScript } from '../../../support/processes.js';
import { text } from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';
import { deferred, until } from '../../../support/waiting.js';

const MINUTE = 60_000;

/** A queue with a job that is done, so that there is a file, and what a worker with this address says. */
async function watched(t: TestContext, pingUrl: string, options: TestOptions = {}) {
  const opened = openTest(t, options);
  await opened.queue.enqueue('email', {}, { delay: '1d' });
  const warnings: string[] = [];
  const run = (more: WorkerOptions = {}, handlers = {}) =>
    opened.queue.processJobs(handlers, {
      pingUrl,
      logger: ({ event, message }) => void (event === 'warning' && warnings.push(String(message))),
      ...more,
    });
  return { ...opened, run, warnings };
}

test('a worker pings once in each minute of the clock, over all workers', async (t) => {
  const { url, pings } = await pinged(t);
  const { run, clock, queue, file, warnings } = await watched(t, url());
  await run();
  assert.deepEqual(pings, ['GET /check']);
  assert.equal(text(`${file}.ping`), `${(clock.now() / 1000).toFixed(3)}\n`);
  await run();
  const other = openTest(t, { file, clock });
  await other.queue.processJobs({}, { pingUrl: url('other') });
  assert.deepEqual(pings, ['GET /check']);
  // cron may start the next worker a little earlier in its minute.
  clock.advance(MINUTE - 200);
  await run();
  assert.equal(pings.length, 1, 'the same minute');
  clock.advance(200);
  await run();
  assert.equal(pings.length, 2);
  // A job that fails is no failure of the worker.
  await queue.enqueue('bad', {});
  clock.advance(MINUTE);
  assert.equal((await run({ maxAttempts: 1 }, { bad: () => Promise.reject(new Error('no')) })).failed, 1);
  assert.equal(pings.length, 3);
  clock.set(-3_600_000);
  await run();
  assert.equal(pings.length, 4, 'a clock that was set back');
  assert.deepEqual(warnings, []);
});

test('a worker that is busy or waits pings each minute while its event loop runs', async (t) => {
  const { url, pings } = await pinged(t);
  const { run, clock, queue } = await watched(t, url());
  await queue.enqueue('long', {});
  const end = deferred();
  const working = run({}, { long: () => end.promise });
  await until('it runs', async () => (await queue.stats()).processing === 1);
  assert.equal(pings.length, 0, 'that it began says little');
  for (let minute = 1; minute <= 3; minute++) {
    await clock.pass(MINUTE);
    await until('the ping has come', () => pings.length >= minute);
  }
  assert.ok(pings.length <= 4, 'one in each minute of the clock');
  end.resolve();
  await working;

  const waiting = run({ linger: '4m' });
  await clock.advanceUntil('it has gone', async () => (await Promise.race([waiting, 'stays'])) !== 'stays');
  assert.ok(pings.length >= 6 && pings.length <= 9, String(pings.length));
});

for (const [what, options] of [
  ['a disk without room', { code: 'ENOSPC', shown: /no ping to http:\/\/127\.0\.0\.1:\d+: DISK_FULL$/ }],
  ['a folder that it may not write', { code: 'EACCES', shown: /: NO_ACCESS$/ }],
] as const)
  test(`${what} stops the pings, although nothing is due`, async (t) => {
    const { url, pings } = await pinged(t);
    const { fs, fault } = faultyFs();
    const { run, clock, warnings, file } = await watched(t, url('secret'), { fs });
    fault.do = (call, real) => {
      // What is there can be overwritten on a full disk.
      if (call.path.endsWith('.tmp') && (call.name === 'writeSync' || options.code === 'EACCES')) {
        if (call.name === 'open' || call.name === 'writeSync') throw systemError(options.code);
      }
      return real();
    };
    await run();
    clock.advance(MINUTE);
    await run();
    assert.deepEqual(pings, []);
    for (const warning of warnings) assert.match(warning, options.shown);
    assert.deepEqual(
      readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp')),
      [],
    );
    fault.do = undefined;
    await run();
    assert.equal(pings.length, 1);
  });

test('a missing queue file, and one that may only be read, stop the pings', async (t) => {
  const { url, pings } = await pinged(t);
  const { fs, fault } = faultyFs();
  const { run, file, warnings, queue } = await watched(t, url(), { fs });
  fault.do = (call, real) => {
    const isWrite = call.name === 'open' && call.path === file && (Number(call.args[1]) & 3) !== 0;
    if (isWrite) throw systemError('EACCES');
    return real();
  };
  await queue.close();
  const reader = openTest(t, { file, fs });
  await reader.queue.processJobs(
    {},
    { pingUrl: url(), logger: ({ message }) => void warnings.push(String(message)) },
  );
  assert.match(warnings.join(), /: no permission to write .*queue\.tsv$/);
  fault.do = undefined;
  rmSync(file);
  rmSync(`${file}.ping`);
  await openTest(t, { file }).queue.processJobs(
    {},
    {
      pingUrl: url(),
      logger: ({ message }) => void warnings.push(String(message)),
    },
  );
  assert.match(String(warnings.at(-1)), /: there is no queue file at .*queue\.tsv$/);
  assert.deepEqual(pings, []);
  assert.ok(run);
});

test('a worker that had to leave due jobs to others, or found too little room, does not ping', async (t) => {
  const { url, pings } = await pinged(t);
  const { queue, run, clock, file } = await watched(t, url());
  await queue.enqueueMany([{ type: 'stuck' }, { type: 'stuck' }]);
  const end = deferred();
  const stuck = queue.processJobs({ stuck: () => end.promise }, { maxWorkers: 1 });
  await until('it runs', async () => (await queue.stats()).processing === 1);
  const other = openTest(t, { file, clock });
  await other.queue.processJobs({ stuck: () => {} }, { pingUrl: url(), maxWorkers: 1 });
  assert.deepEqual(pings, []);
  end.resolve();
  await stuck;
  await queue.enqueue('small', {});
  const full = openTest(t, { file, clock, minFree: Number.MAX_SAFE_INTEGER });
  await full.queue.processJobs({ small: () => {} }, { pingUrl: url(), logger: () => {} });
  assert.deepEqual(pings, []);
  clock.advance(2 * MINUTE);
  await run({}, { small: () => {} });
  assert.equal(pings.length, 1);
});

test('a worker whose commits fail does not ping, and one that fails does not either', async (t) => {
  const { url, pings } = await pinged(t);
  const { fs, fault } = faultyFs();
  const { run, clock, queue, file } = await watched(t, url(), { fs });
  await queue.enqueue('job', {});
  const end = deferred();
  const working = run({}, { job: () => end.promise });
  await until('it runs', async () => (await queue.stats()).processing === 1);
  fault.do = (call, real) => {
    if (call.path === file && call.name.startsWith('write')) throw systemError('ENOSPC');
    return real();
  };
  end.resolve();
  let isOver = false;
  working.catch(() => {
    isOver = true;
  });
  await clock.advanceUntil('it gives up', () => isOver);
  assert.deepEqual(pings, []);
});

test('a ping that fails is told once an hour, without its address', async (t) => {
  let status = 500;
  const { url, pings } = await pinged(t, (_, response) => void response.writeHead(status).end());
  const { run, clock, warnings, file } = await watched(t, url('secret').replace('//', '//user:hidden@'));
  const origin = new URL(url()).origin;
  for (let i = 0; i < 59; i++) {
    await run();
    clock.advance(MINUTE);
  }
  assert.equal(pings.length, 59);
  assert.deepEqual(warnings, [`no ping to ${origin}: the answer was 500`]);
  clock.advance(MINUTE);
  await run();
  assert.equal(warnings.length, 2);
  // After a success, the next failure is news.
  status = 204;
  clock.advance(MINUTE);
  await run();
  assert.doesNotMatch(text(`${file}.ping`), /\t/);
  status = 302;
  clock.advance(MINUTE);
  await run();
  assert.equal(
    warnings[2],
    `no ping to ${origin}: the answer was 302, a redirect; give the address that it leads to`,
  );
  assert.equal(warnings.length, 3);
  assert.doesNotMatch(warnings.join(), /secret|hidden|user/);
});

test('a service that is away, or breaks off, fails no run', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { run, warnings, clock, file } = await watched(t, `http://127.0.0.1:${port}/secret`);
  await run();
  assert.deepEqual(warnings, [`no ping to http://127.0.0.1:${port}: ECONNRESET`]);
  server.close();
  await once(server, 'close');
  rmSync(`${file}.ping`);
  clock.advance(MINUTE);
  await run();
  assert.equal(warnings[1], `no ping to http://127.0.0.1:${port}: ECONNREFUSED`);
});

test('a service that never answers is given up', { timeout: 30_000 }, async (t) => {
  const { url } = await pinged(t, () => {});
  const { run, warnings } = await watched(t, url());
  const started = performance.now();
  await run();
  const took = performance.now() - started;
  assert.ok(took > 9_000 && took < 20_000, String(took));
  assert.match(warnings.join(), /: no answer in 10 s$/);
});

test('a worker that was told to stop does not ping', async (t) => {
  const { url, pings } = await pinged(t);
  const { run, queue } = await watched(t, url());
  await run({ signal: AbortSignal.abort(), linger: '1m' });
  const waiting = run({ linger: '1m' });
  await until('it waits', async () => (await queue.stats()).lastTick);
  await queue.close();
  await waiting;
  assert.deepEqual(pings, []);
});

test('a symlink in the place of the stamp is replaced, not followed', async (t) => {
  const { url, pings } = await pinged(t);
  const { run, file } = await watched(t, url());
  writeFileSync(`${file}.ping`, 'soon');
  await run();
  assert.equal(pings.length, 1);
  assert.match(text(`${file}.ping`), /^\d+\.\d{3}\n$/);
  chmodSync(`${file}.ping`, 0o600);
});

test('without an address, a tick loads no code of pings or HTTP, and leaves no stamp', async (t) => {
  const { file, queue } = openTest(t);
  await queue.enqueue('email', {}, { delay: '1d' });
  const loads = (options: string) =>
    runScript(
      t,
      `import { openQueue } from 'lib/index.js';
      const before = new Set(process.moduleLoadList);
      await openQueue(${JSON.stringify(file)}, { anyFileSystem: true }).processJobs({}, ${options});
      console.log(process.moduleLoadList.filter((name) => !before.has(name) && /http/.test(name)).length > 0);`,
    );
  assert.equal(await loads('{}'), 'false\n');
  assert.equal(existsSync(`${file}.ping`), false);
  const { url, pings } = await pinged(t);
  assert.equal(await loads(`{ pingUrl: '${url()}' }`), 'true\n');
  assert.equal(pings.length, 1);
});
