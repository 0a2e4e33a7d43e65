import { errorMessage } from '../../job/errors.js';
import { type Outbox, tableOf } from '../../job/outbox.js';
import type { Store } from '../store.js';
import { Relay } from './relay.js';

/** How often an outbox is looked at without a notification, in ms. The death of a relay, say, changes no row. */
const POLL_MS = 1_000;
/** The longest pause after looks that failed, in ms. */
const MOST_PAUSE_MS = 30_000;
/** How long the end of a worker waits for a database that doesn't answer, in ms. */
const LAST_LOOK_MS = 5_000;

/** What is told of relays. */
export interface RelayListener {
  /** Gets each warning once, until a look succeeds. */
  warn(message: string): void;
  /** Gets how many rows became jobs, after each look that found some. */
  relayed?(jobs: number): void;
}

/** The relays of one worker. A failure is a warning, and never stops the worker's jobs. */
export class Relays {
  readonly #all: readonly OutboxWatch[];

  constructor(store: Store, outboxes: readonly Outbox[], listener: RelayListener) {
    this.#all = outboxes.map((outbox) => new OutboxWatch(store, outbox, listener));
  }

  /** Relays what is committed. Never rejects. */
  async look(): Promise<void> {
    for (const watch of this.#all) await watch.look();
  }

  /** Relays what is committed from now on, until {@link stop}. */
  start(): void {
    for (const watch of this.#all) watch.start();
  }

  /** Ends the relays, after the rows that they hold. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((watch) => watch.stop()));
  }
}

/** Looks at one outbox again and again. */
class OutboxWatch {
  readonly #store: Store;
  readonly #outbox: Outbox;
  readonly #listener: RelayListener;
  #relay: Relay | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #isStopped = false;
  /** How many looks in a row failed. */
  #failures = 0;
  #told: string | undefined;
  #cancelPoll: (() => void) | undefined;
  #endWatch: (() => void) | undefined;

  constructor(store: Store, outbox: Outbox, listener: RelayListener) {
    this.#store = store;
    this.#outbox = outbox;
    this.#listener = listener;
  }

  async look(): Promise<void> {
    try {
      this.#relay ??= new Relay(this.#store, tableOf(this.#outbox));
      const { jobs, rejected, firstError } = await this.#relay.run(() => this.#isStopped);
      this.#failures = 0;
      this.#told = undefined;
      if (jobs > 0) this.#listener.relayed?.(jobs);
      if (rejected > 0) this.#listener.warn(rejection(this.#outbox.name, rejected, firstError));
    } catch (error) {
      this.#failures++;
      const message = errorMessage(error);
      if (message !== this.#told) this.#listener.warn(message);
      this.#told = message;
    }
  }

  start(): void {
    this.#watch();
    this.#pollLater(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPoll?.();
    this.#endWatch?.();
    if (this.#looking === undefined) return;
    let cancel = (): void => {};
    const limit = new Promise<void>((resolve) => {
      cancel = this.#store.clock.later(LAST_LOOK_MS, resolve, true);
    });
    await Promise.race([this.#looking, limit]);
    cancel();
  }

  /** Looks now. Notifications during a look cause one more. */
  #onChange(): void {
    this.#again = true;
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookOn(): Promise<void> {
    while (this.#again && !this.#isStopped) {
      this.#again = false;
      await this.look();
    }
  }

  #watch(): void {
    try {
      this.#endWatch ??= tableOf(this.#outbox).watch(() => {
        // After a failure the polls decide when to try again.
        if (this.#failures === 0) this.#onChange();
      });
    } catch {
      // The next look tells why, and the next poll tries again.
    }
  }

  #pollLater(ms: number): void {
    this.#cancelPoll = this.#store.clock.later(ms, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    this.#watch();
    this.#onChange();
    await this.#looking;
    const pause = Math.min(POLL_MS * 2 ** Math.min(this.#failures, 10), MOST_PAUSE_MS);
    if (!this.#isStopped) this.#pollLater(pause);
  }
}

/** Returns the text about rows that were kept apart. */
const rejection = (name: string, rows: number, error = ''): string =>
  `${name} had ${rows} ${rows === 1 ? 'row' : 'rows'} that can't be jobs, now in tsvq_outbox_rejected: ${error}`;
