import type { IncomingMessage } from 'node:http';

/** A body that a parser has read before, written again. */
export interface EatenBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

const FORM = 'application/x-www-form-urlencoded';

/**
 * Returns what a body parser of the app has read of a request: its stream is at its end, and `body` has what came, or
 * `rawBody` has the bytes. Undefined if the stream can still be read.
 *
 * @throws Error if the body was read, and not kept
 */
export function eatenBody(
  request: IncomingMessage & { body?: unknown; rawBody?: unknown },
): EatenBody | undefined {
  const { body, rawBody, headers } = request;
  const type = headers['content-type'] ?? '';
  // A parser that isn't for this type leaves an empty object, and the stream.
  if (!request.readableDidRead) return undefined;
  const bytes = [rawBody, body].find((bytes) => bytes instanceof Uint8Array);
  if (bytes !== undefined) return { bytes: new Uint8Array(bytes), type };
  if (body === undefined)
    throw new Error('the body of this request was read before, and is not in request.body');
  if (typeof body === 'string') return { bytes: utf8(body), type };
  const isJson = /^application\/([\w.-]+\+)?json\b/i.test(type);
  if (isJson || typeof body !== 'object' || body === null) return { bytes: utf8(JSON.stringify(body)), type };
  // Of a form with parts, too, there are only its fields.
  return { bytes: utf8(String(new URLSearchParams(Object.entries(body).flatMap(fieldsOf)))), type: FORM };
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

/** Writes a field as pairs. A parser makes a list of one that comes several times, or an object if there are many. */
function fieldsOf([name, value]: [name: string, value: unknown]): [name: string, value: string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value ?? '')]];
  return Object.entries(value).flatMap(([key, part]) =>
    fieldsOf([/^\d+$/.test(key) ? name : `${name}[${key}]`, part]),
  );
}
