import type { Store } from './store.js';

/** How often the file is read, with or without a notification. */
const POLL_MS = 500;
/** The rest between two reads. Without it, every write would make every worker read. */
const REST_MS = 3;

/**
 * Reads the queue file after each change to it, and every half second, because notifications may be
 * missing (no watches left, a file system without them) or late.
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

  /** Starts polling. @param watch true to use notifications, too */
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

  /** Reads the file. Notifications during the read, or the rest after it, cause one more read. */
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
      // No directory yet, or no watches left. The next poll tries again.
    }
  }

  #pollLater(): void {
    if (this.#over) return;
    const poll = async (): Promise<void> => {
      // The watch comes first, because the read then sees all earlier changes.
      this.#watch();
      await this.#onChange();
      this.#pollLater();
    };
    this.#cancelPoll = this.#store.clock.later(POLL_MS, () => void poll(), true);
  }
}
