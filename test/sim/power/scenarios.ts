import { COLUMNS, type Column } from '../../../lib/file/format/columns.js';
import type { QueueOptions } from '../../../lib/job/queue-options.js';
import { HEADER, jobId, line, NINE } from '../../support/queue-file.js';
import { Actor, type Machine, type Plan, QUEUE } from './actor.js';
import { diskWith, EMPTY, type Snapshot } from './snapshot.js';

/** A short history of a queue, from a disk on which all is durable. */
export interface Scenario {
  readonly name: string;
  readonly options?: QueueOptions;
  readonly disk: Snapshot;
  readonly run: (machine: Machine, options: QueueOptions) => Promise<void>;
}

const DAY = 86_400;
/** The time at which histories begin, in Unix seconds. */
const NOW = Date.UTC(2030, 0, 1) / 1000;

/** A job that was there before. */
export function job(n: number, plan: Plan, fields: Partial<Record<Column, string | number>> = {}): string {
  const { status = 'pending', attempts = 0 } = fields;
  return line({
    id: jobId(n),
    type: 'work',
    payload: JSON.stringify({ tag: `old${n}`, plan }),
    created_at: NOW - DAY,
    run_at: NOW - DAY,
    ...(status === 'completed' && { result: JSON.stringify({ attempt: attempts }) }),
    ...fields,
  });
}

const finished = (n: number, days: number, status = 'completed'): string =>
  job(n, 'ok', {
    status,
    attempts: 1,
    version: 3,
    started_at: NOW - days * DAY,
    finished_at: NOW - days * DAY,
  });

const ancestral = (n: number, plan: Plan, status: string, attempts: number): string =>
  line(
    {
      id: jobId(n),
      type: 'work',
      payload: JSON.stringify({ tag: `old${n}`, plan }),
      status,
      created_at: NOW - DAY,
      run_at: NOW - DAY,
      attempts,
      ...(status === 'completed' && { result: JSON.stringify({ attempt: attempts }) }),
    },
    COLUMNS.slice(0, 9),
  );

export const queueOf = (...lines: string[]): Snapshot =>
  diskWith({ [QUEUE]: `${HEADER}\n${lines.join('')}` });

/** Two jobs of which the second fails at first, and enough finished ones for a compaction to mark their end. */
const settled = (): string[] => [
  job(1, 'ok', { status: 'failed', attempts: 4, version: 10, error: 'no luck', finished_at: NOW - DAY }),
  ...Array.from({ length: 60 }, (_, i) =>
    job(100 + i, 'ok', {
      status: 'completed',
      attempts: 1,
      version: 3,
      finished_at: NOW - DAY,
      error: 'x'.repeat(1100),
    }),
  ),
];

const working: Scenario['run'] = async (machine, options) => {
  const worker = new Actor(machine, options);
  await worker.work({ concurrency: 2 });
  machine.clock.advance(600_000);
  await worker.work();
  await worker.close();
};

const lifecycle = (): Snapshot =>
  queueOf(job(1, 'ok'), job(2, 'fails once'), job(3, 'parent'), job(4, 'fails'), job(5, 'ok'));

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'first jobs, in new directories',
    disk: EMPTY,
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await web.enqueue();
      await web.enqueue('parent');
      await web.close();
    },
  },
  {
    name: 'many at once',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await Promise.all([
        web.enqueue('ok', 400),
        web.enqueueMany(['ok', 'parent', 'ok'], 700),
        web.enqueue(),
      ]);
      await Promise.all([web.enqueue('fails'), web.cancel(jobId(1)), web.enqueueMany(['ok', 'ok'], 1500)]);
      await web.close();
    },
  },
  { name: 'a worker', disk: lifecycle(), run: working },
  {
    name: 'cancel and retry',
    disk: queueOf(job(1, 'ok'), job(2, 'fails'), job(3, 'ok', { error: 'e'.repeat(3900) })),
    run: async (machine, options) => {
      const person = new Actor(machine, options);
      const id = await person.enqueue();
      await Promise.all([person.cancel(id), person.cancel(jobId(1))]);
      await person.retry(id);
      await person.work();
      await person.retry(jobId(2));
      await person.cancel(jobId(2));
      await person.close();
    },
  },
  {
    name: 'a running job is cancelled by another process',
    disk: queueOf(job(1, 'waits'), job(2, 'waits'), job(3, 'parent')),
    run: async (machine, options) => {
      const [worker, web] = [new Actor(machine, options), new Actor(machine, options)];
      let open = (): void => {};
      worker.gate = new Promise((resolve) => {
        open = resolve;
      });
      const work = worker.work({ concurrency: 2 });
      const runs = (): number => machine.witness.facts.filter(({ what }) => what === 'ran').length;
      while (runs() < 2) await new Promise(setImmediate);
      await web.cancel(jobId(1));
      await web.enqueue();
      open();
      await work;
      await web.close();
      await worker.close();
    },
  },
  {
    name: 'compaction and archive',
    disk: queueOf(
      finished(1, 40),
      finished(2, 9),
      finished(3, 8, 'cancelled'),
      finished(4, 2),
      '# a note\n',
      job(5, 'parent'),
      `#${job(6, 'ok', { status: 'pending' }).slice(1).replace('pending', '-------')}`,
      finished(6, 1),
    ),
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await web.compact();
      await web.enqueue();
      machine.clock.advance(6 * DAY * 1000);
      await web.work();
      await web.compact();
      await web.close();
    },
  },
  {
    name: 'a file of nine columns',
    disk: diskWith({
      [QUEUE]: `${NINE}\n${ancestral(1, 'ok', 'pending', 0)}${ancestral(2, 'ok', 'completed', 2)}${ancestral(3, 'parent', 'pending', 1)}`,
    }),
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await web.enqueue();
      await web.work();
      await web.close();
    },
  },
  {
    name: 'leftovers of a crash',
    disk: diskWith({
      [QUEUE]: `${HEADER}\n${job(1, 'ok', { status: 'processing', attempts: 1, version: 2, locked_by: 'sim.boot.1.5.7.000000000000' })}${job(2, 'parent')}${job(3, 'ok').slice(0, 90)}`,
      [`${QUEUE}.lock/owner.sim.boot.1.5.7.000000000001`]: '',
    }),
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await web.enqueue();
      await web.work();
      await web.close();
    },
  },
  {
    name: 'a torn tail, without a dead process',
    disk: queueOf(job(1, 'parent'), job(2, 'ok').slice(0, 90)),
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await web.enqueue();
      await web.enqueue();
      await web.close();
    },
  },
  {
    name: 'finished jobs with a mark at their end',
    disk: queueOf(...settled(), job(2, 'fails once')),
    run: async (machine, options) => {
      const web = new Actor(machine, options);
      await web.compact();
      await Promise.all([web.retry(jobId(1)), web.enqueue('parent')]);
      await web.work();
      await web.compact();
      await web.close();
    },
  },
  {
    name: "a worker with durability 'os'",
    options: { durability: 'os' },
    disk: lifecycle(),
    run: async (machine, options) => {
      await working(machine, options);
      const web = new Actor(machine, options);
      // What was promised before a compaction is durable after it, here too.
      await web.compact();
      await web.enqueue();
      await web.close();
    },
  },
];
