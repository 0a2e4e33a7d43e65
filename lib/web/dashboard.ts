import type { DefaultJobs } from '../job/job.js';
import type { Queue } from '../queue.js';
import type { Patience } from '../view/problems.js';
import { makeApp } from './app.js';
import { guarded } from './headers.js';
import { LiveView } from './live-view.js';
import { type DashboardOptions, type DashboardSettings, resolveDashboardOptions } from './options.js';

/** A queue's page, which an app serves. */
export interface Dashboard {
  /** The path that it is mounted at, without a slash at its end. */
  readonly base: string;
  /** Answers a request. It is bound, so it may be given away by itself. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Frees what the dashboard keeps of the queue. It doesn't close the queue. */
  close(): void;
}

/** From what on something is a problem, as for `queue status`. */
const PATIENCE = { maxAge: 600_000, maxFailed: 0 };

/**
 * Makes a queue's page, to be mounted in an app. It keeps some 100 bytes for each job of the queue while it is used, and
 * frees them after ten idle minutes.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, if `access` is missing, say
 * @example
 * const dashboard = createDashboard(queue, {
 *   base: '/admin/queue',
 *   access: (request) => (isAdmin(request) ? 'write' : 'none'),
 * });
 * app.use('/admin/queue', nodeHandler(dashboard)); // Express
 * app.all('/admin/queue/*', (context) => dashboard.fetch(context.req.raw)); // Hono
 */
export const createDashboard = <Jobs = DefaultJobs>(
  queue: Queue<Jobs>,
  options: DashboardOptions,
): Dashboard =>
  // The page shows jobs of all types, and adds none.
  makeDashboard(queue as unknown as Queue, resolveDashboardOptions(options), PATIENCE);

/** Makes a queue's page. @param patience from what on something is a problem */
export function makeDashboard(queue: Queue, settings: DashboardSettings, patience: Patience): Dashboard {
  const live = new LiveView(queue, { patience, redact: settings.redact });
  const app = makeApp(queue, live, settings);
  return {
    base: settings.base,
    fetch: async (request) => guarded(await app.fetch(request)),
    close: () => live.close(),
  };
}
