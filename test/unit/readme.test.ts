/* What the pages say is true: their links lead somewhere, their code compiles, their tables are complete. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { COLUMNS } from '../../lib/file/format/columns.js';
import type { EnqueueOptions, Queue, QueueOptions, WorkerOptions } from '../../lib/index.js';
import { DEFAULTS } from '../../lib/job/options.js';
import { root } from '../helpers.js';

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

test('the example of a unit test of handlers compiles', () => {
  const code = blocks(section(read('docs/operations.md'), 'Testing handlers'), 'ts')[0] as string;
  assert.match(code, /'tsvq\/testing'/);
  assert.deepEqual(compile(code), []);
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

  const functions = keys<Omit<Queue, 'file' | 'compact' | 'close' | 'abandon'>>({
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
    maxRetryAfter: true,
    timeout: true,
    concurrency: true,
    linger: true,
    maxTime: true,
    maxInterruptions: true,
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
  const { timeout, grace, linger, maxTime, backoff, anyFileSystem } = DEFAULTS;
  const day = 86_400_000;
  const all = {
    retention: 7 * day,
    lockTimeout: 30_000,
    maxPayload: 2 ** 20,
    durability: 'sync',
    anyFileSystem: false,
  };
  assert.deepEqual(
    { retention, lockTimeout, maxPayload, durability, anyFileSystem } satisfies Required<QueueOptions>,
    all,
  );
  const takes =
    "`durability` (`'sync'`), `retention` (`'7d'`), `maxPayload` (1 MiB), `lockTimeout` (`'30s'`) and `anyFileSystem` (`false`)";
  assert.ok(readme.replace(/\s+/g, ' ').includes(takes));

  const table = section(readme, 'Running jobs');
  const waits = [1, 2, 3].map((attempts) => (backoff.base * backoff.factor ** attempts) / 1000);
  assert.match(table, new RegExp(`\`backoff\` \\| ${waits.join(' s, ')} s, …`));
  assert.match(table, new RegExp(`\`maxAttempts\` \\| ${maxAttempts} `));
  assert.match(table, new RegExp(`\`concurrency\` \\| ${concurrency} `));
  assert.match(table, new RegExp(`\`maxWorkers\` \\| ${maxWorkers} `));
  assert.match(table, new RegExp(`\`maxInterruptions\` \\| ${DEFAULTS.maxInterruptions} `));
  assert.match(table, new RegExp(`\`maxRetryAfter\` \\| \`'${DEFAULTS.maxRetryAfter / day}d'\``));
  assert.match(table, new RegExp(`\`linger\` \\| ${linger} `));
  assert.match(table, new RegExp(`\`timeout\` \\| \`'${timeout / 3_600_000}h'\``));
  assert.match(table, new RegExp(`\`grace\` \\| \`'${grace / 1000}s'\``));
  assert.equal(maxTime, Number.POSITIVE_INFINITY);
});

test('the page on the file lists the columns as they are', () => {
  assert.deepEqual(firstColumn(section(read('docs/file-format.md'), 'Columns')), [...COLUMNS]);
});
