import { invalid, resolveWorkerOptions, type WorkerOptions } from '../options.js';
import type { Store } from '../store/store.js';
import { writeTick } from '../store/tick.js';
import { checkName } from '../tsv/text.js';
import type { Handler, Handlers, Summary } from './handler.js';
import { peek } from './peek.js';

/**
 * Runs what is due, then returns. A tick with nothing to do ends after a look at the file; the machinery that
 * claims and runs is loaded only for those that find work.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, or the store's; never a handler's
 */
export async function processQueue(
  store: Store,
  handlers: Handlers,
  options: WorkerOptions,
): Promise<Summary> {
  const table = handlerTable(handlers);
  const resolved = resolveWorkerOptions(options);
  const summary: Summary = {
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    cancelled: 0,
    rescued: 0,
    released: 0,
    unhandled: {},
  };
  const { work, unhandled } = await peek(store, new Set(table.keys()), resolved.timeout);
  if (work || resolved.linger > 0) {
    const { Run } = await import('./run.js');
    await new Run(store, table, resolved, summary).untilDone();
  } else {
    for (const type of Object.keys(unhandled)) {
      resolved.logger({ event: 'warning', type, message: noHandler(type) });
    }
    summary.unhandled = unhandled;
  }
  writeTick(store.fs, store.realPath, {
    at: store.clock.now(),
    unhandled: Object.keys(summary.unhandled),
  });
  return summary;
}

/** How a worker names a type that it can't serve, once. */
export const noHandler = (type: string): string =>
  `no handler for jobs of type ${JSON.stringify(type)}; they stay pending`;

function handlerTable(handlers: Handlers): Map<string, Handler> {
  if (typeof handlers !== 'object' || handlers === null) {
    throw invalid('handlers', handlers, 'an object of functions, one per job type');
  }
  const table = new Map<string, Handler>();
  for (const [type, handler] of Object.entries(handlers)) {
    checkName('the name of a handler', type);
    if (handler === undefined) continue;
    if (typeof handler !== 'function') throw invalid(`handlers.${type}`, handler, 'a function');
    table.set(type, handler);
  }
  return table;
}
