/** An id as this queue makes them. */
const DIGITS = 16;
/** Integers in the table for each of them. */
const WIDTH = 3;

/** A field as its bytes in the file read one by one; the same for every id that this queue makes. */
export const keyOf = (field: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant.
  /^[\x00-\x7f]*$/.test(field) ? field : Buffer.from(field).toString('latin1');

/**
 * Numbers job ids, from 0 on, in the order in which they come. The ids that this queue makes are 64 bits in hex digits,
 * and those are kept as integers in one flat table: a million of them in 24 MB, where a Map of strings takes a hundred
 * and makes the garbage collector walk through all of them. Other ids (a hand edit, another program's) are in a Map.
 *
 * An id is a string of its bytes in the file, read one by one; or those bytes themselves, from one place to another, so
 * that a scan of a million rows makes no strings.
 */
export class IdMap {
  size = 0;
  readonly #others = new Map<string, number>();
  #capacity = 1024;
  #filled = 0;
  /**
   * The two halves of an id, and one more than its number, or 0 where there is none. Side by side: a look at a large
   * table costs the processor one access to memory instead of three.
   */
  #table = new Int32Array(WIDTH * this.#capacity);
  /** The halves of the id that {@link #isOurs} was last asked about. */
  #high = 0;
  #low = 0;

  get(id: string | Buffer, from = 0, to: number = id.length): number | undefined {
    if (!this.#isOurs(id, from, to)) return this.#others.get(text(id, from, to));
    const value = this.#table[this.#place(this.#high, this.#low) + 2] as number;
    return value === 0 ? undefined : value - 1;
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  /** The id's number; one that is not in it yet gets the next one, which is {@link size} before. */
  numberOf(id: string | Buffer, from = 0, to: number = id.length): number {
    if (!this.#isOurs(id, from, to)) return this.#numberOfOther(text(id, from, to));
    // Half full at the most: then an empty place is near everywhere.
    if (this.#filled >= this.#capacity / 2) this.#grow();
    const place = this.#place(this.#high, this.#low);
    const value = this.#table[place + 2] as number;
    if (value !== 0) return value - 1;
    this.#filled++;
    this.#put(place, this.#high, this.#low, ++this.size);
    return this.size - 1;
  }

  #numberOfOther(id: string): number {
    const known = this.#others.get(id);
    if (known !== undefined) return known;
    this.#others.set(id, this.size);
    return this.size++;
  }

  #isOurs(id: string | Buffer, from: number, to: number): boolean {
    if (to - from !== DIGITS) return false;
    let half = 0;
    for (let i = 0; i < DIGITS; i++) {
      const code = typeof id === 'string' ? id.charCodeAt(from + i) : (id[from + i] as number);
      if (i === DIGITS / 2) this.#high = half;
      // Shifted, what was there before leaves on the left, and it stays an integer.
      if (code >= 48 && code <= 57) half = (half << 4) | (code - 48);
      else if (code >= 97 && code <= 102) half = (half << 4) | (code - 87);
      else return false;
    }
    this.#low = half;
    return true;
  }

  #put(place: number, high: number, low: number, value: number): void {
    this.#table[place] = high;
    this.#table[place + 1] = low;
    this.#table[place + 2] = value;
  }

  /** Where an id stands in the table, or the empty place where it would. */
  #place(high: number, low: number): number {
    const table = this.#table;
    // Knuth's multiplicative hash (The Art of Computer Programming 3, 6.4), for ids that are not random.
    for (let n = Math.imul(high ^ low, 0x9e3779b1) >>> 7; ; n++) {
      const place = WIDTH * (n & (this.#capacity - 1));
      if (table[place + 2] === 0 || (table[place] === high && table[place + 1] === low)) return place;
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#capacity *= 2;
    this.#table = new Int32Array(WIDTH * this.#capacity);
    for (let at = 0; at < old.length; at += WIDTH) {
      const [high, low, value] = [old[at] as number, old[at + 1] as number, old[at + 2] as number];
      if (value !== 0) this.#put(this.#place(high, low), high, low, value);
    }
  }
}

const text = (id: string | Buffer, from: number, to: number): string =>
  typeof id === 'string' ? id : id.toString('latin1', from, to);
