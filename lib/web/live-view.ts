import type { Job } from '../job/job.js';
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

/** How a queue is looked at. */
export interface LiveViewOptions {
  readonly patience: Patience;
  /** Hides what must not be seen of a job; see {@link View}. Default: nothing. */
  readonly redact?: ((job: Job) => Job) | undefined;
  readonly idleMs?: number;
}

/** A view that is made at the first request, and again after an idle time. */
export class LiveView {
  readonly #queue: Queue;
  readonly #options: LiveViewOptions;
  #view: View | undefined;
  /** The look that is being taken, and the one that comes after it. */
  #looking: Promise<Sight> | undefined;
  #next: Promise<Sight> | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(queue: Queue, options: LiveViewOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  /**
   * Looks at the queue. A look that is under way may have missed what the caller has just changed, so requests that come
   * meanwhile share the one after it.
   */
  look(): Promise<Sight> {
    if (this.#next !== undefined) return this.#next;
    if (this.#looking === undefined) return this.#start();
    const start = (): Promise<Sight> => this.#start();
    this.#next = this.#looking.then(start, start);
    return this.#next;
  }

  #start(): Promise<Sight> {
    this.#next = undefined;
    this.#looking = this.#take().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #take(): Promise<Sight> {
    clearTimeout(this.#idle);
    const { patience, redact, idleMs = IDLE_MS } = this.#options;
    this.#view ??= new View(this.#queue, redact);
    const view = this.#view;
    try {
      return { view, look: await view.look(Date.now(), patience) };
    } finally {
      // It must not keep the process alive.
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.close(), idleMs).unref();
    }
  }

  /** Drops the view, once the look that is under way is over. The next look makes another one. */
  close(): void {
    clearTimeout(this.#idle);
    const view = this.#view;
    this.#view = undefined;
    const drop = (): void => view?.close();
    if (this.#looking === undefined) drop();
    else this.#looking.then(drop, drop);
  }
}
