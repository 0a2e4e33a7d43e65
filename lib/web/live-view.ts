import type { Queue } from '../queue.js';
import type { Patience } from '../view/problems.js';
import { type Look, View } from '../view/view.js';

/** After so long without a request the view is dropped, because it takes some 100 bytes for each job. */
const IDLE_MS = 600_000;

/** A view, and what it has just seen. */
export interface Sight {
  readonly view: View;
  readonly look: Look;
}

/** A view that is made at the first request, and again after an idle time. */
export class LiveView {
  readonly #queue: Queue;
  readonly #patience: Patience;
  readonly #idleMs: number;
  #view: View | undefined;
  /** The look that is being taken. */
  #looking: Promise<Sight> | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(queue: Queue, patience: Patience, idleMs: number = IDLE_MS) {
    this.#queue = queue;
    this.#patience = patience;
    this.#idleMs = idleMs;
  }

  /** Looks at the queue. Requests that come meanwhile share the look. */
  look(): Promise<Sight> {
    this.#looking ??= this.#take().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #take(): Promise<Sight> {
    clearTimeout(this.#idle);
    this.#view ??= new View(this.#queue);
    const view = this.#view;
    try {
      return { view, look: await view.look(Date.now(), this.#patience) };
    } finally {
      // It must not keep the process alive.
      this.#idle = setTimeout(() => this.close(), this.#idleMs).unref();
    }
  }

  /** Drops the view. The next look makes another one. */
  close(): void {
    clearTimeout(this.#idle);
    this.#view?.close();
    this.#view = undefined;
  }
}
