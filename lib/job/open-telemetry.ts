import type { Attributes, Span } from '@opentelemetry/api';
import { dependency } from './dependency.js';
import { errorMessage, isError, TsvqError } from './errors.js';
import type { EndSpan, TraceCarrier, TracedAttempt, Tracing } from './tracing.js';

type Api = typeof import('@opentelemetry/api');

/** The most bytes of what a job carries. The queue's notes in `meta` share 1 KiB. */
const MOST_BYTES = 640;

/** Loads it where a bundler can see that. A bundler lets a module be missing only if its require is in a try. */
function bundled(): unknown {
  try {
    return require('@opentelemetry/api');
  } catch (cause) {
    throw new Error('it is not in the bundle', { cause });
  }
}

/** Loads the OpenTelemetry API, which the user installs. @throws TsvqError `NOT_INSTALLED` */
export function openTelemetry(): Tracing {
  try {
    return new OpenTelemetry(dependency<Api>('@opentelemetry/api', bundled));
  } catch (cause) {
    throw new TsvqError(
      'NOT_INSTALLED',
      'the option tracing needs @opentelemetry/api, which is not installed: npm install @opentelemetry/api',
      { cause },
    );
  }
}

/**
 * Makes spans by the OpenTelemetry API. Names and attributes are those of its conventions for messaging,
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
class OpenTelemetry implements Tracing {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async adding<T>(types: readonly string[], run: () => Promise<T>, idOf: (result: T) => string): Promise<T> {
    const { SpanKind } = this.#api;
    const [type] = new Set(types).size === 1 ? types : [];
    const isOne = types.length === 1;
    const attributes = {
      ...attributesOf('send', type),
      ...(!isOne && { 'messaging.batch.message_count': types.length }),
    };
    const named = type === undefined ? 'send' : `send ${type}`;
    return this.#tracer.startActiveSpan(named, { kind: SpanKind.PRODUCER, attributes }, async (span) => {
      try {
        const result = await run();
        if (isOne) span.setAttribute('messaging.message.id', idOf(result));
        return result;
      } catch (error) {
        this.#noteError(span, error);
        throw error;
      } finally {
        span.end();
      }
    });
  }

  carrier(): TraceCarrier | undefined {
    const { context, propagation } = this.#api;
    const all: Record<string, string> = {};
    propagation.inject(context.active(), all);
    const { traceparent } = all;
    if (Object.keys(all).length === 0) return undefined;
    if (Buffer.byteLength(JSON.stringify(all)) <= MOST_BYTES) return all;
    // Baggage may be long. The trace goes on without it.
    return traceparent === undefined ? undefined : { traceparent };
  }

  running(attempt: TracedAttempt, onEnd: (end: EndSpan) => void, run: () => unknown): unknown {
    const { context, propagation, ROOT_CONTEXT, SpanKind, trace } = this.#api;
    const { id, type, attempt: number, carrier } = attempt;
    const parent = carrier === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, carrier);
    const attributes = {
      ...attributesOf('process', type),
      'messaging.message.id': id,
      'tsvq.attempt': number,
    };
    const span = this.#tracer.startSpan(`process ${type}`, { kind: SpanKind.CONSUMER, attributes }, parent);
    onEnd((outcome, error) => {
      span.setAttribute('tsvq.outcome', outcome);
      if (error !== undefined) this.#noteError(span, error);
      span.end();
    });
    return context.with(trace.setSpan(parent, span), run);
  }

  get #tracer() {
    return this.#api.trace.getTracer('tsvq');
  }

  #noteError(span: Span, error: unknown): void {
    const message = errorMessage(error);
    span.recordException(isError(error) ? error : message);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
  }
}

const attributesOf = (operation: 'send' | 'process', type: string | undefined): Attributes => ({
  'messaging.system': 'tsvq',
  'messaging.operation.type': operation,
  'messaging.operation.name': operation,
  ...(type !== undefined && { 'messaging.destination.name': type }),
});
