import type { Handler } from 'hono';
import { type ErrorCode, errorMessage, TsvqError } from '../../job/errors.js';
import { toSafeJson } from '../../view/text.js';
import type { App, Request } from '../asked.js';

/** The statuses of refusals. */
type RefusalStatus = 400 | 404 | 405 | 409 | 413 | 415 | 500 | 503;

/** A request that can't be met, with a code for programs. */
export class Refusal extends Error {
  readonly status: RefusalStatus;
  readonly code: string;

  constructor(status: RefusalStatus, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The errors of a queue that are not the server's fault, or that pass. */
const STATUSES: Partial<Record<ErrorCode, RefusalStatus>> = {
  INVALID_ARGUMENT: 400,
  DUPLICATE_JOB: 409,
  PAYLOAD_TOO_LARGE: 413,
  LOCK_TIMEOUT: 503,
  DISK_FULL: 503,
  QUEUE_FULL: 503,
  CLOSED: 503,
};

/** Answers a value in JSON. */
const json = (request: Request, value: unknown, status: 200 | RefusalStatus = 200): Response =>
  request.body(toSafeJson(value), status, { 'content-type': 'application/json' });

/** Answers what went wrong in JSON: `{error, code}`. */
export function refused(request: Request, error: unknown): Response {
  if (error instanceof Refusal)
    return json(request, { error: error.message, code: error.code }, error.status);
  const code = error instanceof TsvqError ? error.code : 'INTERNAL';
  const status = STATUSES[code as ErrorCode] ?? 500;
  return json(request, { error: errorMessage(error), code }, status);
}

/** Adds a route whose handler returns what is answered in JSON, or throws what is refused. */
export function route(
  app: App,
  method: 'GET' | 'POST',
  path: string,
  handler: (request: Request) => Promise<unknown>,
): void {
  app.on(method, path, async (request) => {
    try {
      const answer = await handler(request);
      return answer instanceof Response ? answer : json(request, answer);
    } catch (error) {
      return refused(request, error);
    }
  });
}

/** Refuses the methods of a path that no route is for. */
export const otherMethods =
  (allowed: 'GET, HEAD' | 'POST'): Handler =>
  (request) => {
    request.header('allow', allowed);
    const { method } = request.req;
    return refused(request, new Refusal(405, 'METHOD_NOT_ALLOWED', `${method} is not ${allowed}`));
  };
