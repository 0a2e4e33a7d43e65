import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { openQueue } from '../../lib/open-queue.js';
import { createDashboard, nodeHandler } from '../../lib/web.js';

/** A server that can be stopped. It ends with the test. */
export class TestServer {
  readonly #listener: RequestListener;
  #server: Server | undefined;
  #port = 0;

  constructor(t: TestContext, listener: RequestListener) {
    this.#listener = listener;
    t.after(() => this.stop());
  }

  /** Without a slash at its end. */
  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Answers, at the same address as before. */
  async start(): Promise<this> {
    this.#server = createServer(this.#listener).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Stops answering, as if the process had been killed. */
  async stop(): Promise<void> {
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#server = undefined;
    await closed;
  }
}

/** A server of a queue's page. */
export interface QueueServer {
  readonly address: string;
  readonly file: string;
  start(): Promise<unknown>;
  stop(): Promise<void>;
}

/** Serves the pages of a queue until the test is over. */
export async function serveQueue(
  t: TestContext,
  file: string,
  access: 'read' | 'write' = 'write',
): Promise<QueueServer> {
  const queue = openQueue(file, { anyFileSystem: true });
  const dashboard = createDashboard(queue, { access: () => access });
  t.after(async () => {
    dashboard.close();
    await queue.close();
  });
  const server = await new TestServer(t, nodeHandler(dashboard)).start();
  return {
    file,
    address: server.address,
    start: () => server.start(),
    stop: () => server.stop(),
  };
}
