import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Dashboard } from './dashboard.js';

/**
 * Makes a request listener for `node:http`, Express and the like.
 *
 * @example
 * app.use('/admin/queue', nodeHandler(dashboard));
 */
export function nodeHandler({
  fetch,
}: Dashboard): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return getRequestListener(fetch, { overrideGlobalObjects: false });
}
