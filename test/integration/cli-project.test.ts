import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { root, temporaryFolder } from '../support/folders.js';
import { jobId, line, rowsOf, statesOf, writeQueue } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';
import { fields, lines, records, run, runOn, start } from './cli-process.js';

/** Someone's project, in which the package is installed. */
function project(t: TestContext, manifest = '{}', name = 'app'): string {
  const folder = join(temporaryFolder(t), name);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules/tsvq'));
  writeFileSync(join(folder, 'package.json'), manifest);
  return folder;
}

/** What cron makes of a line: it gives the command to sh, from the home folder, with hardly any environment. */
async function runAsCron(line: string): Promise<void> {
  const [, command = ''] = line.match(/^(?:\S+ ){5}(.*)$/) ?? [];
  // A bare % would end the command.
  assert.doesNotMatch(command, /(?<!\\)%/);
  await promisify(execFile)('/bin/sh', ['-c', command.replaceAll('\\%', '%')], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', HOME: '/' },
  });
}

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
    assert.match(stderr, /^queue: is there already, kept: workers\/queue_worker\.js$/m);
    assert.match(stderr, /^queue: wrote workers\/handlers\/hello\.js$/m);
    assert.equal(readFileSync(join(folder, 'workers/queue_worker.js'), 'utf8'), '// mine');
    const handler = readFileSync(join(folder, 'workers/handlers/hello.js'), 'utf8');
    assert.equal((await run(t, ['init'], { cwd: folder })).code, 0);
    assert.equal(readFileSync(join(folder, 'workers/handlers/hello.js'), 'utf8'), handler);
  });

  test('its worker and the command refuse a switch or a path that is a slip', async (t) => {
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
    test(`its worker ends at once with ${second} after ${first}, and soon where nothing follows`, async (t) => {
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

  test('says so where the package is not installed', async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'package.json'), '{}');
    const { code, stderr } = await run(t, ['init'], { cwd });
    assert.equal(code, 0);
    assert.match(stderr, /^queue: tsvq is not installed in this project yet: npm install tsvq$/m);
  });

  test('outside of a project: 3, and writes nothing', async (t) => {
    const cwd = temporaryFolder(t);
    const { code, stdout, stderr } = await run(t, ['init'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.match(stderr, /no package\.json/);
    assert.equal(existsSync(join(cwd, 'workers')), false);
  });

  test('with a package.json that is none: 1, and writes nothing', async (t) => {
    const cwd = project(t, '{');
    const { code, stderr } = await run(t, ['init'], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /^queue: .*package\.json can't be read: .*\n$/);
    assert.equal(existsSync(join(cwd, 'workers')), false);
  });
});

describe('cron print', { concurrency: 2 }, () => {
  test('refuses an address for a file: 2', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    for (const [args, env] of [
      [['--file', 'redis://host'], {}],
      [[], { QUEUE_FILE: 'redis://host' }],
    ] as const) {
      const { code, stdout } = await run(t, ['cron', 'print', ...args], { cwd, env });
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    }
  });

  test('prints a line that works as cron runs it, whatever the path', async (t) => {
    const cwd = project(t, '{}', `100% of Ann's "apps" $HOME`);
    await run(t, ['init'], { cwd });
    await run(t, ['add', 'hello'], { cwd });
    const { code, stdout, stderr } = await run(t, ['cron', 'print'], { cwd: join(cwd, 'workers') });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(
      stdout,
      /^\* \* \* \* \* cd .* && \/\S*node workers\/queue_worker\.js >> data\/worker\.log 2>&1\n$/,
    );
    assert.ok(stdout.includes('100\\% of Ann'));
    await runAsCron(stdout.trim());
    assert.deepEqual(
      rowsOf(join(cwd, 'data/queue.tsv')).map(({ status }) => status),
      ['completed'],
    );
  });

  for (const manifest of ['{}', '{"type": "module"}'])
    test(`names a queue that the worker would not find by itself ${manifest}`, async (t) => {
      const cwd = project(t, manifest);
      await run(t, ['init'], { cwd });
      const file = join(temporaryFolder(t), 'other.tsv');
      writeQueue(file, line({ id: jobId(1), type: 'hello', payload: 'null' }));
      const byOption = await run(t, ['cron', 'print', '--file', file], { cwd });
      const byEnvironment = await run(t, ['cron', 'print'], { cwd, env: { QUEUE_FILE: file } });
      assert.equal(byOption.stdout, byEnvironment.stdout);
      await runAsCron(byOption.stdout.trim());
      assert.deepEqual(statesOf(file), [`${jobId(1)} completed`]);
      assert.ok(existsSync(join(file, '../worker.log')));
    });

  test('names the folder as the shell does: behind a symlink it may be gone with the next release', async (t) => {
    const real = project(t);
    await run(t, ['init'], { cwd: real });
    const current = join(temporaryFolder(t), 'current');
    symlinkSync(real, current);
    const { stdout } = await run(t, ['cron', 'print'], { cwd: real, env: { PWD: current } });
    assert.ok(stdout.includes(`cd ${current} && `), stdout);
    const own = await run(t, ['cron', 'print', '--file', 'data/queue.tsv'], {
      cwd: real,
      env: { PWD: current },
    });
    assert.equal(own.stdout, stdout);
    const within = join(temporaryFolder(t), 'within');
    symlinkSync(join(real, 'workers'), within);
    const inside = await run(t, ['cron', 'print'], { cwd: join(real, 'workers'), env: { PWD: within } });
    assert.ok(inside.stdout.includes(`cd ${real} && `), inside.stdout);
    const elsewhere = await run(t, ['cron', 'print'], { cwd: real, env: { PWD: '/' } });
    assert.ok(elsewhere.stdout.includes(`cd ${real} && `), elsewhere.stdout);
  });

  test('as JSON and as plain', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    const { stdout } = await run(t, ['cron', 'print'], { cwd });
    const [{ line } = {}] = records((await run(t, ['cron', 'print', '--json'], { cwd })).stdout);
    assert.equal(`${line}\n`, stdout);
    assert.equal((await run(t, ['cron', 'print', '--plain'], { cwd })).stdout, stdout);
  });

  test('warns of a folder that is missing, where the log can not be written', async (t) => {
    const cwd = project(t);
    await run(t, ['init'], { cwd });
    const { code, stderr } = await run(t, ['cron', 'print', '--file', 'none/queue.tsv'], { cwd });
    assert.equal(code, 0);
    assert.equal(
      stderr,
      `queue: make the folder ${join(cwd, 'none')} first: without it the log can't be written\n`,
    );
  });

  test('without a worker: 3, with its path', async (t) => {
    const cwd = project(t);
    const { code, stdout, stderr } = await run(t, ['cron', 'print'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.ok(stderr.includes(join(cwd, 'workers/queue_worker.js')));
  });

  test('a path with a line end in it: 2', async (t) => {
    const cwd = project(t, '{}', 'two\nlines');
    await run(t, ['init'], { cwd });
    const { code, stdout } = await run(t, ['cron', 'print'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  });

  test('cron without print explains itself: 2', async (t) => {
    const { code, stderr } = await run(t, ['cron']);
    assert.equal(code, 2);
    assert.match(stderr, /^ {2}print +\w/m);
  });
});

describe('work', { concurrency: 3 }, () => {
  /** A queue of a job of each of these types, a folder for modules, and the command on it. */
  function jobs(t: TestContext, ...types: string[]) {
    const cwd = project(t);
    const file = join(cwd, 'queue.tsv');
    writeQueue(file, ...types.map((type, i) => line({ id: jobId(i), type })));
    const module = (name: string, text: string): void => writeFileSync(join(cwd, name), text);
    const work = (...args: string[]) => run(t, ['work', ...args], { cwd, env: { QUEUE_FILE: file } });
    return { cwd, file, module, work, queue: runOn(t, file) };
  }

  test('runs the named exports, and the default export', async (t) => {
    const { file, module, work } = jobs(t, 'one', 'two', 'three-d');
    module(
      'h.mjs',
      "export const one = () => 1; export function two() { return 2; } export const no = 'none';",
    );
    module('d.mjs', "export default { 'three-d': async () => 3 };");
    const first = await work('h.mjs');
    assert.equal(first.code, 0);
    assert.match(first.stdout, /^completed 0000000000000000 one, attempt 1, \d+ ms$/m);
    assert.match(first.stderr, /no handler for jobs of type "three-d"/);
    assert.deepEqual(await work('d.mjs', '--plain').then(({ stdout }) => fields(stdout)[0]?.slice(1, 5)), [
      ...['completed', jobId(2), 'three-d', '1'],
    ]);
    assert.deepEqual(
      rowsOf(file).map(({ result }) => result),
      ['1', '2', '3'],
    );
  });

  test('runs a table of handlers that has that name', async (t) => {
    const { file, module, work } = jobs(t, 'one', 'two-d');
    module('h.mjs', "export const handlers = { one: () => 1, 'two-d': () => 2 };");
    assert.equal((await work('h.mjs')).code, 0);
    assert.deepEqual(
      rowsOf(file).map(({ result }) => result),
      ['1', '2'],
    );
  });

  test('runs a module of CommonJS', async (t) => {
    const { file, module, work } = jobs(t, 'one');
    module('h.cjs', 'module.exports = { one: () => 1 };');
    const { stdout } = await work('h.cjs', '--json');
    assert.deepEqual(
      records(stdout).map(({ event, id, type }) => [event, id, type]),
      [['completed', jobId(0), 'one']],
    );
    assert.deepEqual(statesOf(file), [`${jobId(0)} completed`]);
  });

  for (const [name, source] of sampled(
    [
      ['handlers', 'exports.LIMIT = 5; exports.handlers = { one: () => 1 };'],
      [
        'a default export, as tsc writes it',
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.LIMIT = 5; exports.default = { one: () => 1 };",
      ],
      [
        'named exports, as tsc writes them',
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.LIMIT = 5; exports.one = () => 1;",
      ],
      [
        'an object with handlers',
        'const handlers = { one: () => 1 }; module.exports = Object.assign({}, { handlers });',
      ],
    ] as const,
    2,
  ))
    test(`runs a module of CommonJS with ${name}`, async (t) => {
      const { file, module, work } = jobs(t, 'one');
      module('h.cjs', source);
      const { code, stderr } = await work('h.cjs');
      assert.deepEqual([code, stderr, statesOf(file)], [0, '', [`${jobId(0)} completed`]]);
    });

  test('says nothing where nothing is due', async (t) => {
    const { module, work } = jobs(t);
    module('h.mjs', 'export const one = () => 1;');
    assert.deepEqual(await work('h.mjs'), { code: 0, signal: null, stdout: '', stderr: '' });
  });

  test('knows the PermanentError that the handlers import; failed jobs are no failure of the command', async (t) => {
    const { file, module, work } = jobs(t, 'one', 'two');
    module(
      'h.mjs',
      `import { PermanentError } from 'tsvq';
       export const one = () => { throw new PermanentError('never'); };
       export const two = () => { throw new Error('not yet'); };`,
    );
    const { code, stdout } = await work('h.mjs');
    assert.equal(code, 0);
    assert.match(stdout, /^failed .* one, attempt 1, \d+ ms: PermanentError: never$/m);
    assert.match(stdout, /^retried .* two, attempt 1, \d+ ms, again at \S+Z: Error: not yet$/m);
    assert.deepEqual(
      rowsOf(file)
        .map(({ status }) => status)
        .sort(),
      ['failed', 'pending'],
    );
  });

  test('says what is wrong with a module that throws no error, or never comes to its end', async (t) => {
    const { cwd, module, work } = jobs(t, 'one');
    module('null.mjs', 'throw null;');
    module('endless.mjs', 'await new Promise(() => {});');
    const thrown = await work('null.mjs');
    assert.deepEqual([thrown.code, thrown.stderr], [1, `queue: ${join(cwd, 'null.mjs')} threw null\n`]);
    const endless = await work('endless.mjs');
    assert.equal(endless.code, 13);
    assert.match(endless.stderr, /endless\.mjs awaits something at its top level that never comes$/m);
  });

  test('--concurrency runs jobs side by side', async (t) => {
    const { file, module, work } = jobs(t, 'meet', 'meet');
    // Each waits for the other to be there.
    module(
      'h.mjs',
      'let come; const both = new Promise((resolve) => { let n = 0; come = () => ++n === 2 && resolve(); });' +
        'export const meet = async () => { come(); await both; };',
    );
    assert.equal((await work('h.mjs', '--concurrency', '2')).code, 0);
    assert.deepEqual(
      statesOf(file).map((state) => state.split(' ')[1]),
      ['completed', 'completed'],
    );
  });

  test('--linger waits for jobs that come, and SIGTERM ends it in order', async (t) => {
    const { cwd, file, module, queue } = jobs(t, 'one');
    module('h.mjs', 'export const one = () => 1;');
    const { child, ended, said } = start(t, ['work', 'h.mjs', '--linger', '1h', '--plain'], {
      cwd,
      env: { QUEUE_FILE: file },
    });
    await said(jobId(0));
    const { stdout: id } = await queue('add', 'one');
    await said(id.trim());
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    assert.equal(code, 0);
    assert.match(stderr, /^queue: SIGTERM: starting no more jobs/);
  });

  test('goes on where nobody reads what it prints', async (t) => {
    const { cwd, file, module } = jobs(t, ...Array.from({ length: 20 }, () => 'one'));
    module('h.mjs', "export const one = () => console.log('one');");
    const { child, ended } = start(t, ['work', 'h.mjs'], { cwd, env: { QUEUE_FILE: file } });
    child.stdout.destroy();
    const { code, signal, stderr } = await ended;
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    assert.ok(statesOf(file).every((state) => state.endsWith(' completed')));
  });

  test('a second signal ends it at once', async (t) => {
    const { cwd, file, module } = jobs(t, 'stuck');
    module(
      'h.mjs',
      "export const stuck = () => { console.log('started'); return new Promise((resolve) => setTimeout(resolve, 600_000)); };",
    );
    const { child, ended, said } = start(t, ['work', 'h.mjs'], { cwd, env: { QUEUE_FILE: file } });
    await said('started');
    child.kill('SIGINT');
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    assert.equal((await ended).signal, 'SIGTERM');
    assert.deepEqual(statesOf(file), [`${jobId(0)} processing`]);
  });

  for (const [what, name, text, code, message] of sampled(
    [
      [
        'a module that is not there: 3',
        'none.mjs',
        undefined,
        3,
        /^queue: there is no module at \/.*none\.mjs\n$/,
      ],
      ['a module that exports no handler: 2', 'h.mjs', 'export const a = 1;', 2, /exports no handlers/],
      [
        'a module that throws: 1, with its stack',
        'h.mjs',
        "throw new Error('boom');",
        1,
        /^queue: Error: boom\n +at .*h\.mjs:1/,
      ],
      ['a module that imports what is not there: 1', 'h.mjs', "import './none.mjs';", 1, /none\.mjs/],
      [
        'a module with a slip in it: 1',
        'h.mjs',
        'export const a = (',
        1,
        /^queue: can't import .*h\.mjs: .*node h\.mjs\n$/,
      ],
      ['a directory: 2', '.', undefined, 2, /^queue: .* is a directory; name the module in it\n$/],
      ['a file that node can not import: 2', 'h.txt', 'hello', 2, /can't import .*h\.txt/],
    ] as const,
    4,
  ))
    test(what, async (t) => {
      const { file, module, work } = jobs(t, 'a');
      if (text !== undefined) module(name, text);
      const { code: actual, stdout, stderr } = await work(name);
      assert.deepEqual({ code: actual, stdout }, { code, stdout: '' });
      assert.match(stderr, message);
      assert.deepEqual(statesOf(file), [`${jobId(0)} pending`]);
    });

  test('options that can not be used: 2', async (t) => {
    const { module, work } = jobs(t, 'one');
    module('h.mjs', 'export const one = () => 1;');
    const { code, stderr } = await work('h.mjs', '--concurrency', 'many');
    assert.equal(code, 2);
    assert.match(stderr, /^queue: --concurrency is "many" .*\n$/);
    for (const [option, value] of sampled(
      [
        ['--linger', 'soon'],
        ['--linger', '55'],
        ['--timeout', '30'],
        ['--backoff', '1m,5'],
        ['--max-attempts', ''],
      ] as const,
      2,
    )) {
      const refused = await work('h.mjs', option, value);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, new RegExp(`^queue: ${option} is `));
    }
  });

  test('--max-attempts, --backoff and --timeout; by default a job survives an outage', async (t) => {
    const { file, module, work } = jobs(t, 'one');
    module(
      'h.mjs',
      `export const one = (_, { signal }) => new Promise((_, no) => {
         const timer = setInterval(() => {}, 99);
         signal.onabort = () => { clearInterval(timer); no(signal.reason); };
       });`,
    );
    const runAt = () => Number(rowsOf(file)[0]?.run_at) - Date.now() / 1000;
    await work('h.mjs', '--timeout', '50ms');
    assert.ok(runAt() > 10 && runAt() <= 33, String(runAt()));
    writeQueue(file, line({ id: jobId(0), type: 'one' }));
    await work('h.mjs', '--timeout', '50ms', '--backoff', '7m,1h');
    assert.ok(runAt() > 400 && runAt() <= 420, String(runAt()));
    writeQueue(file, line({ id: jobId(0), type: 'one' }));
    await work('h.mjs', '--timeout', '50ms', '--max-attempts', '1');
    assert.deepEqual(statesOf(file), [`${jobId(0)} failed`]);
  });

  test('runs TypeScript where node can import it', async (t) => {
    const { cwd, file, module } = jobs(t, 'one');
    module('h.ts', 'export const one = (): number => 1;');
    const env = { QUEUE_FILE: file, NODE_OPTIONS: `--import=${import.meta.resolve('tsx')}` };
    const { code, stderr } = await run(t, ['work', 'h.ts'], { cwd, env });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(statesOf(file), [`${jobId(0)} completed`]);
  });
});

test('what a project installs is the command queue, and tsvq', async (t) => {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.deepEqual(Object.keys(bin).sort(), ['queue', 'tsvq']);
  for (const path of Object.values(bin) as string[]) {
    const child = spawn(join(root, path), ['--version'], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill());
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
  }
});
