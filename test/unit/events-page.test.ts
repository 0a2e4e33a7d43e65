/*
 * docs/events.md and the code tell of the same events, with the same levels and fields.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EVENT_LEVELS, type EventName, type WorkerEvent } from '../../lib/job/worker-event.js';
import { openQueue } from '../../lib/open-queue.js';
import type { Queue } from '../../lib/queue.js';
import type { HandlerEntries } from '../../lib/runner/handler.js';
import { claimed, over } from '../support/claims.js';
import { throws } from '../support/errors.js';
import { root, temporaryFolder } from '../support/folders.js';
import { fileOf, jobId, line } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { deferred } from '../support/waiting.js';

const NAMES = Object.keys(EVENT_LEVELS) as EventName[];

/** The rows of the page: name, level, and the fields with `?` for those that may be missing. */
const documented = new Map(
  [
    ...readFileSync(join(root, 'docs/events.md'), 'utf8').matchAll(
      /^\| `(\w+)` \| (debug|info|warn|error) \| (.*?) ?\| /gm,
    ),
  ].map(([, name = '', level, fields = '']) => [
    name,
    { level, fields: [...fields.matchAll(/`(\w+\??)`/g)].map(([, field]) => field as string) },
  ]),
);

test('the page has each event with its level', () => {
  const onPage = [...documented].map(([name, { level }]) => [name, level]);
  assert.deepEqual(Object.fromEntries(onPage), EVENT_LEVELS);
});

/** Hears everything that a queue tells. */
function hear(queue: Queue): WorkerEvent[] {
  const heard: WorkerEvent[] = [];
  for (const name of NAMES) queue.on(name, (event) => heard.push(event));
  return heard;
}

/** A queue with the clock of the machine. */
function openReal(t: TestContext): Queue {
  const queue = openQueue(join(temporaryFolder(t), 'queue.tsv'));
  t.after(() => queue.close());
  return queue;
}

const quiet = { logger: () => {} };

const fail = (): never => {
  throw new Error('no');
};

/** Scenes that together make every event. */
const SCENES: Readonly<Record<string, (t: TestContext) => Promise<WorkerEvent[]>>> = {
  endings: async (t) => {
    const queue = openReal(t);
    const heard = hear(queue);
    const types = ['good', 'bad', 'later', 'slow', 'long', 'unknown'];
    await queue.enqueueMany(types.map((type) => ({ type })));
    for (const _ of [1, 2]) await queue.add('keyed', null, { dedupeKey: 'a', delay: '1h' });
    await queue.pause('frozen');
    await queue.enqueue('frozen');
    const handlers: Partial<HandlerEntries> = {
      good: (_, { enqueue }) => void enqueue('next', null, { delay: '1h' }),
      bad: { handler: fail, maxAttempts: 1 },
      later: { handler: fail, backoff: ['1h'] },
      slow: (_, { sleep }) => sleep('1h'),
      long: {
        handler: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
        timeout: 5,
      },
      frozen: () => {},
    };
    await queue.processJobs(handlers, { ...quiet, backoff: ['1h'] });
    return heard;
  },
  limits: async (t) => {
    const { queue } = openTest(t);
    const heard = hear(queue);
    await queue.enqueueMany([
      { type: 'a', options: { group: 'x' } },
      { type: 'a', options: { group: 'x' } },
      { type: 'b' },
      { type: 'b' },
    ]);
    const rateLimit = { max: 1, per: '1h' };
    await queue.processJobs(
      {
        a: { handler: () => {}, rateLimit: { ...rateLimit, by: 'group' } },
        b: { handler: () => {}, rateLimit },
      },
      quiet,
    );
    return heard;
  },
  schedules: async (t) => {
    const { queue, clock } = openTest(t);
    const heard = hear(queue);
    const schedules = {
      s: { type: 'slot', every: '1m' },
      over: { type: 'slot', every: '1h', endAt: new Date(clock.now() + 1) },
    };
    const work = () => queue.processJobs({}, { ...quiet, schedules });
    await work();
    await clock.advance(61_000);
    await work();
    await clock.advance(61_000);
    await work();
    return heard;
  },
  'dead workers, the archive': async (t) => {
    const { queue } = over(
      t,
      claimed(1),
      claimed(2, { attempts: 3 }),
      line({ id: jobId(3), status: 'completed', finished_at: 1000 }),
    );
    const heard = hear(queue);
    await queue.processJobs({ email: () => {} }, quiet);
    return heard;
  },
  'cancelled and dropped': async (t) => {
    const file = fileOf(t, line({ id: jobId(1) }), line({ id: jobId(2) }));
    const { queue } = openTest(t, { file });
    const heard = hear(queue);
    const begun = deferred<void>();
    const end = deferred<void>();
    const email = async () => {
      begun.resolve();
      await end.promise;
    };
    const working = queue.processJobs({ email }, { ...quiet, concurrency: 2 });
    await begun.promise;
    await queue.cancelJob(jobId(1));
    await queue.cancelJob(jobId(2));
    await queue.retryJob(jobId(2));
    end.resolve();
    await working;
    return heard;
  },
  shutdown: async (t) => {
    const queue = openReal(t);
    const heard = hear(queue);
    await queue.enqueue('endless');
    const stop = new AbortController();
    const endless = () => {
      stop.abort();
      return new Promise(() => {});
    };
    await queue.processJobs({ endless }, { ...quiet, signal: stop.signal, grace: 10 });
    return heard;
  },
};

test('each event has the fields that the page says, and all are told', async (t) => {
  const scenes = await Promise.all(Object.values(SCENES).map((scene) => scene(t)));
  const heard = scenes.flat();
  assert.deepEqual([...new Set(heard.map(({ event }) => event))].sort(), [...NAMES].sort());
  for (const { event, time, worker, ...fields } of heard) {
    assert.ok(time instanceof Date, event);
    const isOfCall = worker === undefined;
    assert.ok(
      !isOfCall || ['added', 'duplicate', 'archived', 'scheduled', 'warning'].includes(event),
      `${event} has no worker`,
    );
    const { fields: known = [] } = documented.get(event) ?? {};
    for (const field of Object.keys(fields))
      assert.ok(known.includes(field) || known.includes(`${field}?`), `${event} has ${field}`);
    for (const field of known) assert.ok(field.endsWith('?') || field in fields, `${event} has no ${field}`);
  }
});

test('a listener is called until its end, and an unknown name is refused at once', async (t) => {
  const { queue } = openTest(t);
  const heard: unknown[] = [];
  const listener = ({ id }: WorkerEvent) => heard.push(id);
  const off = queue.on('added', listener);
  queue.on('added', () => fail());
  queue.on('added', () => Promise.reject(new Error('no')));
  const twice = queue.on('added', listener);
  const first = await queue.enqueue('a');
  twice();
  const second = await queue.enqueue('a');
  off();
  off();
  await queue.enqueue('a');
  assert.deepEqual(heard, [first, first, second]);
  throws(() => queue.on('aded' as EventName, listener), 'INVALID_ARGUMENT', /the name of an event is "aded"/);
  throws(() => queue.on('added', 1 as never), 'INVALID_ARGUMENT', /listener is 1/);
});

test('an object with functions for levels gets each event at its level, with a text', async (t) => {
  const { queue } = openTest(t);
  const [good, bad] = await queue.enqueueMany([{ type: 'good' }, { type: 'bad' }, { type: 'none' }]);
  const told: [string, string][] = [];
  const at = (level: string) => (event: WorkerEvent, message: string) => {
    assert.equal(EVENT_LEVELS[event.event], level);
    told.push([level, message]);
  };
  const logger = { info: at('info'), warn: at('warn'), error: at('error') };
  await queue.processJobs({ good: () => {}, bad: { handler: fail, maxAttempts: 1 } }, { logger });
  assert.deepEqual(told.sort(), [
    ['error', `job ${bad} (bad) failed: Error: no`],
    ['info', `job ${good} (good) completed`],
    ['warn', 'no handler for jobs of type "none"; they stay pending'],
  ]);
  await queue.enqueue('good');
  await queue.processJobs({ good: () => {} }, { logger: { ...logger, debug: at('debug') } });
  const debug = told
    .filter(([level]) => level === 'debug')
    .map(([, message]) => message.replace(/ [0-9a-f]{16}/, ''));
  assert.deepEqual(debug, ['worker start', 'job (good) claimed', 'job (good) started', 'worker stop']);
});
