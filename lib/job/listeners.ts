import { isPromise } from 'node:util/types';
import { invalid } from './checks.js';
import { EVENT_LEVELS, type EventName, type WorkerEvent } from './worker-event.js';

/** A function that hears events. */
export type Listener = (event: WorkerEvent) => unknown;

/** The functions that hear the events of one queue in this process. */
export class Listeners {
  readonly #byName = new Map<EventName, Set<Listener>>();

  /** Adds a listener. @returns the function that removes it @throws TsvqError `INVALID_ARGUMENT` */
  add(name: EventName, listener: Listener): () => void {
    if (!Object.hasOwn(EVENT_LEVELS, name))
      throw invalid('the name of an event', name, `one of ${Object.keys(EVENT_LEVELS).join(', ')}`);
    if (typeof listener !== 'function') throw invalid('listener', listener, 'a function of one event');
    // An own function, so that one that is added twice is called twice, and removed one by one.
    const own: Listener = (event) => listener(event);
    const all = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, all.add(own));
    return () => {
      all.delete(own);
      if (all.size === 0 && this.#byName.get(name) === all) this.#byName.delete(name);
    };
  }

  /** True if a function hears events of this name. Other events need not be made. */
  hears(name: EventName): boolean {
    return this.#byName.has(name);
  }

  /** Calls the functions that hear the event. What they throw is dropped, because it must not lose a job. */
  tell(event: WorkerEvent): void {
    for (const listener of this.#byName.get(event.event) ?? []) callSafely(() => listener(event));
  }
}

/** Calls a function of the user's. Drops what it throws, or what its promise is rejected with. */
export function callSafely(call: () => unknown): void {
  try {
    const told = call();
    // Promise.prototype.then works for a promise of any realm, and calls no overridden method.
    if (isPromise(told)) Promise.prototype.then.call(told, undefined, () => {});
  } catch {}
}
