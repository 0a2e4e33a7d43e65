import { invalid } from '../checks.js';
import { resolveWorkerOptions, type WorkerOptions } from '../options.js';
import type { Store } from '../store/store.js';
import { writeTick } from '../store/tick.js';
import { checkName } from '../tsv/text.js';
import { resolveBackoff } from './backoff.js';
import type { Handler, Handlers, Summary } from './handler.js';
import { peek } from './peek.js';
import { Report } from './report.js';
import type { Run } from './run.js';

/**
 * Runs what is due, then returns. A tick with nothing to do ends after a look at the file; the machinery that
 * claims and runs is loaded only for those that find work.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, or the store's; never a handler's
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
  const stop = (): void => {
    isStopped = true;
    run?.stop();
  };
  await store.work(async () => {
    let { work, repair } = await peek(store, resolved.timeout);
    if (repair) {
      await store.repair();
      ({ work } = await peek(store, resolved.timeout));
    }
    if (work || resolved.linger > 0) {
      const module = await import('./run.js');
      run = new module.Run(store, table, resolved, backoff, report);
      if (isStopped) run.stop();
      await run.untilDone();
    } else {
      // The look itself never waits. Whoever calls this in a loop must not keep their own process from everything else.
      await new Promise(setImmediate);
    }
  }, stop);
  writeTick(store.fs, store.realPath, {
    at: store.clock.now(),
    unhandled: Object.keys(report.summary.unhandled),
  });
  return report.summary;
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
