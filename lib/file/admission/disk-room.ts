import { dirname } from 'node:path';
import type { ShortOfRoom } from '../disk/heartbeat.js';
import type { Store } from '../store.js';

/** The worker's side of the shortage: it is noted for the heartbeat, and told once. */
export interface RoomEvents {
  shortOfRoom: ShortOfRoom | undefined;
  warn(message: string): void;
}

/** Looks if the queue's disk has the free bytes that the option `minFree` asks for. */
export class DiskRoom {
  readonly #store: Store;
  readonly #events: RoomEvents;
  #isTold = false;

  constructor(store: Store, events: RoomEvents) {
    this.#store = store;
    this.#events = events;
  }

  /** True if the disk has less room. Without the option, it isn't asked. */
  isShort(): boolean {
    const { fs, clock, options, realPath } = this.#store;
    const { minFree } = options;
    if (minFree === 0) return false;
    const free = fs.statfs(dirname(realPath))?.free ?? Number.POSITIVE_INFINITY;
    if (free >= minFree) return false;
    this.#events.shortOfRoom = { at: clock.now(), free, minFree };
    return true;
  }

  /** Warns of a shortage, once. Call it without the lock, because it calls the logger. */
  tell(): void {
    const { shortOfRoom } = this.#events;
    if (shortOfRoom === undefined || this.#isTold) return;
    this.#isTold = true;
    this.#events.warn(
      `no job starts, and no schedule makes one, because the disk of ${this.#store.path} has ` +
        `${shortOfRoom.free} free bytes, fewer than minFree, ${shortOfRoom.minFree}; free some space`,
    );
  }
}
