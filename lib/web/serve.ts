import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Queue } from '../queue.js';
import type { Patience } from '../view/problems.js';
import { makeDashboard } from './dashboard.js';
import { makeGate } from './gate.js';
import { guarded } from './headers.js';
import { inAddress } from './host.js';
import { nodeHandler } from './node-handler.js';
import { type Action, resolveDashboardOptions } from './options.js';
import type { Token } from './token.js';

/** How a queue's page is served by itself. */
export interface ServeSettings {
  /** 0: any that is free. */
  readonly port: number;
  readonly host: string;
  /** The names that the server has besides `host` and those of the machine itself. */
  readonly names: readonly string[];
  readonly token: Token;
  readonly isReadOnly: boolean;
  readonly patience: Patience;
  /** The name of the person who runs the server. */
  readonly user: string;
  readonly onAction: (action: Action) => void;
}

/** A server that listens. */
export interface Served {
  /** Where its pages are, for a browser on this machine, without the token. */
  readonly url: string;
  readonly port: number;
  /** Ends it at once, and the open connections as well. */
  close(): Promise<void>;
}

/** How long a client may take for a request's headers, and for all of a request. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000 };

/** All addresses of a machine, which are none to open. */
const ANY = ['0.0.0.0', '::', '[::]'];

/** Serves a queue's page. @throws an error of the system, if the port is taken, say */
export async function serve(queue: Queue, settings: ServeSettings): Promise<Served> {
  const { host, names, token, isReadOnly, patience, user, onAction } = settings;
  const dashboard = makeDashboard(
    queue,
    resolveDashboardOptions({ access: () => ({ access: isReadOnly ? 'read' : 'write', user }), onAction }),
    patience,
  );
  const server = createServer(LIMITS);
  const port = await listen(server, settings);
  const gate = makeGate({ token, port, names: [host, ...names] });
  const fetch = async (request: Request): Promise<Response> => {
    const refused = gate(request);
    return refused === undefined ? dashboard.fetch(request) : guarded(refused);
  };
  server.on('request', nodeHandler({ ...dashboard, fetch }));
  return {
    url: `http://${ANY.includes(host) ? '127.0.0.1' : inAddress(host)}:${port}/`,
    port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      dashboard.close();
    },
  };
}

async function listen(server: Server, { port, host }: ServeSettings): Promise<number> {
  server.listen({ port, host: host.replace(/^\[(.*)\]$/, '$1') });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
