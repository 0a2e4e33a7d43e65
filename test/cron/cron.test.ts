import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openQueue } from 'tsvq';
import { installed, obstacle, processesOf, run, startCron, temporaryUser } from '../support/cron.js';
import { deferred, until } from '../support/waiting.js';
import { stageTenWays } from './ten-ways.js';

/*
 * The whole way is tested with real parts: a cron daemon runs the line that `queue cron print` prints. The crontab
 * belongs to a user who exists for this test only, and the project is installed as on a server. Both tests share the
 * daemon, because a machine has one.
 */

/** cron wakes once a minute, and may have looked at the crontabs just before this one came. */
const LONG = 150_000;

const daemon = deferred<(() => Promise<void>) | undefined>();
const isRun = deferred();

/** Says that the test can't run here. */
function isObstructed(t: TestContext): boolean {
  const why = obstacle();
  if (why === undefined) return false;
  assert.notEqual(process.env.CI, 'true', `this has to run where everything is tested: ${why}`);
  t.skip(why);
  return true;
}

describe('cron', { concurrency: 2 }, () => {
  test('cron runs a job that was enqueued beforehand', { timeout: LONG + 60_000 }, async (t) => {
    t.after(() => isRun.resolve());
    if (isObstructed(t)) return;

    const project = installed(t);
    const { name, uid, gid } = temporaryUser(t, project);
    run('chown', ['-R', `${uid}:${gid}`, project]);
    const queue = (...args: string[]): string =>
      run(process.execPath, [join(project, 'dist/cli.js'), ...args], { cwd: project, uid, gid });

    const mail = { to: 'ann@example.com', subject: 'From cron', text: 'It works.\n' };
    const id = queue('add', 'send_email', JSON.stringify(mail)).trim();
    const data = join(project, 'data');
    const look = () => openQueue(join(data, 'queue.tsv')).getJob(id);
    assert.equal((await look())?.status, 'pending');

    /** What a command prints that may exit with 1. */
    const attempt = (...args: string[]): string => {
      try {
        return queue(...args);
      } catch (error) {
        return (error as { stdout: string }).stdout;
      }
    };
    // A line of the user's own stays as it is.
    run('crontab', ['-u', name, '-'], { input: '# caf\xe9 \x07\n' });
    assert.match(attempt('cron', 'check'), /no line of your crontab starts the worker/);
    const line = queue('cron', 'install');
    assert.match(line, /^\* \* \* \* \* .+\n$/);
    assert.equal(run('crontab', ['-u', name, '-l']), `# caf\xe9 \x07\n${line}`);
    assert.equal(queue('cron', 'install'), line);
    t.diagnostic(line.trim());
    const changes = watch(data, { signal: AbortSignal.timeout(LONG) });
    await daemon.promise;

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
    // The worker notes the time last of all, so its user and its folder stay until then.
    assert.match(attempt('cron', 'check'), /ok: a cron runs on this machine\nok: a worker looked \S+ ago\n$/);
    assert.equal(queue('cron', 'uninstall'), line);
    assert.equal(run('crontab', ['-u', name, '-l']), '# caf\xe9 \x07\n');
    await until('the worker has ended', () => processesOf(uid).length === 0);
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

  test('ten ways to stop cron or the worker are told by the missing ping or by enqueue', {
    timeout: 330_000,
  }, async (t) => {
    if (isObstructed(t)) return daemon.resolve(undefined);
    // Also if it fails beforehand, because the other test waits for it.
    const stop = await startCron(t);
    daemon.resolve(stop);
    await stageTenWays(t, stop && (() => isRun.promise.then(stop)));
  });
});
