/*
 * A virtual process, in a thread of its own, and the scheduler talk here: one of the two runs, and the other waits.
 * The process stops in the middle of its code, as a real one does in a system call.
 */

const TURN = 0;
const LENGTH = 1;
const BYTES = 2;
const NOW_AT = 16;
const TEXT_AT = 64;
const BYTES_AT = 4 * 1024 * 1024;
const SIZE = 8 * 1024 * 1024;
/** No step of a virtual process takes so long. */
const STUCK_MS = 20_000;

export type Side = 'scheduler' | 'process';

/** What one says to the other; bytes that a call reads or writes go beside it as they are. */
export interface Message<T> {
  readonly said: T;
  readonly bytes: Buffer;
}

export class Channel {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #now: Float64Array;
  readonly #all: Buffer;
  readonly #mine: number;

  constructor(side: Side, shared: SharedArrayBuffer = new SharedArrayBuffer(SIZE)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, 4);
    this.#now = new Float64Array(shared, NOW_AT, 1);
    this.#all = Buffer.from(shared);
    this.#mine = side === 'scheduler' ? 0 : 1;
    // The process speaks first.
    if (side === 'scheduler') this.#words[TURN] = 1;
  }

  /** The time on the wall, in ms; the scheduler sets it. */
  get now(): number {
    return this.#now[0] as number;
  }

  set now(ms: number) {
    this.#now[0] = ms;
  }

  /** Hands the turn over. */
  say(what: unknown, bytes?: Buffer): void {
    this.#words[LENGTH] = this.#all.write(JSON.stringify(what), TEXT_AT, BYTES_AT - TEXT_AT);
    this.#words[BYTES] = bytes?.copy(this.#all, BYTES_AT) ?? 0;
    Atomics.store(this.#words, TURN, 1 - this.#mine);
    Atomics.notify(this.#words, TURN);
  }

  /** Waits for the turn. The bytes are valid until the next {@link say}. */
  hear<T>(): Message<T> {
    while (Atomics.load(this.#words, TURN) !== this.#mine) {
      const limit = this.#mine === 0 ? STUCK_MS : Number.POSITIVE_INFINITY;
      if (Atomics.wait(this.#words, TURN, 1 - this.#mine, limit) === 'timed-out') {
        throw new Error('a virtual process has been at one step for too long');
      }
    }
    const said = JSON.parse(this.#all.toString('utf8', TEXT_AT, TEXT_AT + (this.#words[LENGTH] as number)));
    return { said, bytes: this.#all.subarray(BYTES_AT, BYTES_AT + (this.#words[BYTES] as number)) };
  }
}
