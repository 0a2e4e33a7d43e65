/*
 * A worker runs each job once, whatever happens to its log.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import { temporaryFolder } from '../support/folders.js';
import { runScript } from '../support/processes.js';
import { openTest } from '../support/queues.js';
import { isThorough } from '../support/samples.js';
import { projectOf, WORKERS } from './every-worker.js';

/** A handler that logs much. It waits between lines, so that the log breaks in the middle of a job. */
const TALKATIVE = `async (payload, { job }) => {
  const { appendFileSync } = await import('node:fs');
  appendFileSync('data/runs', job.id + '\\n');
  for (let i = 0; i < 3; i++) {
    console.log('some', job.id); console.log('more', job.id);
    console.error('some', job.id); console.error('more', job.id);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}`;

const BROKEN = {
  'stdout piped into head -1': '"$@" | head -n 1; exit $PIPESTATUS',
  'stderr piped into head -1': '"$@" 2>&1 >/dev/null | head -n 1; exit $PIPESTATUS',
  'a pipe whose readers have gone': '"$@" > >(exec true) 2> >(exec true)',
  'a full disk for stdout': '"$@" > /dev/full',
  'a full disk for both': '"$@" > /dev/full 2>&1',
  'both closed': '"$@" >&- 2>&-',
};

// In the nightly form each worker gets every kind of log; otherwise each worker gets every third kind.
for (const [n, name] of Object.keys(WORKERS).entries())
  describe(name, { concurrency: 2 }, () => {
    for (const [what, how] of Object.entries(BROKEN).filter((_, i) => isThorough || (n + i) % 3 === 0))
      test(`with ${what} runs nine jobs, each once`, {
        skip: how.includes('/dev/full') && !existsSync('/dev/full'),
      }, async (t) => {
        const { file, queue, type, run } = projectOf(t, name, TALKATIVE);
        const ids = await queue.enqueueMany(Array.from({ length: 9 }, () => ({ type })));
        const { code } = await run(how);
        const jobs = await queue.listJobs();
        assert.deepEqual(
          jobs.map(({ status, attempts }) => [status, attempts]),
          ids.map(() => ['completed', 1]),
        );
        assert.deepEqual(
          readFileSync(join(file, '../runs'), 'utf8').trim().split('\n').sort(),
          [...ids].sort(),
        );
        // `queue work` exits with 1 on a full stdout, as every command does.
        assert.equal(code, name === 'queue work' && what.startsWith('a full disk') ? 1 : 0);
      });
  });

for (const how of ['> /dev/full 2>&1', '>&- 2>&-', '2> >(exec true)'])
  test(`the default logger does no harm with ${how}`, { skip: !existsSync('/dev/full') }, async (t) => {
    const folder = temporaryFolder(t);
    // Each run warns of three types without a handler: a, b and c.
    const printed = await runScript(
      t,
      `import { spawnSync } from 'node:child_process';
      const script = \`
        import { openQueue } from 'tsvq';
        const queue = openQueue('\${${JSON.stringify(folder)}}/queue.tsv');
        await queue.enqueueMany([{ type: 'a' }, { type: 'b' }, { type: 'c' }, { type: 'job' }]);
        for (let i = 0; i < 3; i++) {
          await queue.processJobs({ job: () => 1 });
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        const { completed, pending } = await queue.stats();
        process.exitCode = completed === 1 && pending === 3 ? 0 : 5;\`;
      const { status } = spawnSync('/bin/bash', ['-c', '"$@" ${how}', 'sh', process.execPath, '--input-type=module', '-e', script]);
      console.log(status);`,
    );
    assert.equal(printed, '0\n');
  });

test('a logger that throws, rejects, or is not an ordinary function harms no job', async (t) => {
  const { queue } = openTest(t);
  const loggers: ((event: object) => unknown)[] = [
    () => {
      throw null;
    },
    () => Promise.reject(new Error('no log')),
    async () => {
      throw undefined;
    },
    () =>
      Object.defineProperty({}, 'then', {
        get() {
          throw new Error('a getter');
        },
      }),
    () => vm.runInNewContext('Promise.reject(1)'),
    // biome-ignore lint/suspicious/noThenProperty: it is what is tried.
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('no promise')) }),
    () =>
      Object.defineProperty(Promise.reject(new Error('x')), 'catch', {
        get() {
          throw new Error('a getter');
        },
      }),
    new Proxy(() => {}, {
      apply() {
        throw new Error('a trap');
      },
    }),
  ];
  for (const logger of loggers) {
    const id = await queue.enqueue('job');
    await queue.processJobs({ job: () => 1 }, { logger: logger as () => void });
    await new Promise(setImmediate);
    assert.equal((await queue.getJob(id))?.status, 'completed');
  }
});
