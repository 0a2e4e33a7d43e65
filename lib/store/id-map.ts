/** An id as this queue makes them. */
const DIGITS = 16;

/**
 * Numbers by job id. The ids that this queue makes are 64 bits in hex digits, and those are kept as two integers in a
 * flat table: a million of them in 24 MB, where a Map of strings takes a hundred and makes the garbage collector walk
 * through all of them. Other ids (a hand edit, another program's) are in a Map.
 */
export class IdMap {
  size = 0;
  readonly #others = new Map<string, number>();
  #capacity = 1024;
  #filled = 0;
  #high = new Uint32Array(this.#capacity);
  #low = new Uint32Array(this.#capacity);
  /** One more than the number; 0 where there is none. */
  #values = new Uint32Array(this.#capacity);

  get(id: string): number | undefined {
    const high = bitsAt(id, 0);
    const low = bitsAt(id, DIGITS / 2);
    if (id.length !== DIGITS || high < 0 || low < 0) return this.#others.get(id);
    const value = this.#values[this.#place(high, low)] as number;
    return value === 0 ? undefined : value - 1;
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  /** For an id that is not in it yet. */
  add(id: string, number: number): void {
    this.size++;
    const high = bitsAt(id, 0);
    const low = bitsAt(id, DIGITS / 2);
    if (id.length !== DIGITS || high < 0 || low < 0) {
      this.#others.set(id, number);
      return;
    }
    // Half full at the most: then an empty place is near everywhere.
    if (++this.#filled > this.#capacity / 2) this.#grow();
    this.#put(high, low, number + 1);
  }

  #put(high: number, low: number, value: number): void {
    const place = this.#place(high, low);
    this.#high[place] = high;
    this.#low[place] = low;
    this.#values[place] = value;
  }

  /** Where an id stands, or the empty place where it would. */
  #place(high: number, low: number): number {
    const last = this.#capacity - 1;
    // Knuth's multiplicative hash (The Art of Computer Programming 3, 6.4), for ids that are not random.
    let place = (Math.imul(high ^ low, 0x9e3779b1) >>> 7) & last;
    while (this.#values[place] !== 0 && (this.#low[place] !== low || this.#high[place] !== high)) {
      place = (place + 1) & last;
    }
    return place;
  }

  #grow(): void {
    const [highs, lows, values] = [this.#high, this.#low, this.#values];
    this.#capacity *= 2;
    this.#high = new Uint32Array(this.#capacity);
    this.#low = new Uint32Array(this.#capacity);
    this.#values = new Uint32Array(this.#capacity);
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== 0) this.#put(highs[i] as number, lows[i] as number, values[i] as number);
    }
  }
}

/** Eight hex digits, as small letters, as a number; -1 if they aren't. */
function bitsAt(id: string, from: number): number {
  let bits = 0;
  for (let i = from; i < from + DIGITS / 2; i++) {
    const code = id.charCodeAt(i);
    if (code >= 48 && code <= 57) bits = bits * 16 + code - 48;
    else if (code >= 97 && code <= 102) bits = bits * 16 + code - 87;
    else return -1;
  }
  return bits;
}
