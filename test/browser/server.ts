import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { openQueue } from '../../lib/open-queue.js';
import { createDashboard, nodeHandler } from '../../lib/web.js';

/** A server of a queue's page. */
export interface PageServer {
  /** With the mount path: `http://127.0.0.1:41234`. */
  readonly address: string;
  /** Stops answering, as if the process had been killed. */
  stop(): Promise<void>;
  /** Answers again, at the same address. */
  start(): Promise<void>;
}

/** Serves the page of a queue until the test is over. */
export async function servePage(
  t: TestContext,
  file: string,
  access: 'read' | 'write' = 'write',
): Promise<PageServer> {
  const queue = openQueue(file, { anyFileSystem: true });
  const dashboard = createDashboard(queue, { access: () => access });
  let server: Server | undefined;
  let port = 0;
  const start = async (): Promise<void> => {
    server = createServer(nodeHandler(dashboard)).listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    server = undefined;
    await closed;
  };
  await start();
  t.after(async () => {
    await stop();
    dashboard.close();
    await queue.close();
  });
  return { address: `http://127.0.0.1:${port}`, start, stop };
}
