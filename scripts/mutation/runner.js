// How Stryker runs the tests: in one process for all mutants, which are switched on and off by their number. A process
// for each mutant and test file would cost a hundred times as much, nearly all of it for starting Node.
//
// `node:test` is exchanged for the few functions of it that the tests use, so that each test can be run by itself, as
// often as there are mutants in the code that it reaches.
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { commonTokens, declareFactoryPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import {
  DryRunStatus,
  determineHitLimitReached,
  MutantRunStatus,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { runTest } from './one-test.js';

/** What the instrumented code goes by. */
globalThis.__stryker__ ??= {};
const stryker = globalThis.__stryker__;

/** In the sandbox, for the next process: a mutant that hangs costs one. */
const TIMES = 'test-times.json';
/** Longer than any test takes, however busy the machine is; five times its own time is added. */
const LIMIT = 5000;
const FOREVER = Number.POSITIVE_INFINITY;

/** One number that the watchdog sees as well. */
function shared(Kind) {
  const number = new Kind(new SharedArrayBuffer(Kind.BYTES_PER_ELEMENT));
  if (Kind === Float64Array) number[0] = FOREVER;
  return number;
}

/** Of every test: its file, its name and its function. */
const tests = new Map();
let loading = '';
let group = '';

function register(name, ...rest) {
  const run = rest.at(-1);
  const { skip, todo } = typeof rest[0] === 'object' ? rest[0] : {};
  if (skip || todo) return;
  const title = `${group}${name}`;
  tests.set(`${loading}: ${title}`, { file: loading, name: title, run });
}

function describe(name, body) {
  const outer = group;
  group += `${name} > `;
  body();
  group = outer;
}

class Runner {
  #folders;
  #end;
  #loaded = false;
  /** How often each test has found a mutant; those come first, as neighbours are often found by the same. */
  #found = new Map();
  /** How long each test took without a mutant. */
  #times = {};
  /** Until when the test that runs has to end, and which mutant it is; see there. */
  #deadline = shared(Float64Array);
  #mutant = shared(Int32Array);

  constructor(options) {
    this.#folders = options.nodeTest.folders;
    this.#end = options.nodeTest.end ?? Number.POSITIVE_INFINITY;
  }

  capabilities() {
    return { reloadEnvironment: false };
  }

  init() {
    const workerData = { deadline: this.#deadline, mutant: this.#mutant };
    new Worker(new URL('watchdog.js', import.meta.url), { workerData, execArgv: [] }).unref();
    // Some tests run code as another user, who must be able to read the copy that is tested.
    chmodSync('.', 0o755);
  }

  async dryRun() {
    const mutantCoverage = { static: {}, perTest: {} };
    stryker.mutantCoverage = mutantCoverage;
    await this.#load();
    const results = [];
    for (const id of tests.keys()) results.push(await this.#run(id));
    this.#times = Object.fromEntries(results.map(({ id, timeSpentMs }) => [id, timeSpentMs]));
    writeFileSync(TIMES, JSON.stringify(this.#times));
    return { status: DryRunStatus.Complete, tests: results, mutantCoverage };
  }

  async mutantRun({ activeMutant, sandboxFileName, testFilter, hitLimit, mutantActivation }) {
    if (Date.now() > this.#end) return { status: MutantRunStatus.Error, errorMessage: 'not tried' };
    if (existsSync(`hangs-${activeMutant.id}`)) return { status: MutantRunStatus.Timeout };
    this.#mutant[0] = Number(activeMutant.id);
    if (mutantActivation === 'static') activate(activeMutant.id);
    await this.#load();
    activate(activeMutant.id);
    stryker.hitCount = hitLimit === undefined ? undefined : 0;
    stryker.hitLimit = hitLimit;
    const results = [];
    try {
      for (const id of this.#choose(testFilter ?? [...tests.keys()], sandboxFileName)) {
        const result = await this.#run(id);
        const reached = determineHitLimitReached(stryker.hitCount, hitLimit);
        if (reached) return toMutantRunResult(reached);
        results.push(result);
        if (result.status !== TestStatus.Failed) continue;
        this.#found.set(id, (this.#found.get(id) ?? 0) + 1);
        break;
      }
    } finally {
      activate(undefined);
    }
    return toMutantRunResult({ status: DryRunStatus.Complete, tests: results });
  }

  /**
   * Without the slowest twentieth of all, which takes two thirds of the time, most of it to start processes. What bears
   * the name of the module stays, and so does all if nothing else reaches it.
   */
  #choose(ids, file) {
    const found = (id) => this.#found.get(id) ?? 0;
    const time = (id) => this.#times[id] ?? 0;
    const times = Object.values(this.#times).sort((a, b) => a - b);
    const slow = times[Math.floor(times.length * 0.95)] ?? FOREVER;
    const own = `${basename(file, '.ts')}.test.ts`;
    const quick = ids.filter((id) => time(id) < slow || basename(tests.get(id).file) === own);
    return (quick.length > 0 ? quick : [...ids]).sort((a, b) => found(b) - found(a) || time(a) - time(b));
  }

  async #run(id) {
    const { file, name, run } = tests.get(id);
    const start = performance.now();
    stryker.currentTestId = id;
    this.#deadline[0] = id in this.#times ? Date.now() + LIMIT + 5 * this.#times[id] : FOREVER;
    const error = await runTest(name, run);
    this.#deadline[0] = FOREVER;
    stryker.currentTestId = undefined;
    return {
      id,
      name,
      fileName: resolve(file),
      timeSpentMs: Math.round(performance.now() - start),
      ...(error === undefined
        ? { status: TestStatus.Success }
        : { status: TestStatus.Failed, failureMessage: String(error?.stack ?? error) }),
    };
  }

  async #load() {
    if (this.#loaded) return;
    this.#loaded = true;
    if (existsSync(TIMES)) this.#times = JSON.parse(readFileSync(TIMES, 'utf8'));
    const nodeTest = createRequire(import.meta.url)('node:test');
    Object.assign(nodeTest, { test: register, it: register, describe });
    for (const folder of this.#folders) {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
        if (!name.endsWith('.test.ts')) continue;
        loading = join(folder, name);
        await import(pathToFileURL(resolve(loading)).href);
      }
    }
    // Who this process is, is found out once: a mutant there needs a process of its own, as one in a constant does.
    const owner = await import(pathToFileURL(resolve('lib/file/lock/process-id.ts')).href);
    owner.systemProcesses.self();
  }
}

/** Processes that a test starts have the same mutant. */
function activate(id) {
  stryker.activeMutant = id;
  if (id === undefined) delete process.env.__STRYKER_ACTIVE_MUTANT__;
  else process.env.__STRYKER_ACTIVE_MUTANT__ = id;
}

const create = (options) => new Runner(options);
create.inject = tokens(commonTokens.options);
export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'node-test', create)];
