import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { root, temporaryFolder } from '../support/folders.js';
import { rowsOf } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';
import { project, runAsCron } from './app-project.js';
import { lines, records, run } from './cli-process.js';

describe('init', { concurrency: 2 }, () => {
  for (const [kind, manifest] of [
    ['a project of ES modules', '{"type": "module"}'],
    ['a project of CommonJS', '{"type": "commonjs"}'],
    ['a project that does not say', '{}'],
  ] as const)
    test(`in ${kind} writes a worker that works`, async (t) => {
      const cwd = project(t, manifest);
      const { code, stdout, stderr } = await run(t, ['init'], { cwd });
      assert.equal(code, 0);
      assert.equal(lines(stdout).length, 1);
      for (const name of ['workers/queue_worker.js', 'workers/handlers/hello.js', 'data/.gitignore']) {
        assert.ok(existsSync(join(cwd, name)), name);
        assert.match(stderr, new RegExp(`^queue: wrote ${name}$`, 'm'));
      }
      const file = join(cwd, 'data/queue.tsv');
      await run(t, ['add', 'hello', '{"name": "Ann"}'], { cwd });
      await run(t, ['add', 'hello'], { cwd });
      await runAsCron(stdout.trim());
      assert.deepEqual(
        rowsOf(file).map(({ status, result }) => [status, result]),
        [
          ['completed', '"Hello, Ann!"'],
          ['completed', '"Hello, world!"'],
        ],
      );
      const events = records(readFileSync(join(cwd, 'data/worker.log'), 'utf8'));
      assert.deepEqual(
        events.map(({ event, type }) => [event, type]),
        [
          ['completed', 'hello'],
          ['completed', 'hello'],
        ],
      );
      assert.equal((await run(t, ['check'], { cwd })).code, 0);
    });

  test('writes from any folder of the project, and never over a file', async (t) => {
    const folder = project(t);
    mkdirSync(join(folder, 'workers/sub'), { recursive: true });
    writeFileSync(join(folder, 'workers/queue_worker.js'), '// mine');
    const { code, stderr } = await run(t, ['init'], { cwd: join(folder, 'workers/sub') });
    assert.equal(code, 0);
    assert.match(stderr, /^queue: kept workers\/queue_worker\.js, which exists already$/m);
    assert.match(stderr, /^queue: wrote workers\/handlers\/hello\.js$/m);
    assert.equal(readFileSync(join(folder, 'workers/queue_worker.js'), 'utf8'), '// mine');
    const handler = readFileSync(join(folder, 'workers/handlers/hello.js'), 'utf8');
    assert.equal((await run(t, ['init'], { cwd: folder })).code, 0);
    assert.equal(readFileSync(join(folder, 'workers/handlers/hello.js'), 'utf8'), handler);
  });

  test('its worker and the command refuse a mistyped switch or path', async (t) => {
    const cwd = project(t, '{"type": "module"}');
    await run(t, ['init'], { cwd });
    await run(t, ['add', 'hello'], { cwd });
    for (const [name, value, code] of [
      ['QUEUE_ANY_FILE_SYSTEM', 'on', 2],
      ['QUEUE_ANY_FILE_SYSTEM', 'yes', 0],
      ['QUEUE_FILE', '"/srv/queue.tsv"', 2],
      ['QUEUE_FILE', ' ', 2],
    ] as const) {
      const env = { ...process.env, [name]: value };
      const worker = spawnSync(process.execPath, ['workers/queue_worker.js'], { cwd, env, encoding: 'utf8' });
      const stats = await run(t, ['stats'], { cwd, env: { [name]: value } });
      assert.deepEqual([worker.status, stats.code], [code, code], `${name}=${value}`);
      for (const { stderr } of [worker, stats])
        assert.match(stderr, code === 0 ? /^$/ : new RegExp(`${name} is`));
    }
  });

  for (const [first, second] of sampled(
    [
      ['SIGTERM', 'SIGINT'],
      ['SIGINT', 'SIGTERM'],
    ] as const,
    1,
  ))
    test(`its worker ends at once with ${second} after ${first}, and soon if nothing follows`, async (t) => {
      const cwd = project(t, '{"type": "module"}');
      await run(t, ['init'], { cwd });
      writeFileSync(
        join(cwd, 'workers/handlers/hello.js'),
        `export const hello = () => (console.log('runs'), new Promise(() => setInterval(() => {}, 1000)));`,
      );
      const working = async (grace: string) => {
        await run(t, ['add', 'hello'], { cwd });
        const worker = spawn(process.execPath, ['workers/queue_worker.js'], {
          cwd,
          env: { ...process.env, QUEUE_GRACE: grace },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        t.after(() => worker.kill('SIGKILL'));
        await once(worker.stdout, 'data');
        return worker;
      };
      const impatient = await working('1h');
      impatient.kill(first);
      // Of two that come before its event loop turns, it sees one.
      const again = setInterval(() => impatient.kill(second), 20);
      assert.deepEqual(await once(impatient, 'exit'), [null, second]);
      clearInterval(again);
      const patient = await working('10ms');
      patient.kill(first);
      // It would stay for ten seconds, if it waited for what the handler has left running.
      assert.deepEqual(await once(patient, 'exit', { signal: AbortSignal.timeout(8_000) }), [0, null]);
    });

  test('keeps the queue out of git', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    await run(t, ['add', 'hello'], { cwd });
    const git = (...args: string[]) => promisify(execFile)('git', args, { cwd });
    await git('init', '-q');
    const { stdout } = await git('status', '--porcelain', '-uall', 'data');
    assert.equal(stdout, '?? data/.gitignore\n');
  });

  test('says so if the package is not installed', async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'package.json'), '{}');
    const { code, stderr } = await run(t, ['init'], { cwd });
    assert.equal(code, 0);
    assert.match(stderr, /^queue: tsvq is not installed in this project yet: npm install tsvq$/m);
  });

  test('exits with 3 outside of a project, and writes nothing', async (t) => {
    const cwd = temporaryFolder(t);
    const { code, stdout, stderr } = await run(t, ['init'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.match(stderr, /no package\.json/);
    assert.equal(existsSync(join(cwd, 'workers')), false);
  });

  test('exits with 1 if package.json is not JSON, and writes nothing', async (t) => {
    const cwd = project(t, '{');
    const { code, stderr } = await run(t, ['init'], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /^queue: .*package\.json can't be read: .*\n$/);
    assert.equal(existsSync(join(cwd, 'workers')), false);
  });
});

test('a project gets the commands queue and tsvq', async (t) => {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.deepEqual(Object.keys(bin).sort(), ['queue', 'tsvq']);
  for (const path of Object.values(bin) as string[]) {
    const child = spawn(join(root, path), ['--version'], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill());
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
  }
});
