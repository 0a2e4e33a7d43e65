import assert from 'node:assert/strict';
import { appendFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NoWorkerLook } from '../../../../lib/file/operations/no-worker.js';
import { Store } from '../../../../lib/file/store.js';
import type { NoWorkerWarning } from '../../../../lib/job/no-worker-warning.js';
import { resolveQueueOptions } from '../../../../lib/job/queue-options.js';
import { overStore } from '../../../../lib/open-queue.js';
import { throws } from '../../../support/errors.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { startScript } from '../../../support/processes.js';
import { jobId, line } from '../../../support/queue-file.js';
import { openTest, type TestOptions } from '../../../support/queues.js';
import { until } from '../../../support/waiting.js';

const MINUTE = 60_000;

/** A queue, and a look at it on a machine that has been up for a month. */
function looked(t: TestContext, options: TestOptions = {}) {
  const opened = openTest(t, options);
  const { clock, file } = opened;
  // That of the queue above looks never, so that each look is the test's.
  const { store } = openTest(t, { ...options, file, clock, noWorkerAfter: '10m' });
  const start = clock.now();
  const machine = { upFor: 30 * 24 * 60 * MINUTE, suspended: 0, setBy: 0 };
  /** The clock's timers go on with the time that the machine is awake. */
  let set = 0;
  const uptime = {
    awake: () => machine.upFor + clock.now() - set - start - machine.suspended,
    skipped: () => machine.suspended + Math.max(0, set),
  };
  const look = (): NoWorkerLook => new NoWorkerLook(store, uptime);
  return {
    ...opened,
    machine,
    look,
    /** Another worker has looked so long ago. */
    tick: (ago: number): void =>
      writeFileSync(`${file}.tick`, `${((clock.now() - ago) / 1000).toFixed(3)}\n`),
    setClock: (by: number): void => {
      set += by;
      clock.set(by);
    },
    suspend: (ms: number): void => {
      machine.suspended += ms;
      clock.advance(ms);
    },
  };
}

test('a look warns if no worker has looked for ten minutes although jobs were due', async (t) => {
  const { queue, clock, tick, look, file } = looked(t);
  await queue.enqueueMany([
    { type: 'email' },
    { type: 'email' },
    { type: 'later', options: { delay: '2h' } },
  ]);
  clock.advance(9 * MINUTE);
  tick(20 * MINUTE);
  const here = look();
  assert.equal(await here.run(), undefined, 'the jobs are younger');
  clock.advance(MINUTE);
  const warning = (await here.run()) as NoWorkerWarning;
  assert.deepEqual(warning, {
    message:
      `no worker has looked at ${file} for 21 min, since 2029-12-31T23:49:00Z; 2 jobs are due, the oldest for 10 min. ` +
      'Cron or the worker has stopped, or works on another file: see queue status and the log of the worker; ' +
      'queue cron check says if cron starts it',
    file,
    lastTick: new Date(clock.now() - 21 * MINUTE),
    due: 2,
    oldestDue: 10 * MINUTE,
  });
  clock.advance(MINUTE);
  assert.equal(await here.run(), undefined, 'once');
  assert.equal(await look().run(), undefined, 'once in a process');
  tick(0);
  assert.equal(await here.run(), undefined);
  clock.advance(11 * MINUTE);
  assert.equal((await here.run())?.due, 2, 'the worker had been back');
});

test('no worker ever, and a short-lived process that looks once', async (t) => {
  const { queue, clock, look, file } = looked(t);
  assert.equal(await look().run(), undefined, 'there is no file');
  await queue.enqueue('email');
  assert.equal(await look().run(), undefined, "cron's first minute");
  clock.advance(10 * MINUTE);
  const warning = await look().run();
  assert.ok(
    warning?.message.startsWith(`no worker has ever looked at ${file}; 1 job is due, the oldest for 10 min.`),
  );
  assert.equal(warning?.lastTick, undefined);
});

test('jobs that wait for their time, for other jobs, or in a pause are no reason; nor those that are done', async (t) => {
  const { queue, clock, tick, look } = looked(t);
  await queue.enqueue('email', null, { delay: '1d' });
  const done = await queue.enqueue('email');
  await queue.processJobs({ email: () => {} });
  assert.equal((await queue.getJob(done))?.status, 'completed');
  await queue.enqueueMany([{ type: 'stopped' }, { type: 'other' }]);
  await queue.pause('stopped');
  await queue.cancelJob((await queue.listJobs({ type: 'other' }))[0]?.id as string);
  clock.advance(60 * MINUTE);
  tick(60 * MINUTE);
  assert.equal(await look().run(), undefined);
  await queue.resume('stopped');
  assert.equal((await look().run())?.due, 1);
});

test('superseded rows that were not struck are not counted', async (t) => {
  const { queue, clock, tick, look, file } = looked(t);
  await queue.enqueue('email');
  const then = clock.now() / 1000;
  const rows = [
    { id: jobId(1), version: 1 },
    { id: jobId(1), version: 3, run_at: then + 7200 },
    { id: jobId(2), version: 1 },
    { id: jobId(2), version: 3 },
    { id: jobId(3), version: 1 },
    { id: jobId(3), version: 3, status: 'completed' },
  ] as const;
  for (const row of rows) appendFileSync(file, line({ created_at: then, run_at: then, ...row }));
  clock.advance(60 * MINUTE);
  tick(60 * MINUTE);
  assert.equal((await look().run())?.due, 2);
});

test('no warning after a reboot, and one ten minutes later', async (t) => {
  const { queue, clock, tick, look, machine } = looked(t);
  await queue.enqueue('email');
  clock.advance(8 * 60 * MINUTE);
  tick(8 * 60 * MINUTE);
  machine.upFor = MINUTE - 8 * 60 * MINUTE;
  assert.equal(await look().run(), undefined);
  clock.advance(9 * MINUTE);
  assert.ok(await look().run());
});

test('no warning after a suspend, and one when ten minutes awake have shown the silence', async (t) => {
  const { queue, clock, tick, look, suspend } = looked(t);
  await queue.enqueue('email');
  tick(0);
  suspend(8 * 60 * MINUTE);
  const here = look();
  assert.equal(await here.run(), undefined);
  assert.equal(await look().run(), undefined);
  clock.advance(9 * MINUTE);
  assert.equal(await here.run(), undefined);
  clock.advance(MINUTE);
  assert.ok(await here.run());
});

for (const hours of [-3, 3])
  test(`a clock that is set by ${hours} h causes no warning, and hides no silence`, async (t) => {
    const { queue, clock, tick, look, setClock } = looked(t);
    await queue.enqueue('email');
    tick(0);
    setClock(hours * 60 * MINUTE);
    await queue.enqueue('email');
    const here = look();
    assert.equal(await here.run(), undefined);
    clock.advance(9 * MINUTE);
    assert.equal(await here.run(), undefined);
    clock.advance(2 * MINUTE);
    assert.ok(await here.run());
  });

test('a job that was added with a time long past is not late yet', async (t) => {
  const { queue, look, clock } = looked(t);
  await queue.enqueue('email', null, { runAt: new Date(clock.now() - 24 * 60 * MINUTE) });
  assert.equal(await look().run(), undefined);
  clock.advance(10 * MINUTE);
  assert.equal((await look().run())?.oldestDue, 10 * MINUTE);
});

test('enqueue looks at most once a minute, never fails of it, and the first time with one call to the system', async (t) => {
  const { fs, calls, fault } = faultyFs();
  const { queue, file, clock } = openTest(t, { fs, noWorkerAfter: '10m' });
  await queue.enqueue('email');
  const looks = () => calls.filter(({ path }) => path === `${file}.tick`).map(({ name }) => name);
  await until('it has looked closer, as there is no heartbeat', () => looks().length === 2);
  for (let i = 0; i < 20; i++) await queue.enqueue('email');
  assert.equal(looks().length, 2);

  const other = openTest(t, { file, fs, clock, noWorkerAfter: '10m' });
  writeFileSync(`${file}.tick`, '1\n');
  utimesSync(`${file}.tick`, clock.now() / 1000, clock.now() / 1000);
  calls.length = 0;
  await other.queue.enqueue('email');
  await other.queue.close();
  assert.deepEqual(looks(), ['stat']);

  fault.do = (call, real) => {
    if (call.path === `${file}.tick`) throw systemError('EIO');
    return real();
  };
  const third = openTest(t, { file, fs, clock, noWorkerAfter: '10m' });
  assert.ok(await third.queue.enqueue('email'));
  await third.queue.close();
});

test('enqueue tells it where the process is told to, and never with noWorkerAfter: false, 0 or Infinity', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const old = Date.now() / 1000 - 3600;
  const told: NoWorkerWarning[] = [];
  const open = (noWorkerAfter?: number | false) => {
    const store = new Store(file, resolveQueueOptions({ anyFileSystem: true, noWorkerAfter }));
    return overStore(store, (warning) => void told.push(warning));
  };
  const first = open(false);
  await first.enqueue('email');
  await first.close();
  writeFileSync(`${file}.tick`, `${old}\n`);
  utimesSync(`${file}.tick`, old, old);
  for (const never of [false, 0, Number.POSITIVE_INFINITY] as const) {
    const queue = open(never);
    await queue.enqueue('email');
    await queue.close();
  }
  assert.equal(told.length, 0);
  const queue = open(1);
  await until('the job is due for a ms', async () => (await queue.stats()).oldestDueSeconds > 0.002);
  await queue.enqueue('email');
  await queue.close();
  assert.equal(told.length, 1);
  throws(() => resolveQueueOptions({ noWorkerAfter: 'soon' }), 'INVALID_ARGUMENT', 'noWorkerAfter is "soon"');
});

for (const [what, env, script, stderr] of [
  [
    'a web app sees it on stderr',
    {},
    '',
    /^\(node:\d+\) \[TSVQ_NO_WORKER\] TsvqWarning: no worker has looked at /,
  ],
  ['even with NODE_NO_WARNINGS', { NODE_NO_WARNINGS: '1' }, '', /^tsvq: no worker has looked at /],
  [
    'or logs it in its own way',
    { NODE_NO_WARNINGS: '1' },
    "process.on('warning', ({ name, code }) => process.stderr.write(name + ' ' + code));",
    /^TsvqWarning TSVQ_NO_WORKER$/,
  ],
] as const)
  test(`${what}, once, and no timer keeps the process`, async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const { ended } = startScript(
      t,
      `import { openQueue } from 'lib/index.js';
      import { setTimeout as sleep } from 'node:timers/promises';
      import * as fs from 'node:fs';
      ${script}
      const queue = openQueue(${JSON.stringify(file)}, { anyFileSystem: true, noWorkerAfter: 40 });
      fs.writeFileSync(${JSON.stringify(`${file}.tick`)}, '1\\n');
      fs.utimesSync(${JSON.stringify(`${file}.tick`)}, 1, 1);
      for (let i = 0; i < 10; i++) {
        await queue.enqueue('email');
        await sleep(20);
      }`,
      { env },
    );
    const { code, stderr: said } = await ended;
    assert.equal(code, 0);
    assert.match(said, stderr);
    assert.equal(said.match(/no worker has looked|TSVQ_NO_WORKER$/g)?.length, 1, said);
    rmSync(file);
  });
