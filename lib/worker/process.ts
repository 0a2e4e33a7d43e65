import { invalid } from '../checks.js';
import { notInstalled } from '../dependency.js';
import { TsvqError } from '../errors.js';
import { resolveWorkerOptions, type WorkerOptions } from '../options.js';
import { telling } from '../store/fs.js';
import type { Store } from '../store/store.js';
import { readTick } from '../store/tick.js';
import { checkName } from '../tsv/text.js';
import { resolveBackoff } from './backoff.js';
import type { Handler, Handlers, Summary } from './handler.js';
import type { Death } from './outcome.js';
import { peek } from './peek.js';
import { Report } from './report.js';
import type { Run } from './run.js';
import { handlersUnderWay } from './under-way.js';

/**
 * Runs what is due, then returns. A tick with nothing to do ends after a look at the file; the machinery that
 * claims and runs is loaded only for those that find work.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, or the store's; never a handler's, but for what the store was abandoned by
 */
export async function processQueue(
  store: Store,
  handlers: Partial<Handlers>,
  options: WorkerOptions,
): Promise<Summary> {
  const table = handlerTable(handlers);
  const resolved = resolveWorkerOptions(options);
  const backoff = resolveBackoff(resolved.backoff);
  const report = new Report(resolved);
  let run: Run | undefined;
  let isStopped = false;
  let death = undefined as Death | undefined;
  const stop = (): void => {
    isStopped = true;
    run?.stop();
  };
  const abandon = (error: unknown): void => {
    death ??= { error, others: handlersUnderWay(store) - 1 };
    run?.abandon(death);
  };
  const work = async (): Promise<void> => {
    let { work, repair } = await peek(store, resolved.timeout);
    if (repair) {
      await store.repair();
      ({ work } = await peek(store, resolved.timeout));
    }
    if (work || resolved.linger > 0) {
      const module = await import('./run.js').catch((error: unknown) => {
        const { code } = error as NodeJS.ErrnoException;
        throw code === 'ERR_MODULE_NOT_FOUND' ? notInstalled('the code of a worker', error) : error;
      });
      // It may stay for long.
      report.tick(store, lastUnhandled(store));
      run = new module.Run(store, table, resolved, backoff, report);
      if (isStopped) run.stop();
      if (death !== undefined) run.abandon(death);
      await run.untilDone();
    } else {
      await crossOut(store);
      // The look itself never waits. Whoever calls this in a loop must not keep their own process from everything else.
      await new Promise(setImmediate);
    }
  };
  try {
    await telling(store.path, () => store.work(work, { stop, abandon }));
  } catch (error) {
    // What dies of an exception is told that, and not that it could not be written.
    if (death === undefined) throw error;
  }
  if (death !== undefined) throw death.error;
  report.tick(store);
  return report.summary;
}

/**
 * A killed process may have left superseded rows uncrossed, which `awk` counts. The last worker has seen to those that
 * were there when it noted its look.
 */
async function crossOut(store: Store): Promise<void> {
  const tick = store.fs.stat(`${store.realPath}.tick`);
  try {
    await store.crossOutSince(tick?.mtimeMs ?? 0);
  } catch (error) {
    if (error instanceof TsvqError && error.code === 'SYNC_FAILED') throw error;
    // Nothing depends on it: the next worker tries again.
  }
}

/** The types that the last worker had no handler for: one that only begins knows less. */
function lastUnhandled({ fs, realPath }: Store): string[] {
  try {
    return readTick(fs, realPath)?.unhandled ?? [];
  } catch {
    // A note that can't be read is no reason not to work.
    return [];
  }
}

/** `{}`, or a module: an object of which nothing is hidden elsewhere. */
const isPlain = (value: object): boolean => [null, Object.prototype].includes(Object.getPrototypeOf(value));

function handlerTable(handlers: Partial<Handlers>): Map<string, Handler> {
  if (typeof handlers !== 'object' || handlers === null) {
    throw invalid('handlers', handlers, 'an object of functions, one per job type');
  }
  const table = new Map<string, Handler>();
  if (Object.keys(handlers).length === 0 && !isPlain(handlers)) {
    throw invalid(
      'handlers',
      handlers,
      'an object that has the functions itself: those of a class are not seen',
    );
  }
  for (const [type, handler] of Object.entries(handlers)) {
    checkName('the name of a handler', type);
    if (handler === undefined) continue;
    if (typeof handler !== 'function') throw invalid(`handlers.${type}`, handler, 'a function');
    table.set(type, handler);
  }
  return table;
}
