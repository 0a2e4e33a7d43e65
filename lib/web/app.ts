import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { errorMessage, TsvqError } from '../job/errors.js';
import type { Queue } from '../queue.js';
import { addActions } from './actions.js';
import { addApi } from './api.js';
import type { App, Asked, Request } from './asked.js';
import { addAssets } from './assets.js';
import { isForeign } from './cross-origin.js';
import { etag } from './etag.js';
import { HEADERS, NO_STORE } from './headers.js';
import type { LiveView } from './live-view.js';
import { addMetrics } from './metrics.js';
import type { DashboardSettings } from './options.js';
import { addPages } from './pages/pages.js';
import { refusalPage } from './pages/refusal.js';
import { addPauseActions } from './pause-actions.js';
import { addScheduleActions } from './schedule-actions.js';

/** Makes the routes of a dashboard. */
export function makeApp(queue: Queue, live: LiveView, settings: DashboardSettings): App {
  const app: App = new Hono<{ Variables: { readonly asked: Asked } }>({ strict: false }).basePath(
    settings.base,
  );
  app.use(async (request, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) request.header(name, value);
    if (!request.res.headers.has('cache-control')) request.header('cache-control', NO_STORE);
  });
  app.use(compress());
  app.use(etag);
  app.use(async (request, next) => {
    const visitor = await settings.access(request.req.raw);
    if (visitor.access === 'none') return refuse(request, 403, 'you have no access to this queue');
    if (isForeign(request.req.raw)) return refuse(request, 403, 'this request comes from another site');
    if (visitor.access === 'read' && !['GET', 'HEAD'].includes(request.req.method))
      return refuse(request, 403, 'you may look at this queue, and not change it');
    request.set('asked', { queue, settings, visitor, look: () => live.look() });
    return next();
  });
  for (const add of [
    addAssets,
    addMetrics,
    addApi,
    addActions,
    addPauseActions,
    addScheduleActions,
    addPages,
  ])
    add(app);
  app.notFound((request) => refuse(request, 404, 'there is no such page'));
  app.onError((error, request) => refuse(request, statusOf(error), errorMessage(error)));
  return app;
}

/** What is wrong with a request is the caller's to mend; with the file or the disk, the operator's. */
const statusOf = (error: unknown): 400 | 500 =>
  error instanceof TsvqError && error.code === 'INVALID_ARGUMENT' ? 400 : 500;

/** For programs, as in the JSON interface. */
const CODES = { 400: 'INVALID_ARGUMENT', 403: 'NO_ACCESS', 404: 'NOT_FOUND', 500: 'INTERNAL' } as const;

/** Answers a request that can't be met: in JSON to programs, to people as a page. */
function refuse(
  request: Request,
  status: 400 | 403 | 404 | 500,
  message: string,
): Response | Promise<Response> {
  const asked: Asked | undefined = request.get('asked');
  const path = request.req.path.slice(asked?.settings.base.length);
  if (asked === undefined || /^\/(api\/|metrics$|healthz$)/.test(path))
    return request.json({ error: message, code: CODES[status] }, status);
  return request.html(refusalPage(asked, message), status);
}
