import { writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { openQueue } from '../../../lib/open-queue.js';
import type { Queue } from '../../../lib/queue.js';
import { createDashboard } from '../../../lib/web/dashboard.js';
import type { Action, DashboardOptions } from '../../../lib/web/options.js';
import { fileOf, jobId, line } from '../../support/queue-file.js';

/** What a dashboard has answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; undefined if it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at all kinds of answers.
  readonly body: any;
}

export type Ask = (
  request: string,
  init?: { readonly headers?: Record<string, string>; readonly body?: unknown },
) => Promise<Answer>;

/** A queue of these lines, and the ways to ask its dashboard. */
export interface Asked {
  readonly file: string;
  readonly queue: Queue;
  /** Asks, as in `POST /api/pause`. A body that is no text is sent as JSON. */
  readonly ask: Ask;
  readonly actions: Action[];
  readonly close: () => void;
}

export function served(
  t: TestContext,
  lines: readonly string[],
  options: Partial<DashboardOptions> = {},
): Asked {
  const file = fileOf(t, ...lines);
  writeFileSync(`${file}.tick`, `${Date.now() / 1000}\n`);
  const queue = openQueue(file, { anyFileSystem: true, noWorkerAfter: false });
  const actions: Action[] = [];
  const dashboard = createDashboard(queue, {
    access: () => ({ access: 'write', user: 'ann' }),
    onAction: (action) => void actions.push(action),
    ...options,
  });
  t.after(async () => {
    dashboard.close();
    await queue.close();
  });
  return { file, queue, ask: asking(dashboard.fetch), actions, close: dashboard.close };
}

export const asking =
  (fetch: (request: Request) => Promise<Response>): Ask =>
  async (asked, { headers = {}, body } = {}) => {
    const [method = 'GET', path = '/'] = asked.split(' ');
    const isJson = body !== undefined && typeof body !== 'string';
    const response = await fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: isJson ? JSON.stringify(body) : body }),
      }),
    );
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: jsonOf(text) };
  };

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const seconds = (): number => Date.now() / 1000;

/** A line of a job that ended a minute ago, or waits, or runs. */
export const ended = (n: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({
    id: jobId(n),
    ...{ status: 'completed', created_at: seconds() - 90, run_at: seconds() - 90, attempts: 1, version: 3 },
    ...{ started_at: seconds() - 62, finished_at: seconds() - 60, ...fields },
  });

export const failed = (n: number, fields: Parameters<typeof line>[0] = {}): string =>
  ended(n, { status: 'failed', error: `Error: job ${n} answered 503`, ...fields });

export const waiting = (n: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({ id: jobId(n), created_at: seconds(), run_at: seconds() + 3600, ...fields });
