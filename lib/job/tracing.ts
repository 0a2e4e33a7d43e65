/** The names and values by which a trace goes on elsewhere: `traceparent`, say. */
export type TraceCarrier = Readonly<Record<string, string>>;

/** One attempt in a trace. */
export interface TracedAttempt {
  readonly id: string;
  readonly type: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** What its job carries; undefined if it was added without tracing. */
  readonly carrier: TraceCarrier | undefined;
}

/** Makes spans of what a queue does. */
export interface Tracing {
  /** Runs a call that adds jobs within a span. @param idOf returns the id of the only job, from the result */
  adding<T>(types: readonly string[], run: () => Promise<T>, idOf: (result: T) => string): Promise<T>;
  /** Returns what a job has to carry that is added now; undefined without an active trace. */
  carrier(): TraceCarrier | undefined;
  /**
   * Calls a handler within a span.
   *
   * @returns what it returned, and the function that ends the span. @throws what it throws; `end` is given to `onEnd` before
   */
  running(attempt: TracedAttempt, onEnd: (end: EndSpan) => void, run: () => unknown): unknown;
}

/** Ends the span of an attempt. @param error undefined if it didn't fail */
export type EndSpan = (outcome: string, error: unknown) => void;
