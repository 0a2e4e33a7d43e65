import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { errorMessage } from '../job/errors.js';
import type { Dashboard } from './dashboard.js';
import { eatenBody } from './eaten-body.js';
import { guarded } from './headers.js';
import { refuse } from './refuse.js';

/** A request as frameworks pass it on: the path that it came with may be in `originalUrl`. */
type Incoming = IncomingMessage & { originalUrl?: string };

/**
 * Makes a request listener for `node:http`, Express, Connect, Polka and the like. It answers each request itself, also
 * with 404, and never calls `next`. It needs no body parser, and works behind one.
 *
 * @example
 * app.use('/admin/queue', nodeHandler(dashboard));
 */
export function nodeHandler(
  dashboard: Dashboard,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const fetch = compressing(dashboard);
  const options = { overrideGlobalObjects: false, errorHandler: failed };
  const atHome = getRequestListener((request, { incoming }) => {
    // No request can be made of TRACE and the like.
    if (!METHODS.includes(request.method)) return noRequest();
    return fetch(nativeRequest(request, incoming as Incoming));
  }, options);
  const misplaced = getRequestListener(withoutBase, options);
  return async (request: Incoming, response) => {
    const { url = '/', originalUrl = url } = request;
    const listener = originalUrl !== url && dashboard.base === '' ? misplaced : atHome;
    // Frameworks take the path of the mount from the URL. The listener reads it before it returns.
    request.url = originalUrl;
    const answered = listener(request, response);
    request.url = url;
    await answered;
  };
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Lets answers be compressed. The other servers do that themselves, and Next takes away a note that it was done. */
function compressing({ fetch }: Dashboard): Dashboard['fetch'] {
  const app = new Hono().use(compress()).all('*', (context) => fetch(context.req.raw));
  app.onError((error) => {
    throw error;
  });
  return async (request) => app.fetch(request);
}

/** Answers a request for a dashboard that is mounted at a path, and doesn't know it, so that its links lead nowhere. */
function withoutBase(request: Request): Response {
  const { pathname } = new URL(request.url);
  const message = `the dashboard is mounted at a path, and its option base is empty: give createDashboard the path as base (this request was for ${pathname})`;
  return guarded(refuse(request, '', { status: 404, title: 'Not found', message }));
}

/** Makes a request that all of Node takes for one; the listener's own only looks like it. */
function nativeRequest(light: Request, incoming: Incoming): Request {
  const { method, url } = light;
  const headers = new Headers([...light.headers]);
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers });
  const eaten = eatenBody(incoming);
  if (eaten !== undefined) {
    headers.delete('content-length');
    headers.delete('transfer-encoding');
    headers.set('content-type', eaten.type);
  }
  const body = eaten === undefined ? light.body : eaten.bytes;
  return new Request(url, { method, headers, body, duplex: 'half' });
}

/** Answers a request that can't be made, because its path or host makes no URL, and one that has failed. */
function failed(error: unknown): Response {
  if (error instanceof RequestError) return noRequest();
  process.emitWarning(`a request of the web page has failed: ${errorMessage(error)}`, {
    type: 'TsvqWarning',
    code: 'TSVQ_WEB',
  });
  return guarded(new Response('something went wrong\n', { status: 500 }));
}

const noRequest = (): Response =>
  guarded(new Response('this request has no address or method that can be used\n', { status: 400 }));
