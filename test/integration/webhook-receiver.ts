import assert from 'node:assert/strict';
import type http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { openQueue } from 'tsvq';
import { webhook } from '../../workers/handlers/webhook.js';
import { temporaryFolder } from '../support/folders.js';
import { serve } from './worker-process.js';

/** A request as a receiver saw it. */
interface Seen {
  method: string | undefined;
  path: string | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A receiver that answers by path, and what it saw. */
export async function receiver(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; host: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const url = await serve(t, async (request, response) => {
    const { method, url: path, headers } = request;
    seen.push({ method, path, headers, body: await text(request) });
    answer(request, response);
  });
  return { url, host: new URL(url).host, seen };
}

/** Runs one job with the handler, to its end; and what it wrote to stderr. */
export async function post(t: TestContext, payload: object, options: { timeout?: number } = {}) {
  const queue = openQueue(join(temporaryFolder(t), 'queue.tsv'));
  t.after(() => queue.close());
  const written = t.mock.method(process.stderr, 'write', () => true);
  const { url } = payload as { url?: unknown };
  const host = typeof url === 'string' && URL.canParse(url) ? new URL(url).host : '';
  const id = await queue.enqueue('webhook', payload, {
    maxAttempts: 3,
    group: host || undefined,
    ...options,
  });
  await queue.processJobs(
    { webhook: (given, context) => webhook(given as never, context as never) },
    { logger: () => {}, backoff: [0] },
  );
  const stderr = written.mock.calls.map((call) => String(call.arguments[0])).join('');
  written.mock.restore();
  const job = await queue.getJob(id);
  assert.ok(job);
  const { status, result, attempts } = job;
  return { status, result, attempts, error: String(job.error ?? ''), stderr };
}

export const redirects =
  (status: number, location: string) => (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/there') response.end('there');
    else response.writeHead(status, { location }).end(`see ${location}`);
  };
