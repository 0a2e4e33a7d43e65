import { once } from 'node:events';
import { deferred } from './waiting.js';

/** A handler that runs until its signal is aborted, and one can tell that it has begun. */
export function obedient() {
  const started = deferred();
  const stopped = deferred<{ reason: unknown; name: string }>();
  const handler = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<never> => {
    started.resolve();
    await once(signal, 'abort');
    stopped.resolve({ reason: signal.reason, name: (signal.reason as Error).name });
    throw signal.reason;
  };
  return { started: started.promise, stopped: stopped.promise, handler };
}

/** A handler that hears nothing, and ends when the test says so. */
export function stubborn() {
  const started = deferred();
  const end = deferred<unknown>();
  const handler = (): Promise<unknown> => {
    started.resolve();
    return end.promise;
  };
  return { started: started.promise, end, handler };
}

/** A handler that throws this. */
export const fails = (error: unknown) => () => {
  throw error;
};
