import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { errorMessage, TsvqError } from '../job/errors.js';
import type { Queue } from '../queue.js';
import { addActions } from './actions.js';
import { addApi } from './api.js';
import type { App, Asked, Request } from './asked.js';
import { addAssets } from './assets.js';
import { isForeign } from './cross-origin.js';
import { etag } from './etag.js';
import { rememberingStates } from './last-states.js';
import type { LiveView } from './live-view.js';
import { addMetrics } from './metrics.js';
import type { DashboardSettings } from './options.js';
import { addPages } from './pages/pages.js';
import { refusalPage } from './pages/refusal.js';
import { addPauseActions } from './pause-actions.js';
import { codeOf, isForPrograms, refuse } from './refuse.js';
import { addScheduleActions } from './schedule-actions.js';

/** The largest body of a request, in bytes. */
const LARGEST_BODY = 2 ** 20;

/** Makes the routes of a dashboard. */
export function makeApp(queue: Queue, live: LiveView, settings: DashboardSettings): App {
  const app: App = new Hono<{ Variables: { readonly asked: Asked } }>({ strict: false }).basePath(
    settings.base,
  );
  const answer = (request: Request, status: Status, message: string): Response | Promise<Response> =>
    refused(settings.base, request, status, message);
  app.use(etag);
  const stateOf = rememberingStates(queue);
  app.use(async (request, next) => {
    const visitor = await settings.access(request.req.raw).catch(tellApp);
    if (visitor === undefined) return answer(request, 500, 'what you may do here could not be found out');
    if (visitor.access === 'none') return answer(request, 403, 'you have no access to this queue');
    if (isForeign(request.req.raw)) return answer(request, 403, 'this request comes from another site');
    if (visitor.access === 'read' && !['GET', 'HEAD'].includes(request.req.method))
      return answer(request, 403, 'you may look at this queue, and not change it');
    request.set('asked', { queue, settings, visitor, look: () => live.look(), stateOf });
    return next();
  });
  const tooLarge = (request: Request) => answer(request, 413, `a request may have ${LARGEST_BODY} bytes`);
  app.use(bodyLimit({ maxSize: LARGEST_BODY, onError: tooLarge }));
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
  app.notFound((request) => notFound(app, settings.base, request));
  app.onError((error, request) => answer(request, statusOf(error), errorMessage(error)));
  return app;
}

/** Tells the app, and not the visitor, that its function has failed: what it says may be a secret. */
function tellApp(error: unknown): undefined {
  const message = `the access function of the web page has failed: ${errorMessage(error)}`;
  process.emitWarning(message, { type: 'TsvqWarning', code: 'TSVQ_ACCESS' });
}

/** What is wrong with a request is the caller's to mend; with the file or the disk, the operator's. */
const statusOf = (error: unknown): 400 | 500 =>
  error instanceof TsvqError && error.code === 'INVALID_ARGUMENT' ? 400 : 500;

/** Answers a request that no route has met. */
function notFound(app: App, base: string, request: Request): Response | Promise<Response> {
  const { path } = request.req;
  // Outside of the base nothing was asked.
  if (request.get('asked') === undefined)
    return refused(
      base,
      request,
      404,
      `this request was for ${path}, which doesn't begin with ${base}, the option base of the dashboard: both must be the path that it is mounted at`,
    );
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );
  if (methods.length === 0) return refused(base, request, 404, 'there is no such page');
  request.header('allow', methods.map((method) => (method === 'GET' ? 'GET, HEAD' : method)).join(', '));
  return refused(base, request, 405, `this address takes no ${request.req.method}`);
}

type Status = 400 | 403 | 404 | 405 | 413 | 500;

const TITLES: Record<Status, string> = {
  400: 'Not possible',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not possible',
  413: 'Too large',
  500: 'Something is wrong',
};

/** Answers a request that can't be met: with a page of the dashboard, if the visitor may see that. */
function refused(
  base: string,
  request: Request,
  status: Status,
  message: string,
): Response | Promise<Response> {
  const asked: Asked | undefined = request.get('asked');
  if (asked === undefined) return refuse(request.req.raw, base, { status, title: TITLES[status], message });
  if (isForPrograms(request.req.path, base))
    return request.json({ error: message, code: codeOf(status) }, status);
  return request.html(refusalPage(asked, TITLES[status], message), status);
}
