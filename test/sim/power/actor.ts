import type { FileSystem } from '../../../lib/file/disk/fs.js';
import type { Processes } from '../../../lib/file/lock/process-id.js';
import { Store } from '../../../lib/file/store.js';
import { PermanentError } from '../../../lib/job/errors.js';
import type { WorkerOptions } from '../../../lib/job/options.js';
import { type QueueOptions, resolveQueueOptions } from '../../../lib/job/queue-options.js';
import type { ScheduleTimes } from '../../../lib/job/schedule-spec.js';
import { overStore } from '../../../lib/open-queue.js';
import type { Queue } from '../../../lib/queue.js';
import type { HandlerContext } from '../../../lib/runner/handler.js';
import type { FakeClock } from '../../support/fake-clock.js';
import type { Witness } from './witness.js';

export const QUEUE = '/srv/app/data/queue.tsv';

/** What a job's handler does. */
export type Plan = 'ok' | 'fails once' | 'fails' | 'parent' | 'waits';

/** Payload of every job here: who asked for it, and what is to happen. */
export interface Work {
  readonly tag: string;
  readonly plan: Plan;
  /** Makes the row as long as a test wants it. */
  readonly filler?: string;
}

/** What a machine runs on; a new one after power loss. */
export interface Machine {
  readonly fs: FileSystem;
  readonly clock: FakeClock;
  readonly witness: Witness;
  readonly alive: Set<number>;
}

let processes = 0;

/** A process at work on the queue, with everything that it is told noted down. */
export class Actor {
  readonly queue: Queue<{ work: Work }>;
  readonly store: Store;
  /** Handlers with the plan `waits` wait for it. */
  gate: Promise<void> = Promise.resolve();
  readonly #witness: Witness;
  readonly #schedules = new Map<string, string>();

  constructor({ fs, clock, witness, alive }: Machine, options: QueueOptions = {}) {
    const pid = 10_000 + (++processes % 90_000);
    alive.add(pid);
    let names = 0;
    const own: Processes = {
      self: () => `sim.boot.1.${pid}.7.${String(++names).padStart(12, '0')}`,
      liveness: (owner) => (alive.has(Number(owner.split('.')[3])) ? 'alive' : 'dead'),
    };
    this.store = new Store(
      QUEUE,
      resolveQueueOptions({ lockTimeout: '1h', noWorkerAfter: false, ...options }),
      {
        clock,
        fs,
        processes: own,
      },
    );
    this.queue = overStore(this.store);
    this.#witness = witness;
  }

  async enqueue(plan: Plan = 'ok', filler = 0): Promise<string> {
    const payload = this.#work(plan, filler);
    const id = await this.queue.enqueue('work', payload);
    this.#witness.note({ what: 'enqueued', id });
    return id;
  }

  async enqueueMany(plans: readonly Plan[], filler = 0): Promise<string[]> {
    const jobs = plans.map((plan) => ({ type: 'work' as const, payload: this.#work(plan, filler) }));
    const ids = await this.queue.enqueueMany(jobs);
    for (const id of ids) this.#witness.note({ what: 'enqueued', id });
    return ids;
  }

  /** Adds a job with a key, or does what the policy says. */
  async add(plan: Plan, dedupeKey: string, onDuplicate: 'return' | 'replace', filler = 0): Promise<string> {
    const payload = this.#work(plan, filler);
    const { id, outcome } = await this.queue.add('work', payload, { dedupeKey, onDuplicate });
    this.#witness.note({ what: 'enqueued', id });
    if (outcome !== 'existing') this.#witness.note({ what: 'is to do', id, tag: payload.tag });
    return id;
  }

  /** Declares a schedule, again if it was removed. */
  async schedule(name: string, times: ScheduleTimes, plan: Plan = 'ok', filler = 0): Promise<string> {
    const payload = this.#work(plan, filler);
    // It may be in the file before the call returns.
    const known = this.#schedules.get(name);
    if (known !== undefined) this.#witness.note({ what: 'asked to retry', id: known });
    const { id } = await this.queue.schedule(name, { type: 'work', payload, ...times });
    this.#schedules.set(name, id);
    this.#witness.note({ what: 'enqueued', id });
    return id;
  }

  async unschedule(name: string): Promise<void> {
    const id = this.#schedules.get(name) as string;
    this.#witness.note({ what: 'asked to cancel', id });
    if (await this.queue.unschedule(name)) this.#witness.note({ what: 'cancelled', id });
  }

  async cancel(id: string): Promise<void> {
    this.#witness.note({ what: 'asked to cancel', id });
    if (await this.queue.cancelJob(id)) this.#witness.note({ what: 'cancelled', id });
  }

  async retry(id: string): Promise<void> {
    this.#witness.note({ what: 'asked to retry', id });
    if (await this.queue.retryJob(id)) this.#witness.note({ what: 'retried', id });
  }

  async compact(): Promise<void> {
    const from = this.#witness.position;
    await this.queue.compact();
    this.#witness.compacted.push({ from, at: this.#witness.position });
  }

  async work(options: Omit<WorkerOptions, 'schedules'> = {}): Promise<void> {
    const witness = this.#witness;
    await this.queue.processJobs(
      { work: (work, context) => this.#handle(work, context) },
      {
        logger: ({ event, id = '', attempt = 0 }) => {
          if (event === 'completed' || event === 'failed') witness.note({ what: event, id, attempt });
          else if (event === 'retried') witness.note({ what: 'waits', id, attempt });
        },
        ...options,
      },
    );
  }

  async close(): Promise<void> {
    await this.queue.close();
  }

  #handle({ tag, plan }: Work, { job, signal, enqueue }: HandlerContext<{ work: Work }>): unknown {
    const witness = this.#witness;
    const { id, attempts: attempt } = job;
    witness.note({ what: 'ran', id, attempt, tag });
    if (plan === 'fails') throw placeless(new PermanentError(`no use, attempt ${attempt}`));
    if (plan === 'fails once' && attempt === 1) throw placeless(new Error(`no luck, attempt ${attempt}`));
    if (plan === 'parent') {
      for (let i = 0; i < 2; i++) {
        const child: Work = { tag: witness.ask(), plan: 'ok' };
        witness.note({ what: 'follows', id: enqueue('work', child), parent: id, attempt, tag: child.tag });
      }
    }
    if (plan === 'waits') {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return Promise.race([this.gate, aborted]).then(() => ({ attempt }));
    }
    return { attempt };
  }

  #work(plan: Plan, filler: number): Work {
    return { tag: this.#witness.ask(), plan, ...(filler > 0 && { filler: 'x'.repeat(filler) }) };
  }
}

/** A row holds where its error was thrown: a seed is to mean the same wherever this lies. */
function placeless(error: Error): Error {
  error.stack = `${error.name}: ${error.message}\n    at work (/srv/app/handlers.js:12:34)`;
  return error;
}
