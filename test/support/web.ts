import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { Queue } from '../../lib/queue.js';
import { makeApp } from '../../lib/web/app.js';
import { LiveView } from '../../lib/web/live-view.js';
import { resolveDashboardOptions } from '../../lib/web/options.js';
import { type ServeSettings, serve } from '../../lib/web/serve.js';
import { Token } from '../../lib/web/token.js';
import { createDashboard, type DashboardOptions, nodeHandler } from '../../lib/web.js';

/** What came back. */
export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Asking {
  method?: string;
  /** All headers besides those of the connection; `host` is that of the server, unless it is given. */
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Asks a server on this machine, with headers that `fetch` refuses to send. */
export type Ask = (path: string, asking?: Asking) => Promise<Answered>;

export const asker =
  (port: number): Ask =>
  async (path, { method = 'GET', headers = {}, body } = {}) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const all = { ...length, ...headers };
    const asked = request({ host: '127.0.0.1', port, path, method, headers: all, agent: false });
    asked.end(body);
    const [answer] = await once(asked, 'response');
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
  };

/** Sends bytes as they are. @returns what comes until the server ends the connection */
export async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(bytes);
  return text(socket);
}

/** Listens with a handler until the test ends. @returns the port */
export async function listen(t: TestContext, handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Serves a dashboard as an app does. */
export async function mounted(t: TestContext, queue: Queue, options: DashboardOptions): Promise<Ask> {
  const dashboard = createDashboard(queue, options);
  t.after(() => dashboard.close());
  return asker(await listen(t, (request, response) => void nodeHandler(dashboard)(request, response)));
}

export const SECRET = 'a-token-for-tests-only';

/** Serves a queue as `queue web` does. */
export async function served(
  t: TestContext,
  queue: Queue,
  settings: Partial<ServeSettings> = {},
): Promise<{ ask: Ask; port: number }> {
  const server = await serve(queue, {
    port: 0,
    host: '127.0.0.1',
    names: [],
    token: new Token(SECRET),
    isReadOnly: false,
    patience: { maxAge: 600_000, maxFailed: 0 },
    user: 'ann',
    onAction: () => {},
    ...settings,
  });
  t.after(() => server.close());
  return { ask: asker(server.port), port: server.port };
}

/** The headers of a program that knows the token. */
export const KNOWN = { authorization: `Bearer ${SECRET}` };

/** A route of a dashboard. */
export interface Route {
  method: string;
  path: string;
}

/** Returns all routes that a dashboard has. `names` stand for the parameters of their paths. */
export function routesOf(queue: Queue, names: Record<string, string>): Route[] {
  const live = new LiveView(queue, { patience: { maxAge: 600_000, maxFailed: 0 } });
  const app = makeApp(queue, live, resolveDashboardOptions({ access: () => 'write' }));
  return app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({
      method,
      path: path.replaceAll(/:(\w+)(\{[^}]*\})?\??/g, (_, name: string) => {
        const value = names[name];
        if (value === undefined) throw new Error(`what is :${name} of ${path}?`);
        return encodeURIComponent(value);
      }),
    }));
}
