import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { jobId, line, rowsOf, statesOf, writeQueue } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';
import { project } from './app-project.js';
import { fields, records, run, runOn, start } from './cli-process.js';

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

  test('prints the group and the time of the next start of jobs that wait for their rate', async (t) => {
    const { file, module, work } = jobs(t);
    writeQueue(file, ...[1, 2].map((n) => line({ id: jobId(n), type: 'hook', group: 'shop' })));
    const rate = "{ max: 1, per: '1h', by: 'group' }";
    module('h.mjs', `export const hook = { handler: () => {}, rateLimit: ${rate} };`);
    const { stdout } = await work('h.mjs');
    assert.match(stdout, /^rate_limited hook, group shop, next start at 20\d\d-\S+Z$/m);
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

  for (const [form, name, source] of [
    ['named exports', 'h.mjs', 'export const one = ONE; export const two = TWO; export const no = { a: 1 };'],
    ['the default export', 'h.mjs', 'export default { one: ONE, two: TWO };'],
    [
      'handlers of defineHandlers',
      'h.mjs',
      'export const handlers = defineHandlers({ one: ONE, two: TWO });',
    ],
    ['module.exports', 'h.cjs', 'module.exports = { one: ONE, two: TWO };'],
    ['exports', 'h.cjs', 'exports.one = ONE; exports.two = TWO; exports.LIMITS = { a: 1 };'],
  ] as const)
    test(`runs handlers with policies: ${form}`, async (t) => {
      const { file, module, work } = jobs(t, 'one', 'two');
      const two = "{ handler: () => { throw new Error('no'); }, maxAttempts: 1 }";
      const imports = name === 'h.mjs' ? "import { defineHandlers } from 'tsvq';\n" : '';
      module(name, imports + source.replace('ONE', '() => 1').replace('TWO', two));
      const { code, stderr } = await work(name, '--max-attempts', '5');
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(
        rowsOf(file).map(({ type, status, attempts }) => `${type} ${status} ${attempts}`),
        ['one completed 1', 'two failed 1'],
      );
    });

  test('refuses a policy that can not be used: 2', async (t) => {
    const { file, module, work } = jobs(t, 'one');
    module('h.mjs', 'export const one = { handler: () => 1, maxAttemps: 5 };');
    const { code, stderr } = await work('h.mjs');
    assert.equal(code, 2);
    assert.match(stderr, /^queue: handlers\.one\.maxAttemps is 5 \(number\); it must be left out/);
    assert.deepEqual(statesOf(file), [`${jobId(0)} pending`]);
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

  test('prints nothing if no job is due', async (t) => {
    const { module, work } = jobs(t);
    module('h.mjs', 'export const one = () => 1;');
    assert.deepEqual(await work('h.mjs'), { code: 0, signal: null, stdout: '', stderr: '' });
  });

  test('knows the PermanentError that the handlers import, and exits with 0 although jobs failed', async (t) => {
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

  test('says what is wrong with a module that throws something else than an error, or never finishes loading', async (t) => {
    const { cwd, module, work } = jobs(t, 'one');
    module('null.mjs', 'throw null;');
    module('endless.mjs', 'await new Promise(() => {});');
    const thrown = await work('null.mjs');
    assert.deepEqual([thrown.code, thrown.stderr], [1, `queue: ${join(cwd, 'null.mjs')} threw null\n`]);
    const endless = await work('endless.mjs');
    assert.equal(endless.code, 13);
    assert.match(
      endless.stderr,
      /endless\.mjs waits for ever: it awaits something at its top level that never comes$/m,
    );
  });

  test('runs jobs side by side with --concurrency', async (t) => {
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

  test('waits for new jobs with --linger, and ends in order after SIGTERM', async (t) => {
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

  test('goes on if no process reads what it prints', async (t) => {
    const { cwd, file, module } = jobs(t, ...Array.from({ length: 20 }, () => 'one'));
    module('h.mjs', "export const one = () => console.log('one');");
    const { child, ended } = start(t, ['work', 'h.mjs'], { cwd, env: { QUEUE_FILE: file } });
    child.stdout.destroy();
    const { code, signal, stderr } = await ended;
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    assert.ok(statesOf(file).every((state) => state.endsWith(' completed')));
  });

  test('ends at once after a second signal', async (t) => {
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

  test('exits with 2 if an option can not be used', async (t) => {
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

  test('takes --max-attempts, --backoff and --timeout; by default a job survives an outage', async (t) => {
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

  test('runs TypeScript if node can import it', async (t) => {
    const { cwd, file, module } = jobs(t, 'one');
    module('h.ts', 'export const one = (): number => 1;');
    const env = { QUEUE_FILE: file, NODE_OPTIONS: `--import=${import.meta.resolve('tsx')}` };
    const { code, stderr } = await run(t, ['work', 'h.ts'], { cwd, env });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(statesOf(file), [`${jobId(0)} completed`]);
  });
});
