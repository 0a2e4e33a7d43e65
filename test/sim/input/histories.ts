import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import fc from 'fast-check';
import type { HandlerContext } from '../../../lib/index.js';
import { PermanentError, RetryAfterError } from '../../../lib/job/errors.js';
import { JOB_STATUSES, type Job, STATUSES, type Status } from '../../../lib/job/job.js';
import type { EnqueueOptions, ListOptions } from '../../../lib/job/job-options.js';
import type { Queue } from '../../../lib/queue.js';
import { rejects } from '../../support/errors.js';
import { FakeClock } from '../../support/fake-clock.js';
import { openTest } from '../../support/queues.js';
import { type Bench, onBench } from './bench.js';
import { ASKED, isFinal, type ModelJob, ModelQueue, type Plan, planOf, WAIT } from './model-queue.js';
import { readByRule } from './oracle.js';

/*
 * Operations come in any order, from three handles on one file. What each returns, and what all of them see
 * afterwards, must be what the model says.
 */

const TYPES = ['a', 'b', '__proto__', 'größe b'];

/** The queue itself: three handles, a clock, and what the handlers saw. */
class Real {
  readonly clock = new FakeClock();
  readonly bench: Bench;
  readonly #handles: Queue[];

  constructor(bench: Bench) {
    this.bench = bench;
    this.#handles = [0, 1, 2].map((n) => this.#open(n));
  }

  #open(n: number): Queue {
    const { t, file, fs } = this.bench;
    return openTest(t, { file, fs, clock: this.clock, durability: n === 2 ? 'os' : 'sync' }).queue;
  }

  handle(n: number): Queue {
    return this.#handles[n] as Queue;
  }

  async reopen(n: number): Promise<void> {
    const old = this.handle(n);
    await old.close();
    for (const call of [
      () => old.enqueue('a'),
      () => old.getJob('x'),
      () => old.stats(),
      () => old.compact(),
    ])
      await rejects(call(), 'CLOSED');
    this.#handles[n] = this.#open(n);
  }
}

type Command = fc.AsyncCommand<ModelQueue, Real>;

/** A command as fast-check wants it, from what it does; its text is what a failure prints. */
const command = (text: string, run: (model: ModelQueue, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run: async (model, real) => {
    await run(model, real);
    await agree(model, real);
  },
  toString: () => text,
});

const say = (what: string, ...rest: unknown[]): string =>
  `${what}(${rest.map((one) => JSON.stringify(one)).join(', ')})`;

/** What of a job has to be as the model has it. */
const shape = (job: Job): unknown[] => [
  job.type,
  job.status,
  job.attempts,
  job.forgiven,
  job.maxAttempts,
  job.timeout,
  job.priority,
  job.runAt.getTime(),
  job.createdAt.getTime(),
  job.startedAt?.getTime(),
  job.finishedAt?.getTime(),
  job.result,
  job.error?.split('\n')[0] ?? '',
];

const modelShape = (job: ModelJob): unknown[] => [
  job.type,
  job.status,
  job.attempts,
  job.forgiven,
  job.maxAttempts,
  job.timeout,
  job.priority,
  job.runAt,
  job.createdAt,
  job.startedAt,
  job.finishedAt,
  job.result,
  job.error ?? '',
];

/** Every handle sees what the model says. */
async function agree(model: ModelQueue, real: Real): Promise<void> {
  for (const n of [0, 1, 2]) {
    const queue = real.handle(n);
    const listed = await queue.listJobs();
    assert.equal(new Set(listed.map(({ id }) => id)).size, listed.length, 'no job twice');
    for (const job of listed) {
      const known = model.jobs.get(job.id);
      assert.ok(known, `nobody enqueued ${job.id}`);
      assert.deepEqual(shape(job), modelShape(known), job.id);
    }
    const ids = new Set(listed.map(({ id }) => id));
    for (const [id, job] of model.jobs) {
      if (ids.has(id)) continue;
      assert.ok(model.isPast(job), `${id} is gone`);
      assert.equal(await queue.getJob(id), undefined);
      const archived = await queue.getJob(id, { archive: true });
      assert.deepEqual(archived && shape(archived), modelShape(job), `${id} in the archive`);
    }
    const stats = await queue.stats();
    const waiting = listed.filter(
      ({ status, runAt }) => status === 'pending' && runAt.getTime() <= model.now,
    );
    assert.deepEqual([stats.total, stats.due], [listed.length, waiting.length]);
    for (const status of JOB_STATUSES as Exclude<Status, 'recurring'>[])
      assert.equal(stats[status], listed.filter((job) => job.status === status).length);
    for (const type of TYPES)
      assert.equal(
        stats.types[type]?.pending ?? 0,
        listed.filter((job) => job.type === type && job.status === 'pending').length,
      );
  }
}

const by = fc.nat(2);

interface NewJob {
  readonly type: string;
  readonly plans: Plan[];
  readonly options: EnqueueOptions;
}

const newJob: fc.Arbitrary<NewJob> = fc.record({
  type: fc.constantFrom(...TYPES),
  plans: fc.array(
    fc.constantFrom<Plan>('ok', 'fail', 'never', 'soon', 'later', 'follow-up', 'follow-up, then fail'),
    { maxLength: 4 },
  ),
  options: fc.oneof(
    fc.record(
      {
        delay: fc.constantFrom(0, '5s', 3_600_000),
        priority: fc.constantFrom(-1, 0.5, 7),
        maxAttempts: fc.constantFrom(1, 2),
        timeout: fc.constantFrom('1s', 60_000),
      },
      { requiredKeys: [] },
    ),
    fc.record({
      runAt: fc.constantFrom<string | number>(
        '2030-01-01T00:01:00Z',
        '2029-12-31T23:00:00+01:00',
        1_893_456_030.5,
      ),
    }),
  ),
});

const TIMES: Record<string, number> = { '5s': 5000, '1s': 1000 };
const ms = (time: unknown): number | undefined =>
  time === undefined ? undefined : typeof time === 'number' ? time : TIMES[time as string];

function learn(model: ModelQueue, id: string, { type, plans, options }: NewJob): void {
  const { runAt, delay, priority = 0, maxAttempts, timeout } = options;
  const at =
    typeof runAt === 'number'
      ? runAt * 1000
      : runAt === undefined
        ? model.now + (ms(delay) ?? 0)
        : Date.parse(String(runAt));
  model.add(id, { type, plans, priority, maxAttempts, timeout: ms(timeout), runAt: at });
}

const pick = (model: ModelQueue, n: number): [string, ModelJob | undefined] =>
  [...model.jobs][n % (model.jobs.size + 1)] ?? ['nobody', undefined];

const enqueue = fc.tuple(by, newJob).map(([n, job]) =>
  command(say('enqueue', n, job), async (model, real) => {
    learn(model, await real.handle(n).enqueue(job.type, job.plans, job.options), job);
  }),
);

const enqueueMany = fc.tuple(by, fc.array(newJob, { maxLength: 6 })).map(([n, jobs]) =>
  command(say('enqueueMany', n, jobs), async (model, real) => {
    const ids = await real
      .handle(n)
      .enqueueMany(jobs.map(({ plans, ...job }) => ({ ...job, payload: plans })));
    assert.equal(ids.length, jobs.length);
    for (const [i, job] of jobs.entries()) learn(model, ids[i] as string, job);
  }),
);

const change = fc
  .tuple(by, fc.nat(), fc.constantFrom('cancel' as const, 'retry' as const))
  .map(([n, which, what]) =>
    command(say(what, n, which), async (model, real) => {
      const [id, job] = pick(model, which);
      const queue = real.handle(n);
      // In the archive it is out of reach; whether it is there already depends on the last compaction.
      const there = job === undefined || (await queue.getJob(id)) !== undefined;
      const done = what === 'cancel' ? await queue.cancelJob(id) : await queue.retryJob(id);
      assert.equal(done, there && model[what](id), id);
    }),
  );

const list = fc
  .tuple(
    by,
    fc.record(
      {
        status: fc.oneof(fc.constantFrom(...STATUSES), fc.subarray([...STATUSES])),
        type: fc.constantFrom(...TYPES, 'nobody'),
        idPrefix: fc.constantFrom('', '0', 'a', 'f', 'x'),
        limit: fc.nat(4),
      },
      { requiredKeys: [] },
    ),
    fc.boolean(),
  )
  .map(([n, options, iterate]) =>
    command(say(iterate ? 'iterateJobs' : 'listJobs', n, options), async (_, real) => {
      const queue = real.handle(n);
      const found: Job[] = [];
      if (iterate) for await (const job of queue.iterateJobs(options)) found.push(job);
      else found.push(...(await queue.listJobs(options)));
      const { status = [...STATUSES], type, idPrefix = '', limit } = options as ListOptions;
      const wanted = (await queue.listJobs()).filter(
        (job) =>
          [status].flat().includes(job.status) &&
          (type ?? job.type) === job.type &&
          job.id.startsWith(idPrefix),
      );
      assert.deepEqual(found, wanted.slice(0, limit));
    }),
  );

const compact = by.map((n) =>
  command(say('compact', n), async (model, real) => {
    const { kept, bytesAfter } = await real.handle(n).compact();
    const stays = [...model.jobs.values()].filter((job) => !model.isPast(job)).length;
    assert.equal(kept, stays);
    if (model.jobs.size === 0) return;
    assert.equal(bytesAfter, statSync(real.bench.file).size);
    assert.equal(readByRule(readFileSync(real.bench.file))?.rows.length, stays, 'one row a job');
  }),
);

const wait = fc.constantFrom(1000, WAIT, 60_000, 3_600_000, 4 * 24 * 3_600_000).map((time) =>
  command(say('wait', time), async (model, real) => {
    real.clock.advance(time);
    model.now = real.clock.now();
  }),
);

const reopen = by.map((n) => command(say('reopen', n), async (_, real) => real.reopen(n)));

const work = fc
  .tuple(by, fc.subarray(TYPES, { minLength: 1 }), fc.integer({ min: 1, max: 3 }))
  .map(([n, types, concurrency]) =>
    command(say('processJobs', n, types, concurrency), async (model, real) => {
      const due = [...model.jobs].filter(([, job]) => model.isDue(job, types));
      const first: string[] = [];
      const counts = { claimed: 0, completed: 0, failed: 0, retried: 0 };
      const handler = (plans: Plan[], { job, enqueue }: HandlerContext): unknown => {
        const known = model.jobs.get(job.id);
        assert.ok(known && model.isDue(known, types), `${job.id} is not due`);
        assert.equal(job.attempts, known.attempts + 1);
        assert.deepEqual(plans, known.plans);
        if (!first.includes(job.id) && due.some(([id]) => id === job.id)) first.push(job.id);
        const plan = planOf(job.attempts > 0 ? { plans, attempts: job.attempts } : known);
        const followUp = plan.startsWith('follow-up') ? enqueue('b', []) : undefined;
        model.run(known, plan === 'follow-up' ? followUp : undefined);
        counts.claimed++;
        counts[known.status === 'pending' ? 'retried' : known.status === 'failed' ? 'failed' : 'completed']++;
        if (plan === 'never') throw new PermanentError('never');
        if (plan === 'soon') throw new RetryAfterError('', 0);
        if (plan === 'later') throw new RetryAfterError('', ASKED);
        if (plan === 'fail' || plan === 'follow-up, then fail') throw new Error('');
        return job.attempts;
      };
      const failed: unknown[] = [];
      const guarded = (plans: Plan[], context: HandlerContext): unknown => {
        try {
          return handler(plans, context);
        } catch (error) {
          if (error instanceof assert.AssertionError) failed.push(error);
          throw error;
        }
      };
      const summary = await real
        .handle(n)
        .processJobs(Object.fromEntries(types.map((type) => [type, guarded])), {
          concurrency,
          backoff: [WAIT],
          logger: () => {},
        });
      if (failed.length > 0) throw failed[0];
      for (const [id, job] of model.jobs) {
        if (!job.isSpread) continue;
        const later = Number((await real.handle(n).getJob(id))?.runAt) - job.runAt;
        assert.ok(later >= 0 && later <= ASKED / 10, `${id} waits ${later} ms longer than it asked for`);
        Object.assign(job, { runAt: job.runAt + later, isSpread: false });
      }
      const { claimed, completed, failed: lost, retried } = summary;
      assert.deepEqual({ claimed, completed, failed: lost, retried }, counts);
      assert.equal(
        [...model.jobs.values()].filter((job) => model.isDue(job, types)).length,
        0,
        'all that was due ran',
      );
      const order = due.map(([id]) => id).filter((id) => first.includes(id));
      const rank = (id: string): number => -(model.jobs.get(id) as ModelJob).priority;
      assert.deepEqual(
        first.map(rank),
        [...order].sort((a, b) => rank(a) - rank(b)).map(rank),
        'higher priority first',
      );
      assert.equal((await real.handle(n).stats()).lastTick?.getTime(), model.now);
      for (const job of model.jobs.values()) assert.ok(isFinal(job) || job.status === 'pending');
    }),
  );

const refused = fc
  .tuple(
    by,
    fc.constantFrom(
      { delay: -1 },
      { runAt: 'soon' },
      { priority: Number.NaN },
      { maxAttempts: 0 },
      { delay: 1, runAt: 1 },
      { mine: 1 },
    ),
  )
  .map(([n, options]) =>
    command(say('refused', n, options), async (_, real) => {
      await rejects(
        real.handle(n).enqueueMany([{ type: 'a' }, { type: 'a', options: options as object }]),
        'INVALID_ARGUMENT',
      );
    }),
  );

/** Random histories. */
export const histories = () =>
  fc.asyncProperty(
    fc.commands(
      [
        enqueue,
        enqueueMany,
        enqueueMany,
        change,
        change,
        list,
        compact,
        wait,
        wait,
        reopen,
        work,
        work,
        work,
        refused,
      ],
      {
        maxCommands: 40,
        size: '+1',
      },
    ),
    (commands) =>
      onBench(async (bench) => {
        const real = new Real(bench);
        await fc.asyncModelRun(() => ({ model: new ModelQueue(real.clock.now()), real }), commands);
      }),
  );
