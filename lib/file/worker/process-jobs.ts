import { loaded } from '../../job/dependency.js';
import { TsvqError } from '../../job/errors.js';
import { resolveWorkerOptions, type WorkerOptions } from '../../job/options.js';
import type { Outbox } from '../../job/outbox.js';
import { workerPolicy } from '../../job/policy.js';
import type { Death } from '../../runner/ending.js';
import type { HandlerEntries, Summary } from '../../runner/handler.js';
import { checkHandlers } from '../../runner/handler-table.js';
import { ServedTypes } from '../../runner/served-types.js';
import type { Ping } from '../chores/chore.js';
import { beat, lastHeartbeat } from '../chores/heartbeat.js';
import { withStoreErrors } from '../disk/fs.js';
import { handlersRunningHere } from '../lock/running-here.js';
import type { Relays } from '../relay/relays.js';
import type { Store } from '../store.js';
import { peek } from './peek.js';
import type { Worker } from './worker.js';
import { WorkerEvents } from './worker-events.js';

/**
 * Runs due jobs, then returns. A cron tick with nothing to do ends after a look at the file. The code that
 * claims and runs jobs is loaded only if there is work.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, or the store's; a handler's error only if it ended the process
 */
export async function processQueue(
  store: Store,
  handlers: Partial<HandlerEntries>,
  options: WorkerOptions,
): Promise<Summary> {
  const entries = checkHandlers(handlers);
  const resolved = resolveWorkerOptions(options);
  const types = new ServedTypes(entries, workerPolicy(resolved));
  const events = new WorkerEvents(store, resolved.logger);
  let worker: Worker | undefined;
  let ping: Ping | undefined;
  let isStopped = false;
  let death = undefined as Death | undefined;
  const stop = (): void => {
    isStopped = true;
    worker?.stop();
  };
  const abandon = (error: unknown): void => {
    death ??= { error, others: handlersRunningHere(store) - 1 };
    worker?.abandon(death);
  };
  const { schedules } = options;
  const work = async (): Promise<void> => {
    ping = await pingsOf(store, events, resolved.pingUrl);
    const relays = await relayed(store, events, resolved.outbox);
    // Awaited only here, because a queue that is closed meanwhile has to end this worker.
    const { declare, declared } = schedules === undefined ? NO_SCHEDULES : await checked(store, schedules);
    let { work, repair, undeclared } = await peek(store, resolved.timeout, declared);
    if (repair) {
      await store.repair();
      ({ work, undeclared } = await peek(store, resolved.timeout, declared));
    }
    if (undeclared.length > 0) for (const one of await declare(store, undeclared)) events.declared(one);
    if (work || resolved.linger > 0) {
      const module = await loaded('the code of a worker', import('./worker.js'));
      // The new worker may stay long, and knows fewer types than the last heartbeat.
      beat({ store, events }, lastHeartbeat(store)?.unhandled);
      worker = new module.Worker({ store, events, ping }, types, resolved);
      if (isStopped) worker.stop();
      if (death !== undefined) worker.abandon(death);
      if (resolved.linger > 0) relays?.start();
      await events.during(worker.run()).finally(() => relays?.stop());
    } else {
      await crossOut(store);
      // The look at the file never waits, and a caller that loops must not block its own process.
      await new Promise(setImmediate);
    }
  };
  try {
    await withStoreErrors(store.path, () => store.work(work, { stop, abandon }));
  } catch (error) {
    // If an exception ends the process, that exception is thrown, not a failed write.
    if (death === undefined) throw error;
  }
  if (death !== undefined) throw death.error;
  beat({ store, events });
  // A worker that was told to stop must not wait for an answer.
  if (!isStopped && !resolved.signal?.aborted) await ping?.send();
  return events.summary;
}

/** Returns the pings of a worker. Their code is loaded only if there is an address. */
async function pingsOf(store: Store, events: WorkerEvents, url: URL | undefined): Promise<Ping | undefined> {
  if (url === undefined) return undefined;
  const { Pings } = await loaded('the code of pings', import('../chores/ping.js'));
  return new Pings({ store, events }, url);
}

/** Relays what is committed in outboxes, and returns what goes on with it. Its code is loaded only if there are some. */
async function relayed(
  store: Store,
  events: WorkerEvents,
  outboxes: readonly Outbox[],
): Promise<Relays | undefined> {
  if (outboxes.length === 0) return undefined;
  const { Relays } = await loaded('the code of the relay', import('../relay/relays.js'));
  const relays = new Relays(store, outboxes, { warn: (message) => events.warn(message) });
  await relays.look();
  return relays;
}

const NO_SCHEDULES = { declare: async () => [], declared: [] };

/** Checks the schedules that a worker declares. Their code is loaded only if there are some. */
async function checked(store: Store, schedules: NonNullable<WorkerOptions['schedules']>) {
  const module = await loaded('the code of schedules', import('../schedules/declaration.js'));
  const declared = module.checkSchedules(schedules, store.options.maxPayload);
  return { declare: module.declare, declared };
}

/**
 * Strikes superseded rows that a killed process left, because `awk` counts them. The last worker struck the
 * rows before its heartbeat.
 */
async function crossOut(store: Store): Promise<void> {
  const tick = store.fs.stat(`${store.realPath}.tick`);
  try {
    await store.crossOutSince(tick?.mtimeMs ?? 0);
  } catch (error) {
    if (error instanceof TsvqError && error.code === 'SYNC_FAILED') throw error;
    // Nothing depends on strikes, and the next worker tries again.
  }
}
