import type { Store } from '../store.js';

/** How often a worker that waits for something looks at the file, whatever the system tells it. */
const POLL_MS = 500;
/** Between two looks: where many write, every word of theirs would make every worker read. */
const REST_MS = 3;

/**
 * Looks at the queue file whenever something happens to it, and every half second besides: the system's word may be
 * missing (no watches left, a file system that has none) or late.
 */
export class Watcher {
  readonly #store: Store;
  readonly #look: () => Promise<void>;
  #looking = false;
  #again = false;
  #over = false;
  #cancelRest: (() => void) | undefined;
  #cancelPoll: (() => void) | undefined;
  #watches = false;
  #endWatch: (() => void) | undefined;

  /** @param look must not reject */
  constructor(store: Store, look: () => Promise<void>) {
    this.#store = store;
    this.#look = look;
  }

  /** @param watch ask the system, too; without it only the half seconds count */
  start(watch: boolean): void {
    this.#watches = watch;
    this.#watch();
    this.#pollLater();
  }

  stop(): void {
    this.#over = true;
    this.#cancelRest?.();
    this.#cancelPoll?.();
    this.#endWatch?.();
  }

  /** Several words of the system that come while it looks, or rests, make one more look. */
  async #onChange(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    this.#again = false;
    await this.#look();
    this.#cancelRest = this.#store.clock.later(REST_MS, () => {
      this.#looking = false;
      if (this.#again && !this.#over) void this.#onChange();
    });
  }

  #watch(): void {
    if (!this.#watches || this.#over || this.#endWatch !== undefined) return;
    try {
      this.#endWatch = this.#store.watch(() => void this.#onChange());
    } catch {
      // No directory yet, or no watches left: perhaps at the next poll.
    }
  }

  #pollLater(): void {
    if (this.#over) return;
    const poll = async (): Promise<void> => {
      // Before the look, which sees what came before.
      this.#watch();
      await this.#onChange();
      this.#pollLater();
    };
    this.#cancelPoll = this.#store.clock.later(POLL_MS, () => void poll(), true);
  }
}
