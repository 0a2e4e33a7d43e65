/* What the pages say is true: their links lead somewhere, their code compiles, their tables are complete. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import * as tsvq from 'tsvq';
import ts from 'typescript';
import type { Cli, CommandModule, GlobalOptions } from '../../lib/cli/cli.js';
import { EXIT } from '../../lib/cli/exit.js';
import { COLUMNS } from '../../lib/file/format/columns.js';
import type {
  EnqueueOptions,
  ErrorCode,
  HandlerContext,
  Job,
  Queue,
  QueueOptions,
  Stats,
  Summary,
  WorkerEvent,
  WorkerOptions,
} from '../../lib/index.js';
import { DEFAULTS } from '../../lib/job/options.js';
import { WORKER_DEFAULTS } from '../../lib/job/settings.js';
import { root } from '../support/folders.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const api = read('docs/api.md');
const cli = read('docs/cli.md');

const COMMANDS = readdirSync(join(root, 'lib/cli/commands'))
  .map((name) => name.replace('.ts', ''))
  .sort();

const PAGES = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The text between a heading and the next, which may be of a lower level. */
function section(page: string, heading: string): string {
  const parts = page.split(/^##+ /m);
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

test('what the README and the API page show of an example stands there, and their other code compiles', () => {
  const examples = readdirSync(join(root, 'docs/examples')).map((name) =>
    unindented(read(`docs/examples/${name}`)),
  );
  const isExcerpt = (block: string): boolean =>
    examples.some((example) => example.includes(unindented(block)));
  const shown = blocks(readme, 'ts');
  assert.ok(shown.filter(isExcerpt).length >= 3, 'an excerpt is not as it stands in docs/examples');
  const own = [...shown, ...blocks(api, 'ts')].filter((block) => !isExcerpt(block));
  assert.ok(own.length >= 5);
  assert.deepEqual(own.flatMap(compile), []);
});

test('the example of a unit test of handlers compiles', () => {
  const code = blocks(section(read('docs/operations.md'), 'Testing handlers'), 'ts')[0] as string;
  assert.match(code, /'tsvq\/testing'/);
  assert.deepEqual(compile(code), []);
});

const unindented = (text: string): string => text.replace(/^ +/gm, '');

/** The files that the examples share, read once. */
const sources = new Map<string, ts.SourceFile | undefined>();

/** Compiles a module as if it lay in docs/examples. @returns what is wrong with it */
function compile(code: string): string[] {
  const file = join(root, 'docs/examples/from-the-readme.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, target) => {
    if (name === file) return ts.createSourceFile(name, code, target);
    if (!sources.has(name)) sources.set(name, getSourceFile(name, target));
    return sources.get(name);
  };
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? code : readFile(name));
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

/** The keys of a type, which the compiler holds to be all of them. */
const keys = <T>(all: Record<keyof T, true>): string[] => Object.keys(all);

/** The names before the brackets of calls. */
const names = (calls: string[]): string[] => calls.map((call) => call.replace(/\(.*/, ''));

/** What the tables of the API page name, by the heading that they stand under. */
const TABLES: Record<string, string[]> = {
  'Opening a queue': keys<QueueOptions>({
    durability: true,
    retention: true,
    maxPayload: true,
    lockTimeout: true,
    anyFileSystem: true,
  }),
  Functions: keys<Omit<Queue, 'file'>>({
    enqueue: true,
    enqueueMany: true,
    getJob: true,
    cancelJob: true,
    retryJob: true,
    listJobs: true,
    iterateJobs: true,
    stats: true,
    processJobs: true,
    compact: true,
    close: true,
    abandon: true,
  }),
  'Adding jobs': keys<EnqueueOptions>({
    runAt: true,
    delay: true,
    priority: true,
    maxAttempts: true,
    timeout: true,
  }),
  'Running jobs': [
    ...keys<WorkerOptions>({
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
    }),
    ...keys<HandlerContext>({ job: true, signal: true, enqueue: true }),
  ],
  'What a worker returns': keys<Summary>({
    claimed: true,
    completed: true,
    retried: true,
    failed: true,
    cancelled: true,
    rescued: true,
    released: true,
    unhandled: true,
  }),
  Events: keys<Record<WorkerEvent['event'], true>>({
    completed: true,
    retried: true,
    failed: true,
    cancelled: true,
    released: true,
    rescued: true,
    dropped: true,
    warning: true,
  }),
  'A job': keys<Job>({
    id: true,
    type: true,
    payload: true,
    status: true,
    createdAt: true,
    runAt: true,
    attempts: true,
    forgiven: true,
    interruptions: true,
    maxAttempts: true,
    timeout: true,
    priority: true,
    error: true,
    result: true,
    lockedBy: true,
    startedAt: true,
    finishedAt: true,
  }),
  Counts: keys<Stats>({
    file: true,
    bytes: true,
    total: true,
    pending: true,
    due: true,
    oldestDueSeconds: true,
    processing: true,
    completed: true,
    failed: true,
    cancelled: true,
    waiting: true,
    types: true,
    lastTick: true,
    unhandled: true,
    unreadable: true,
  }),
  Errors: keys<Record<ErrorCode, true>>({
    INVALID_ARGUMENT: true,
    PAYLOAD_TOO_LARGE: true,
    NO_QUEUE_FILE: true,
    NOT_A_QUEUE: true,
    NEWER_FORMAT: true,
    DETACHED: true,
    NO_ACCESS: true,
    FILE_SYSTEM: true,
    LOCK_TIMEOUT: true,
    DISK_FULL: true,
    WRITE_FAILED: true,
    SYNC_FAILED: true,
    NOT_INSTALLED: true,
    CLOSED: true,
  }),
};

for (const [heading, expected] of Object.entries(TABLES)) {
  test(`the API page names all of "${heading}", and nothing else`, () => {
    assert.deepEqual(names(firstColumn(section(api, heading))), expected);
  });
}

test('the API page names every function and class that the package exports', () => {
  const values = Object.keys(tsvq).filter((name) => !new RegExp(`\\b${name}\\b`).test(api));
  assert.deepEqual(values, []);
});

test('the page on commands has a section for each, and lists it', () => {
  const listed = firstCalls(cli).map((call) => call.split(' ')[1]);
  assert.deepEqual(listed.sort(), COMMANDS);
});

/** The commands in the first column of a table of links. */
const firstCalls = (page: string): string[] =>
  [...page.matchAll(/^\| \[`(queue [^`]+)`\]/gm)].map(([, call]) => call as string);

for (const name of COMMANDS) {
  test(`the page on commands has the options and exit codes of queue ${name}`, async () => {
    const { define } = (await import(`../../lib/cli/commands/${name}.js`)) as CommandModule;
    const command = new Command(name);
    define(command, {} as Cli);
    const text = section(cli, `queue ${name}`);
    assert.deepEqual(
      firstColumn(text),
      command.options.map(({ flags }) => flags),
    );
    assert.match(text, /^Exit codes: /m);
    for (const { defaultValue, flags } of command.options)
      if (defaultValue !== undefined)
        assert.match(text, new RegExp(`^\\| \`${flags}\` \\| \`?${defaultValue}\`? `, 'm'));
  });
}

test('the page on commands has the options of all commands, and all exit codes', () => {
  const text = section(cli, 'For every command');
  const options = firstColumn(text).filter((flags) => flags.startsWith('-'));
  const long = options.map((flags) => /--([\w-]+)/.exec(flags)?.[1]);
  const all = keys<GlobalOptions>({
    file: true,
    json: true,
    plain: true,
    lockTimeout: true,
    anyFileSystem: true,
  });
  const kebab = (name: string): string => name.replace(/[A-Z]/g, '-$&').toLowerCase();
  assert.deepEqual(long, [...all.map(kebab), 'version', 'help']);
  const codes = [...section(cli, 'Exit codes').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(codes, Object.values(EXIT));
});

test('the defaults on the API page are those of the code', () => {
  const { durability, retention, maxPayload, lockTimeout, maxAttempts, concurrency, maxWorkers } = DEFAULTS;
  const { timeout, grace, linger, maxTime, backoff, anyFileSystem, maxInterruptions, maxRetryAfter } =
    DEFAULTS;
  const day = 86_400_000;
  const waits = [1, 2, 3].map((attempts) => (backoff.base * backoff.factor ** attempts) / 1000);
  const shown = {
    'Opening a queue': {
      durability: `'${durability}'`,
      retention: `'${retention / day}d'`,
      maxPayload: `${maxPayload / 2 ** 20} MiB`,
      lockTimeout: `'${lockTimeout / 1000}s'`,
      anyFileSystem: String(anyFileSystem),
    } satisfies Record<keyof QueueOptions, string>,
    'Running jobs': {
      maxAttempts: String(maxAttempts),
      backoff: `${waits.join(' s, ')} s, …`,
      maxRetryAfter: `'${maxRetryAfter / day}d'`,
      timeout: `'${timeout / 3_600_000}h'`,
      concurrency: String(concurrency),
      linger: String(linger),
      maxTime: maxTime === Number.POSITIVE_INFINITY ? 'none' : String(maxTime),
      maxInterruptions: String(maxInterruptions),
      maxWorkers: String(maxWorkers),
      signal: 'none',
      grace: `'${grace / 1000}s'`,
      logger: 'warnings to stderr',
    } satisfies Record<keyof WorkerOptions, string>,
  };
  for (const [heading, defaults] of Object.entries(shown)) {
    const table = section(api, heading);
    for (const [option, value] of Object.entries(defaults)) {
      const cell = new RegExp(`^\\| \`${option}\` \\| (.*?) \\|`, 'm').exec(table)?.[1];
      assert.equal(cell?.replaceAll('`', ''), value, option);
    }
  }
});

test('the defaults of queue work on the page on commands are those of the code', () => {
  const text = section(cli, 'queue work');
  const { maxAttempts, backoff } = WORKER_DEFAULTS;
  const { base, factor, max } = backoff as { base: number; factor: number; max: number };
  assert.match(text, new RegExp(`--max-attempts <number>\` \\| ${maxAttempts} `));
  assert.match(text, new RegExp(`\`${(base * factor) / 1000}s\`, doubled up to \`${max / 3_600_000}h\``));
  assert.match(text, new RegExp(`--timeout <time>\` \\| \`${DEFAULTS.timeout / 3_600_000}h\` `));
  assert.match(text, new RegExp(`--concurrency <number>\` \\| ${DEFAULTS.concurrency} `));
  assert.match(text, new RegExp(`--linger <time>\` \\| ${DEFAULTS.linger} `));
});

test('the figures of the README, and at the top of the benchmarks, are those of the last run', () => {
  const page = read('docs/benchmarks.md');
  const table = page.slice(page.indexOf('<!-- table'), page.indexOf('<!-- /table -->'));
  const top = page.slice(0, page.indexOf('\n|'));
  const figures = `${section(readme, 'Numbers')}${top}`.match(/\d[\d,.]* (?:µs|ms|jobs\/s)/g) ?? [];
  assert.ok(figures.length >= 8);
  assert.deepEqual(
    figures.filter((figure) => !table.includes(` ${figure} `)),
    [],
  );
});

test('every test that a page names is there', () => {
  const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const isThere = (name: string): boolean => tests.some((path) => path.endsWith(name));
  const named = PAGES.flatMap((page) => read(page).match(/[\w/-]+\.test\.ts/g) ?? []);
  assert.ok(named.length >= 20);
  assert.deepEqual(
    named.filter((name) => !isThere(name.replace(/^test\//, ''))),
    [],
  );
});

test('the README has at most 300 lines, and the page on reliability 120', () => {
  const lines = (page: string): number => page.trimEnd().split('\n').length;
  assert.ok(lines(readme) <= 300);
  assert.ok(lines(read('docs/reliability.md')) <= 120);
});

test('the page on the file lists the columns as they are', () => {
  assert.deepEqual(firstColumn(section(read('docs/file-format.md'), 'Columns')), [...COLUMNS]);
});
