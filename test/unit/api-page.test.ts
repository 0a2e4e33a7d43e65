import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tsvq from 'tsvq';
import type {
  EnqueueOptions,
  ErrorCode,
  HandlerContext,
  Job,
  Policy,
  Queue,
  QueueOptions,
  Schedule,
  ScheduleSpec,
  ScheduleTimes,
  Stats,
  Summary,
  WorkerOptions,
} from '../../lib/index.js';
import { DEFAULTS } from '../../lib/job/options.js';
import type { DashboardOptions } from '../../lib/web.js';
import { root } from '../support/folders.js';
import { firstColumn, keys, read, section } from '../support/pages.js';
import { blocks, compile } from '../support/snippets.js';

/* What the README and the API page say of the package is true: examples, names and defaults. */

const readme = read('README.md');
const api = read('docs/api.md');

test('every excerpt of an example in the README and on the API page is in the example, and their other code compiles', () => {
  const files = readdirSync(join(root, 'docs/examples'), { withFileTypes: true });
  const examples = files
    .filter((file) => file.isFile())
    .map(({ name }) => unindented(read(`docs/examples/${name}`)));
  const isExcerpt = (block: string): boolean =>
    examples.some((example) => example.includes(unindented(block)));
  const shown = blocks(readme, 'ts');
  assert.ok(shown.filter(isExcerpt).length >= 3, 'an excerpt is not as it stands in docs/examples');
  const own = [...shown, ...blocks(api, 'ts')].filter((block) => !isExcerpt(block));
  assert.ok(own.length >= 5);
  assert.deepEqual(own.flatMap(compile), []);
});

test('the excerpt of the worker for two queues is in its example', () => {
  const excerpt = blocks(section(read('docs/operations.md'), 'Several queues'), 'js')[0] as string;
  assert.ok(read('docs/examples/two-queues.js').includes(excerpt));
});

const unindented = (text: string): string => text.replace(/^ +/gm, '');

/** The names before the brackets of calls. */
const names = (calls: string[]): string[] => calls.map((call) => call.replace(/\(.*/, ''));

/** What the tables of the API page name, by the heading that they stand under. */
const TABLES: Record<string, string[]> = {
  'Opening a queue': keys<QueueOptions>({
    durability: true,
    retention: true,
    archive: true,
    archiveRetention: true,
    maxPayload: true,
    maxBytes: true,
    minFree: true,
    lockTimeout: true,
    anyFileSystem: true,
    noWorkerAfter: true,
    defaults: true,
    tracing: true,
  }),
  Functions: keys<Omit<Queue, 'file'>>({
    enqueue: true,
    enqueueMany: true,
    add: true,
    addMany: true,
    getJob: true,
    cancelJob: true,
    retryJob: true,
    promoteJob: true,
    dismissJob: true,
    readLog: true,
    waitForJob: true,
    forgetJob: true,
    runInline: true,
    pause: true,
    resume: true,
    paused: true,
    drain: true,
    listJobs: true,
    iterateJobs: true,
    stats: true,
    processJobs: true,
    schedule: true,
    unschedule: true,
    pauseSchedule: true,
    resumeSchedule: true,
    runNow: true,
    listSchedules: true,
    compact: true,
    purge: true,
    close: true,
    abandon: true,
    on: true,
  }),
  'Adding jobs': keys<EnqueueOptions>({
    runAt: true,
    delay: true,
    priority: true,
    maxAttempts: true,
    timeout: true,
    group: true,
    dedupeKey: true,
    dedupe: true,
    onDuplicate: true,
    maxDelay: true,
    meta: true,
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
      schedules: true,
      pingUrl: true,
      outbox: true,
      logger: true,
    }),
    ...keys<HandlerContext>({
      job: true,
      signal: true,
      enqueue: true,
      step: true,
      sleep: true,
      sleepUntil: true,
      progress: true,
      log: true,
    }),
  ],
  'Options of a type': keys<Policy>({
    maxAttempts: true,
    timeout: true,
    backoff: true,
    retryIf: true,
    concurrency: true,
    rateLimit: true,
    schema: true,
    onSuccess: true,
    onFailure: true,
    failureJob: true,
  }),
  'What a worker returns': keys<Summary>({
    claimed: true,
    completed: true,
    retried: true,
    failed: true,
    cancelled: true,
    rescued: true,
    slept: true,
    released: true,
    unhandled: true,
  }),
  'Recurring jobs': [
    ...keys<ScheduleSpec & ScheduleTimes>({
      type: true,
      payload: true,
      cron: true,
      every: true,
      timezone: true,
      catchUp: true,
      catchUpWithin: true,
      overlap: true,
      jitter: true,
      startAt: true,
      endAt: true,
      options: true,
    }),
    ...keys<Schedule>({
      name: true,
      id: true,
      spec: true,
      nextRun: true,
      lastSlot: true,
      lastJob: true,
      skipped: true,
      fired: true,
      paused: true,
    }),
  ],
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
    group: true,
    dedupeKey: true,
    after: true,
    schedule: true,
    dismissed: true,
    meta: true,
    error: true,
    result: true,
    progress: true,
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
    dismissed: true,
    cancelled: true,
    waiting: true,
    types: true,
    lastTick: true,
    unhandled: true,
    crowdedOutAt: true,
    rateLimits: true,
    unreadable: true,
  }),
  'The web page': keys<DashboardOptions>({ access: true, base: true, redact: true, onAction: true }),
  Errors: keys<Record<ErrorCode, true>>({
    INVALID_ARGUMENT: true,
    PAYLOAD_TOO_LARGE: true,
    NO_QUEUE_FILE: true,
    NOT_A_QUEUE: true,
    NEWER_FORMAT: true,
    DETACHED: true,
    NO_ACCESS: true,
    FILE_SYSTEM: true,
    DUPLICATE_JOB: true,
    QUEUE_FULL: true,
    LOCK_TIMEOUT: true,
    DISK_FULL: true,
    WRITE_FAILED: true,
    SYNC_FAILED: true,
    NOT_INSTALLED: true,
    JOB_FAILED: true,
    JOB_CANCELLED: true,
    JOB_NOT_FOUND: true,
    WAIT_TIMEOUT: true,
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

test('the defaults on the API page are those of the code', () => {
  const { durability, retention, maxPayload, lockTimeout, maxAttempts, concurrency, maxWorkers } = DEFAULTS;
  const { archive, archiveRetention, maxBytes, minFree, noWorkerAfter } = DEFAULTS;
  const { timeout, grace, linger, maxTime, backoff, anyFileSystem, maxInterruptions, maxRetryAfter } =
    DEFAULTS;
  const day = 86_400_000;
  const waits = [1, 2, 3].map((attempts) => (backoff.base * backoff.factor ** attempts) / 1000);
  const shown = {
    'Opening a queue': {
      durability: `'${durability}'`,
      retention: `{ ${Object.entries(retention)
        .map(([status, ms]) => `${status}: '${ms / day}d'`)
        .join(', ')} }`,
      archive: String(archive),
      archiveRetention: String(archiveRetention),
      maxPayload: `${maxPayload / 2 ** 20} MiB`,
      maxBytes: `${maxBytes / 2 ** 30} GiB`,
      minFree: String(minFree),
      lockTimeout: `'${lockTimeout / 1000}s'`,
      anyFileSystem: String(anyFileSystem),
      noWorkerAfter: `'${noWorkerAfter / 60_000}m'`,
      defaults: 'none',
      tracing: String(false),
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
      schedules: 'none',
      pingUrl: 'none',
      outbox: 'none',
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
