/* What the pages say is true: their links lead somewhere, their code compiles, their one-liners count right. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { PermanentError } from '../../lib/errors.js';
import type { EnqueueOptions, Queue, QueueOptions, WorkerOptions } from '../../lib/index.js';
import { DEFAULTS } from '../../lib/options.js';
import { COLUMNS } from '../../lib/tsv/columns.js';
import { deferred, openTest, root, temporaryFolder, until } from '../helpers.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');

const PAGES = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The text between a heading and the next. */
function section(page: string, heading: string): string {
  const parts = page.split(/^## /m);
  const found = parts.find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found, `no section "${heading}"`);
  return found;
}

const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code as string,
  );

/** The names in the first column of the tables of a text. */
const firstColumn = (text: string): string[] =>
  [...text.matchAll(/^\| (?:\d+ \| )?`([^`]+)`/gm)].map(([, name]) => name as string);

test('the first 30 lines of the README say what it is, for whom, and what it assumes', () => {
  const beginning = readme.split('\n').slice(0, 30).join('\n');
  for (const words of [
    /job queue/,
    /plain-text file/,
    /cron/,
    /It is for/,
    /How it works/,
    /It assumes/,
    /one machine/,
    /local file system/,
    /Linux or macOS/,
    /Node 20/,
    /second run does no harm/,
  ]) {
    assert.match(beginning, words);
  }
});

test('every link between the pages leads somewhere', () => {
  assert.ok(PAGES.length >= 6);
  for (const page of PAGES) {
    const text = read(page).replace(/^```[\s\S]*?^```/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target as string)) continue;
      const [path, anchor] = (target as string).split('#') as [string, string | undefined];
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      assert.ok(existsSync(file), `${page}: ${target} is not there`);
      if (anchor === undefined) continue;
      assert.ok(
        anchors(readFileSync(file, 'utf8')).includes(anchor),
        `${page}: ${target} has no such heading`,
      );
    }
  }
});

/** The headings of a page, as GitHub makes anchors of them. */
const anchors = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('what the README shows of an example stands there, and its other code compiles', () => {
  const examples = readdirSync(join(root, 'docs/examples')).map((name) =>
    unindented(read(`docs/examples/${name}`)),
  );
  const code = blocks(readme, 'ts');
  const own = code.filter((block) => !examples.some((example) => example.includes(unindented(block))));
  assert.ok(code.length - own.length >= 3, 'an excerpt is not as it stands in docs/examples');
  assert.ok(own.length >= 2);
  assert.deepEqual(own.flatMap(compile), []);
});

const unindented = (text: string): string => text.replace(/^ +/gm, '');

/** Compiles a module as if it lay in docs/examples. @returns what is wrong with it */
function compile(code: string): string[] {
  const file = join(root, 'docs/examples/from-the-readme.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, target) =>
    name === file ? ts.createSourceFile(name, code, target) : getSourceFile(name, target);
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? code : readFile(name));
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('the tables of the README name every option, function and command', () => {
  const keys = <T>(all: Record<keyof T, true>): string[] => Object.keys(all);
  const adding = firstColumn(section(readme, 'Adding jobs'));
  const enqueueOptions = keys<EnqueueOptions>({
    runAt: true,
    delay: true,
    priority: true,
    maxAttempts: true,
    timeout: true,
  });
  assert.deepEqual(adding.slice(0, enqueueOptions.length), enqueueOptions);

  const functions = keys<Omit<Queue, 'file' | 'compact' | 'close'>>({
    enqueue: true,
    enqueueMany: true,
    getJob: true,
    cancelJob: true,
    retryJob: true,
    listJobs: true,
    iterateJobs: true,
    stats: true,
    processJobs: true,
  });
  const named = adding.slice(enqueueOptions.length).map((call) => call.replace(/\(.*/, ''));
  assert.deepEqual(named, functions);

  const workerOptions = keys<WorkerOptions>({
    maxAttempts: true,
    backoff: true,
    timeout: true,
    concurrency: true,
    linger: true,
    maxTime: true,
    maxWorkers: true,
    signal: true,
    grace: true,
    logger: true,
  });
  assert.deepEqual(firstColumn(section(readme, 'Running jobs')), workerOptions);

  const commands = readdirSync(join(root, 'lib/cli/commands')).map((name) => name.replace('.ts', ''));
  const listed = firstColumn(section(readme, 'The command line')).map((call) => call.split(' ')[1]);
  assert.deepEqual(listed.sort(), commands.sort());
});

test('the defaults in the README are those of the code', () => {
  const { durability, retention, maxPayload, lockTimeout, maxAttempts, concurrency, maxWorkers } = DEFAULTS;
  const { timeout, grace, linger, maxTime, backoff } = DEFAULTS;
  const day = 86_400_000;
  const all = { retention: 7 * day, lockTimeout: 30_000, maxPayload: 2 ** 20, durability: 'sync' };
  assert.deepEqual({ retention, lockTimeout, maxPayload, durability } satisfies Required<QueueOptions>, all);
  const takes =
    "`durability` (`'sync'`), `retention` (`'7d'`), `maxPayload` (1 MiB) and `lockTimeout` (`'30s'`)";
  assert.ok(readme.includes(takes));

  const table = section(readme, 'Running jobs');
  const waits = [1, 2, 3].map((attempts) => (backoff.base * backoff.factor ** attempts) / 1000);
  assert.match(table, new RegExp(`\`backoff\` \\| ${waits.join(' s, ')} s, …`));
  assert.match(table, new RegExp(`\`maxAttempts\` \\| ${maxAttempts} `));
  assert.match(table, new RegExp(`\`concurrency\` \\| ${concurrency} `));
  assert.match(table, new RegExp(`\`maxWorkers\` \\| ${maxWorkers} `));
  assert.match(table, new RegExp(`\`linger\` \\| ${linger} `));
  assert.match(table, new RegExp(`\`timeout\` \\| \`'${timeout / 3_600_000}h'\``));
  assert.match(table, new RegExp(`\`grace\` \\| \`'${grace / 1000}s'\``));
  assert.equal(maxTime, Number.POSITIVE_INFINITY);
});

test('the page on the file lists the columns as they are', () => {
  assert.deepEqual(firstColumn(section(read('docs/file-format.md'), 'Columns')), [...COLUMNS]);
});

test('each one-liner of the README tells the truth, also beside rows that were superseded', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'data'));
  const file = join(folder, 'data/queue.tsv');
  const { queue, clock } = openTest(t, { file });
  // Between the commits of a worker: nothing is compacted yet.
  const done = deferred();
  const [cancelled, , broken] = await queue.enqueueMany([
    { type: 'mail', payload: 'pending\tfailed' },
    { type: 'web', payload: { status: 'pending' } },
    { type: 'broken' },
    { type: 'mail', options: { priority: 9 } },
    { type: 'late', options: { delay: '1h' } },
    { type: 'slow', options: { priority: -9 } },
  ]);
  await queue.cancelJob(cancelled as string);
  const running = queue.processJobs(
    {
      mail: () => clock.advance(250),
      web: () => Promise.reject(new Error('pending\tcompleted')),
      broken: () => Promise.reject(new PermanentError('no\nway')),
      slow: () => done.promise,
    },
    { backoff: ['1h'] },
  );
  await until('the worker is at its last job', async () => {
    return (await queue.getJob(broken as string))?.status === 'failed';
  });

  const lines = blocks(section(readme, 'One-liners'), 'sh')[0]?.split('\n') ?? [];
  const run = (comment: string): string[] => {
    const at = lines.findIndex((line) => line.startsWith(`# ${comment}`));
    assert.ok(at >= 0, `no one-liner for "${comment}"`);
    const [command] = lines.splice(at, 2).slice(1) as [string];
    // The clock of this test stands in another year.
    const adapted = command.replace('"$(date +%s)"', String(Math.floor(clock.now() / 1000)));
    const env = { ...process.env, LC_ALL: 'C' };
    return execFileSync('sh', ['-c', adapted], { cwd: folder, env, encoding: 'utf8' })
      .split('\n')
      .slice(0, -1);
  };
  const types = (rows: string[]): string[] => rows.map((row) => row.split('\t')[1] as string).sort();

  assert.deepEqual(types(run('what waits, and what runs')), ['late', 'slow', 'web']);
  assert.deepEqual(run('how many jobs there are in each state').sort(), [
    '1 cancelled',
    '1 completed',
    '1 failed',
    '1 processing',
    '2 pending',
  ]);
  assert.deepEqual(run('how many are due now'), ['0']);
  assert.match(
    run('what has failed, and why').join('|'),
    /^[0-9a-f]{16} broken PermanentError: no\\nway\\n[^|]*$/,
  );
  assert.match(
    run('what failed at first').join('|'),
    /^[0-9a-f]{16} web 1 Error: pending\\tcompleted\\n[^|]*$/,
  );
  assert.deepEqual(run('how many were completed'), ['mail 1 0.25']);
  assert.deepEqual(run('how many jobs there are'), ['6']);
  assert.match(run('the last three changes').at(-1) as string, /^[0-9a-f]{16}\tbroken\tfailed$/);
  assert.deepEqual(
    lines.filter((line) => line !== ''),
    [],
    'a one-liner that is not tried here',
  );
  done.resolve();
  await running;
});
