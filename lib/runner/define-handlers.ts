import type { DefaultJobs, TypeOf } from '../job/job.js';
import type { HandlerEntries, HandlerEntry, HandlerWithPolicy } from './handler.js';
import { checkHandlers } from './handler-table.js';

/** The handlers that {@link defineHandlers} returns: each is an object with its `handler` and the options of its type. */
export type DefinedHandlers<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> = {
  // Without a map of job types, a handler takes a job of any name.
  readonly [K in T]: HandlerWithPolicy<Jobs, string extends TypeOf<Jobs> ? TypeOf<Jobs> : K>;
};

/** The map of job types as it was given. The compiler doesn't guess it from the handlers. */
type Given<Jobs> = [Jobs][Jobs extends unknown ? 0 : never];

/**
 * Checks handlers and their policies at once, so that a mistake shows in a unit test, and returns them for
 * `processJobs`. Each entry of the result is an object, so a test calls `handlers.email.handler`. The handler is yours
 * as it is: only a worker asks the schema.
 *
 * A worker that serves some types names them: `defineHandlers<Jobs, 'email'>`. Without their names, each entry of the
 * result may be undefined.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, at once, that names the type, the option and its value
 * @example
 * const handlers = defineHandlers<{ email: { to: string }; ping: undefined }>({
 *   email: { handler: ({ to }, { signal }) => send(to, { signal }), maxAttempts: 5, timeout: '30s' },
 *   ping: () => 'pong',
 * });
 * await handlers.email.handler({ to: 'ann@example.com' }, context()); // in a test; context is from 'tsvq/testing'
 * await queue.processJobs(handlers);
 */
export function defineHandlers<Jobs = DefaultJobs, T extends string = TypeOf<Jobs>>(
  handlers: {
    readonly [K in T]: K extends TypeOf<Jobs> ? HandlerEntry<Given<Jobs>, K> : never;
  },
): DefinedHandlers<Jobs, T & TypeOf<Jobs>>;
export function defineHandlers<Jobs = DefaultJobs>(
  handlers: Partial<HandlerEntries<Given<Jobs>>>,
): Partial<DefinedHandlers<Jobs>>;
export function defineHandlers(handlers: Partial<HandlerEntries>): Partial<DefinedHandlers> {
  checkHandlers(handlers);
  const given = Object.entries(handlers).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(given.map(([type, entry]) => [type, asObject(entry as HandlerEntry)]));
}

const asObject = (entry: HandlerEntry): HandlerWithPolicy =>
  typeof entry === 'function' ? { handler: entry } : entry;
