import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A monitoring service. */
export interface Service {
  /** The address of a check. */
  readonly url: (check?: string) => string;
  /** The requests, as `GET /check`. */
  readonly pings: string[];
  /** When each check was last asked for, in ms since 1970. */
  readonly last: Map<string, number>;
}

/** A real HTTP server that notes each ping, until the test is over. @param answer what it does otherwise */
export async function pinged(
  t: TestContext,
  answer: RequestListener = (_, response) => void response.end('OK'),
): Promise<Service> {
  const pings: string[] = [];
  const last = new Map<string, number>();
  const server = createServer((request, response) => {
    pings.push(`${request.method} ${request.url}`);
    last.set(String(request.url).slice(1), Date.now());
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: (check = 'check') => `http://127.0.0.1:${port}/${check}`, pings, last };
}
