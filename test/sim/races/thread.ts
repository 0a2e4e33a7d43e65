/*
 * A thread is one virtual process after another. Each runs the real code of lib/ over a seam that stops at each call
 * until the scheduler lets it go on. program.ts bundles this file.
 */
import { workerData } from 'node:worker_threads';
import { Store } from '../../../lib/file/store.js';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { overStore } from '../../../lib/open-queue.js';
import type { Queue } from '../../../lib/queue.js';
import { Channel } from './channel.js';
import { handlers, limitedHandlers } from './handlers.js';
import { type Command, type Life, QUEUE, type RequestKind } from './protocol.js';
import { replaceGlobals, settleIn, whenIdle } from './realm.js';
import { Seam } from './seam.js';
import type { Spec } from './slot-requests.js';
import { edit, read } from './visits.js';

const channel = new Channel('process', workerData as SharedArrayBuffer);
replaceGlobals(channel);

class NeverCompacting extends Store {
  override async compactIfWorthwhile(): Promise<void> {}
}

let seam: Seam | undefined;
let queue: Queue;

// A rejection that nobody waits for ends a process of Node. Of the dead there are many.
process.on('unhandledRejection', (error) =>
  seam?.note(['exit', 'CRASH', String((error as Error)?.stack ?? error)]),
);
process.on('uncaughtException', (error) => seam?.note(['exit', 'CRASH', String(error.stack)]));

function begin(life: Life): void {
  const current = new Seam(channel, life);
  seam = current;
  (globalThis as { VARIANT?: string }).VARIANT = life.variant;
  settleIn(life.seed, {
    immediate: (run) => current.immediate(run),
    timer: (run, ms) => current.later(run, ms),
  });
  const Kind = life.neverCompacts ? NeverCompacting : Store;
  // The look for a worker has the time of the real machine, and a schedule has to be the same each time.
  const store = new Kind(QUEUE, resolveQueueOptions({ ...life.queue, noWorkerAfter: false }), current);
  queue = overStore(store);
  if (life.role === 'worker') void toItsEnd(current, work(current, life));
  else if (life.role === 'reader') void toItsEnd(current, read(queue, current, life));
  else if (life.role === 'person') void toItsEnd(current, edit(store, current, life));
}

/** A process that ends by itself. */
async function toItsEnd(current: Seam, work: Promise<unknown>): Promise<void> {
  try {
    await work;
    current.note(['exit', '', '']);
  } catch (error) {
    current.note(['exit', codeOf(error), String((error as Error).stack)]);
  }
}

const work = (current: Seam, { worker, servesLimited }: Life): Promise<unknown> =>
  queue.processJobs(
    { ...handlers(current), ...(servesLimited && limitedHandlers(current)) },
    {
      ...worker,
      backoff: { base: 200 },
      timeout: 10_000,
      logger: ({ event, id = '', attempt = 0, message, error }) =>
        current.note(['event', event, id, attempt, message ?? error ?? '']),
    },
  );

const REQUESTS: Record<RequestKind, (...args: never[]) => Promise<unknown>> = {
  enqueue: (type: string, payload: unknown, options: object) => queue.enqueue(type, payload, options),
  enqueueMany: (jobs: { type: string; payload: unknown }[]) => queue.enqueueMany(jobs),
  add: (type: string, payload: unknown, options: object) => queue.add(type, payload, options),
  addMany: (jobs: { type: string; payload: unknown }[]) => queue.addMany(jobs),
  cancel: (id: string) => queue.cancelJob(id),
  retry: (id: string) => queue.retryJob(id),
  get: async (id: string) => (await queue.getJob(id))?.status ?? null,
  compact: () => queue.compact(),
  pause: (type: string, options?: object) => queue.pause(type, options),
  resume: (type: string) => queue.resume(type),
  schedule: (name: string, spec: Spec) => queue.schedule(name, spec),
  unschedule: (name: string) => queue.unschedule(name),
  pauseSchedule: (name: string) => queue.pauseSchedule(name),
  resumeSchedule: (name: string) => queue.resumeSchedule(name),
  runNow: (name: string) => queue.runNow(name),
  close: () => queue.close(),
};

function request(current: Seam, n: number, what: RequestKind, args: readonly unknown[]): void {
  REQUESTS[what](...(args as never[])).then(
    (value) => current.note(['answer', n, value ?? null]),
    (error: Error & { existing?: string[] }) =>
      current.note(['refusal', n, codeOf(error), String(error.stack), error.existing ?? []]),
  );
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'CRASH';

function obey(command: Command, bytes: Buffer): void {
  if ('begin' in command) begin(command.begin);
  else if (seam === undefined) return;
  else if ('end' in command) {
    seam.dead = true;
    seam = undefined;
  } else if ('request' in command) request(seam, command.request, command.what, command.args);
  else seam.happen(command, bytes);
}

function idle(): void {
  channel.say({ words: seam?.dead ? [] : (seam?.takeWords() ?? []) });
  const { said, bytes } = channel.hear<Command>();
  // First in the line: it comes when all that follows from the command has run.
  whenIdle(idle);
  obey(said, bytes);
}

idle();
