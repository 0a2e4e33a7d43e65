/*
 * The suite runs over an engine that can do less: the file queue, which refuses all that an engine may refuse. No
 * check is left out, and a false declaration fails.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type EnqueueOptions,
  type ErrorCode,
  type HandlerEntry,
  type Queue,
  TsvqError,
  type WorkerOptions,
} from 'tsvq';
import { checks, run } from './conformance.js';
import type { Engine } from './engine.js';
import { file } from './file.js';

const refuse = (what: string): never => {
  throw new TsvqError('UNSUPPORTED' as ErrorCode, `the engine has no ${what}`);
};

const LESS: Required<Engine['cannot']> = {
  archive: 'it keeps no archive',
  compaction: 'there is nothing to compact',
  durability: 'the server decides',
  'follow-ups at once': 'they come by an outbox',
  'fractional priority': 'its priorities are whole numbers',
  labels: 'its jobs have no place for them',
  limits: 'its workers know nothing of each other',
  logs: 'its workers write nowhere else',
  'long time limit': 'its leases end after a day',
  maxWorkers: 'it does not know its workers',
  'order over types': 'each type is a queue of its own',
  processes: 'it lives in the memory of one process',
  schedules: 'it has no clock of its own',
  'unique jobs': 'it has no index over keys',
};

/** Refuses the options of a job that an engine may be unable to keep. */
function refuseOptions({ priority = 0, timeout, dedupeKey, meta }: EnqueueOptions): void {
  if (!Number.isInteger(priority)) refuse('priority with a fraction');
  if (timeout === '30d') refuse('time limit of more than a day');
  if (dedupeKey !== undefined) refuse('unique jobs');
  if (meta !== undefined) refuse('labels');
}

const hasLimit = (entry: HandlerEntry | undefined): boolean =>
  typeof entry === 'object' && (entry.concurrency ?? entry.rateLimit) !== undefined;

/** The queue, which refuses what an engine may refuse. */
const limited = (queue: Queue): Queue => ({
  ...queue,
  compact: async () => refuse('compact()'),
  readLog: async () => refuse('logs'),
  getJob: async (id, options) => (options?.archive ? refuse('archive') : queue.getJob(id)),
  enqueue: async (type, payload?: unknown, options: EnqueueOptions = {}) => {
    refuseOptions(options);
    return queue.enqueue(type, payload, options);
  },
  add: async (type, payload?: unknown, options: EnqueueOptions = {}) => {
    refuseOptions(options);
    return queue.add(type, payload, options);
  },
  addMany: async (jobs) => {
    for (const { options = {} } of jobs) refuseOptions(options);
    return queue.addMany(jobs);
  },
  schedule: async () => refuse('schedules'),
  processJobs: async (handlers, options: WorkerOptions = {}) => {
    if (options.schedules !== undefined) refuse('schedules');
    if (Object.values(handlers).some(hasLimit)) refuse('limits');
    return options.maxWorkers === undefined ? queue.processJobs(handlers, options) : refuse('maxWorkers');
  },
});

const less: Engine = {
  name: 'less',
  open: async (t, options) => {
    if (options?.durability !== undefined) refuse('durability');
    return limited(await file.open(t, options));
  },
  reopen: async (t, queue) => limited(await file.reopen(t, queue)),
  address: () => refuse('address'),
  cannot: LESS,
};

const declarable = Object.entries(checks).flatMap(([name, check]) =>
  typeof check === 'function' ? [] : [{ name, check }],
);

test('each capability has a check', () => {
  const needed = new Set(declarable.map(({ check }) => check.needs));
  assert.deepEqual([...needed].sort(), Object.keys(LESS).sort());
});

for (const { name, check } of declarable) {
  test(`an engine without ${check.needs}: ${name}`, (t) => run(t, less, check));

  if ('refused' in check) {
    test(`a declaration that isn't true fails: ${name}`, async (t) => {
      await assert.rejects(run(t, { ...file, cannot: LESS }, check), assert.AssertionError);
    });
    test(`a refusal that isn't declared fails: ${name}`, async (t) => {
      await assert.rejects(run(t, { ...less, cannot: {} }, check), { code: 'UNSUPPORTED' });
    });
  }
}

// @ts-expect-error: nothing in the suite needs this, so it can't be declared.
({ flying: 'it has no wings' }) satisfies Engine['cannot'];
