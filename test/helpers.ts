import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FileSystem, systemFs } from '../lib/file/disk/fs.js';
import { COLUMNS, type Column } from '../lib/file/format/columns.js';
import { type Layout, newLayout } from '../lib/file/format/layout.js';
import { type Row, splitRows } from '../lib/file/format/row.js';
import { StoredJob } from '../lib/file/format/stored-job.js';
import { type Processes, systemProcesses } from '../lib/file/lock/process-id.js';
import { Store } from '../lib/file/store.js';
import type { Clock } from '../lib/job/clock.js';
import { type ErrorCode, TsvqError } from '../lib/job/errors.js';
import type { DefaultJobs } from '../lib/job/job.js';
import { type QueueOptions, resolveQueueOptions } from '../lib/job/options.js';
import { overStore, type Queue } from '../lib/queue.js';
// Loaded beforehand, so that a worker's first step, or a first change, takes no time of its own.
import '../lib/file/commit/changes.js';
import '../lib/file/worker/worker.js';

/** What a process needs of the environment; also where to leave the coverage of its code, if that is asked for. */
export const bareEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  // Temporary folders may be in memory, or in the layer of a container.
  QUEUE_ANY_FILE_SYSTEM: '1',
  ...(process.env.NODE_V8_COVERAGE && {
    NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE,
    NODE_OPTIONS: process.env.NODE_OPTIONS,
  }),
};

/** Whether this is the nightly form, which tries all that the normal form takes a sample of. */
export const isThorough: boolean = process.env.DEATHS === 'all';

/** Of all cases so many, spread evenly over them, each time the same ones; in the nightly form, every one. */
export function sampled<Case>(all: readonly Case[], most: number): Case[] {
  const every = isThorough ? 1 : Math.max(1, all.length / most);
  return all.filter((_, i) => Math.floor(i / every) !== Math.floor((i - 1) / every));
}

export const root: string = fileURLToPath(new URL('..', import.meta.url));

/** A folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'tsvq-unit-')));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** How many calls to the disk, and waits for a lock, are under way in the queues of {@link openTest}. */
let busy = 0;

async function counted<T>(work: Promise<T>): Promise<T> {
  busy++;
  try {
    return await work;
  } finally {
    busy--;
  }
}

/** Resolves when the queues of this process have come to rest: all that is left is to wait for time to pass. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 8; quiet++) {
    // A worker that starts imports its machinery, by way of the thread that translates TypeScript: whoever asks it
    // last waits for all that were asked before.
    if (quiet === 4) await import('../lib/file/worker/worker.js');
    await new Promise(setImmediate);
    if (busy > 0) quiet = 0;
  }
}

/** Counts what is under way. */
function watched(fileSystem: FileSystem): FileSystem {
  const { read, write, fdatasync, fsync } = fileSystem;
  return {
    ...fileSystem,
    read: (...args) => counted(read(...args)),
    write: (...args) => counted(write(...args)),
    fdatasync: (...args) => counted(fdatasync(...args)),
    fsync: (...args) => counted(fsync(...args)),
  };
}

/** Resolves as soon as the condition holds: for what no event tells. Fails after a time that nothing here takes. */
export async function until(what: string, condition: () => unknown): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited too long until ${what}`);
    await new Promise(setImmediate);
  }
}

/** Whether the condition comes to hold within a time that is ample; for what a test wants to see fail clearly. */
export async function eventually(condition: () => unknown, ms = 3000): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await new Promise(setImmediate);
  }
  return true;
}

/** A promise and the functions that settle it. */
export interface Deferred<T = void> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  const parts = {} as Deferred<T>;
  parts.promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

// ---- time ----

/** A clock that stands still until it is told to go on. Waiting for a lock takes no time on it, but is counted. */
export class FakeClock implements Clock {
  #now: number;
  #setBy = 0;
  #timers: { at: number; run: () => void }[] = [];

  constructor(now: number = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  readonly now = (): number => this.#now + this.#setBy;

  readonly sleep = async (ms: number): Promise<void> => {
    this.#now += ms;
    await counted(new Promise(setImmediate));
  };

  readonly later = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** The time of day jumps, as when somebody sets the clock; timers don't notice. */
  set(by: number): void {
    this.#setBy += by;
  }

  /** Moves the time on, and calls what falls due on the way, in its order. */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= target).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, target);
  }

  /** Moves the time on step by step, with all that follows from each, until the condition holds. */
  async advanceUntil(what: string, condition: () => unknown, step = 250): Promise<void> {
    await until(what, async () => {
      await settle();
      if (await condition()) return true;
      this.advance(step);
      return false;
    });
  }

  /** Moves the time on, with all that follows on the way. */
  async pass(ms: number, step = 250): Promise<void> {
    const end = this.#now + ms;
    await this.advanceUntil('the time has passed', () => this.#now >= end, step);
  }
}

// ---- a file system that tells what is done to it, and fails on demand ----

/** One call to the file system. */
export interface Call {
  readonly name: keyof FileSystem;
  /** Of the file or directory; for a call on a descriptor, the path that was opened. */
  readonly path: string;
  readonly args: readonly unknown[];
}

/** What to do instead of a call; `real` makes the call after all. */
export type Fault = (call: Call, real: () => unknown) => unknown;

/** The system's own, with all calls recorded, each going through `fault.do` first. */
export function faultyFs(inject?: Fault): {
  fs: FileSystem;
  calls: Call[];
  fault: { do: Fault | undefined };
} {
  const paths = new Map<number, string>();
  const calls: Call[] = [];
  const fault = { do: inject };
  const wrapped = Object.fromEntries(
    (Object.keys(systemFs) as (keyof FileSystem)[]).map((name) => [
      name,
      (...args: unknown[]): unknown => {
        const [first] = args;
        const path = typeof first === 'number' ? (paths.get(first) ?? '') : String(first);
        const call = { name, path, args };
        calls.push(call);
        const real = (): unknown => (systemFs[name] as (...args: unknown[]) => unknown)(...args);
        const result = fault.do === undefined ? real() : fault.do(call, real);
        if (name === 'open') paths.set(result as number, path);
        return result;
      },
    ]),
  );
  return { fs: wrapped as unknown as FileSystem, calls, fault };
}

export const systemError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: injected by the test`), { code });

/** Whether a call appends rows to the queue file: a write in place has a position, and a compaction another path. */
export const isAppend = ({ name, path, args }: Call, file: string): boolean =>
  (name === 'writeSync' || name === 'write') && path === file && args[2] === null;

/** The bytes of a write. */
export const bytesOf = (call: Call): Buffer => call.args[1] as Buffer;

// ---- queues ----

export interface TestOptions extends QueueOptions {
  file?: string;
  clock?: Clock;
  fs?: FileSystem;
  processes?: Processes;
}

export interface TestQueue<Jobs = DefaultJobs> {
  queue: Queue<Jobs>;
  store: Store;
  file: string;
  /** The one that was given, or a {@link FakeClock}. */
  clock: FakeClock;
}

/** A queue over a clock that stands still, in a folder of its own unless a file is named. */
export function openTest<Jobs = DefaultJobs>(t: TestContext, options: TestOptions = {}): TestQueue<Jobs> {
  const { file = join(temporaryFolder(t), 'queue.tsv'), clock = new FakeClock(), ...rest } = options;
  const { fs: fileSystem = systemFs, processes = systemProcesses, ...queueOptions } = rest;
  // Waiting for the lock takes no time on the fake clock, while the disk takes its own.
  queueOptions.lockTimeout ??= '1h';
  // Temporary folders may be in memory, or in the layer of a container.
  queueOptions.anyFileSystem ??= true;
  const store = new Store(file, resolveQueueOptions(queueOptions), {
    clock,
    fs: watched(fileSystem),
    processes,
  });
  const queue = overStore<Jobs>(store);
  t.after(() => queue.close());
  return { queue, store, file, clock: clock as FakeClock };
}

/** The same on a disk that has no room while `disk.isFull` is set. */
export function fullDisk(t: TestContext): TestQueue & { disk: { isFull: boolean } } {
  const disk = { isFull: false };
  const { fs: limited } = faultyFs((call, real) => {
    if (disk.isFull && call.name === 'writeSync') throw systemError('ENOSPC');
    return real();
  });
  return { disk, ...openTest(t, { fs: limited }) };
}

/** Checks that a promise rejects with one of our errors, and what its message says. */
export async function rejects(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...message: (RegExp | string)[]
): Promise<TsvqError> {
  const error = await promise.then(
    (value) => assert.fail(`it resolved, with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  return isError(error, code, ...message);
}

/** The same for what is thrown. */
export function throws(call: () => unknown, code: ErrorCode, ...message: (RegExp | string)[]): TsvqError {
  let error: unknown;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  return isError(error, code, ...message);
}

function isError(error: unknown, code: ErrorCode, ...message: (RegExp | string)[]): TsvqError {
  if (!(error instanceof TsvqError)) {
    throw new assert.AssertionError({ message: 'not a TsvqError', actual: error, expected: code });
  }
  assert.equal(error.code, code, error.message);
  for (const part of message) {
    if (typeof part === 'string') assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
    else assert.match(error.message, part);
  }
  return error;
}

// ---- the file ----

/** The first line of a file that is up to date, without its LF. */
export const COLUMN_NAMES: string = COLUMNS.join('\t');
/** Its first two lines, without the last LF. */
export const HEADER: string = `${COLUMN_NAMES}\n# tsvq format 2`;
/** The header of dbbasic-queue. */
export const NINE: string = COLUMNS.slice(0, 9).join('\t');

/** A line of the file, with its LF: a pending job that is due, but for the fields that are given. */
export function line(
  fields: Partial<Record<Column, string | number>>,
  columns: readonly string[] = COLUMNS,
): string {
  const all: Record<string, string | number> = {
    id: '0000000000000001',
    type: 'email',
    payload: '{}',
    status: 'pending',
    created_at: 1000,
    run_at: 1000,
    attempts: 0,
    priority: 0,
    forgiven: 0,
    version: 1,
    ...fields,
  };
  return `${columns.map((name) => all[name] ?? '').join('\t')}\n`;
}

/** The job in a line. */
export const jobOf = (line: string, layout: Layout = newLayout()): StoredJob =>
  new StoredJob(splitRows(line)[0] as Row, layout);

/** Writes a queue file of these lines. */
export function writeQueue(file: string, ...lines: string[]): void {
  fs.writeFileSync(file, `${HEADER}\n${lines.join('')}`);
}

export const text = (file: string): string => fs.readFileSync(file, 'utf8');

/** Every line but the header and the format's, without LF. */
export const linesOf = (file: string): string[] =>
  text(file)
    .split('\n')
    .slice(1, -1)
    .filter((found, i) => i > 0 || found !== '# tsvq format 2');

/**
 * The rows as `awk -F'\t'` sees them: every line but the header that does not begin with `#`. Written again here,
 * by other means than the library's, since it is what the library is judged by.
 */
export function rowsOf(file: string): Record<string, string>[] {
  const [header = '', ...lines] = text(file).split('\n');
  const names = header.split('\t');
  return lines
    .filter((row) => row !== '' && !row.startsWith('#'))
    .map((row) => Object.fromEntries(row.split('\t').map((field, i) => [names[i] ?? `extra ${i}`, field])));
}

/** `id status` of each row, as {@link rowsOf} sees them. */
export const statesOf = (file: string): string[] => rowsOf(file).map(({ id, status }) => `${id} ${status}`);

/** 16 hex digits. */
export const jobId = (n: number): string => n.toString(16).padStart(16, '0');

// ---- processes ----

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The folder where this code runs: that of scripts/test.js's translation, or {@link root} where tsx translates. */
const translation = fileURLToPath(new URL('.', import.meta.resolve('../package.json')));

/**
 * Starts a script of JavaScript in a process of its own, which ends with the test at the latest. What it imports from
 * 'lib/…' is the library.
 */
export function startScript(
  t: TestContext,
  script: string,
  options: { uid?: number; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): { child: ChildProcess; ended: Promise<Ended>; said: (what: string) => Promise<string> } {
  const { uid, env, timeout = 30_000 } = options;
  // Outside of the queue's folder, where it would count as litter.
  const folder = temporaryFolder(t);
  fs.chmodSync(folder, 0o755);
  const path = join(folder, 'script.mjs');
  fs.writeFileSync(path, script.replaceAll("'lib/", `'${translation}lib/`));
  const translator = translation !== root ? [] : ['--import', import.meta.resolve('tsx')];
  const child = spawn(process.execPath, [...translator, path], {
    cwd: root,
    env: { ...process.env, ...env, ...(uid === undefined ? {} : { HOME: folder }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  t.after(() => child.kill('SIGKILL'));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    clearTimeout(timer);
    return { code, signal, stdout, stderr };
  });
  /** Resolves with the line of stdout that begins so. */
  const said = async (what: string): Promise<string> => {
    const find = (): string | undefined =>
      stdout
        .split('\n')
        .slice(0, -1)
        .find((said) => said.startsWith(what));
    let over = false;
    ended.then(() => {
      over = true;
    });
    while (find() === undefined) {
      assert.ok(!over, `the script ended without saying "${what}": ${stderr}`);
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
    return find() as string;
  };
  return { child, ended, said };
}

/** Runs a script to its end; what it printed. */
export async function runScript(
  t: TestContext,
  script: string,
  options?: Parameters<typeof startScript>[2],
): Promise<string> {
  const { code, signal, stdout, stderr } = await startScript(t, script, options).ended;
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  return stdout;
}

/** Who runs what root must not: file permissions mean nothing to root. */
export const UNPRIVILEGED: number | undefined = process.getuid?.() === 0 ? 65_534 : undefined;
