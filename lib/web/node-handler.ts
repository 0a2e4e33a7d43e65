import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
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
  const listener = getRequestListener(
    (request, { incoming }) => answer(dashboard, request, incoming as Incoming),
    { overrideGlobalObjects: false, errorHandler: notAsked },
  );
  return async (request: Incoming, response) => {
    const { url, originalUrl } = request;
    // Frameworks take the path of the mount from the URL. The listener reads it before it returns.
    if (originalUrl !== undefined) request.url = originalUrl;
    const answered = listener(request, response);
    if (url !== undefined) request.url = url;
    await answered;
  };
}

async function answer({ base, fetch }: Dashboard, light: Request, incoming: Incoming): Promise<Response> {
  const request = nativeRequest(light, incoming);
  const { originalUrl, url } = incoming;
  if (base === '' && originalUrl !== undefined && originalUrl !== url)
    return guarded(
      refuse(request, base, {
        status: 404,
        title: 'Not found',
        message: `the dashboard is mounted at a path, and its option base is empty: give createDashboard that path as base (this request was for ${originalUrl})`,
      }),
    );
  return fetch(request);
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

/** Answers what is no request that can be asked: a path or host that makes no URL, or a method like TRACE. */
const notAsked = (): Response =>
  guarded(new Response('this request has no address or method that can be used\n', { status: 400 }));
