/** The length of the ids that this queue makes. */
const DIGITS = 16;
/** The number of integers in the table for each id. */
const WIDTH = 3;

/** Turns each byte of a field into a character; ids that this queue makes stay unchanged. */
export const keyOf = (field: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant.
  /^[\x00-\x7f]*$/.test(field) ? field : Buffer.from(field).toString('latin1');

/**
 * Numbers job ids from 0 on, in the order in which they come. The ids that this queue makes are 64 bits in
 * hex digits, kept as integers in one flat table. A million take 24 MB; a Map of strings takes a hundred, and
 * the garbage collector walks through all of them. Other ids (a hand edit, another program's) are in a Map.
 *
 * An id is a string from {@link keyOf}, or a range of bytes of the file, so that a scan of a million rows
 * makes no strings.
 */
export class IdMap {
  size = 0;
  readonly #others = new Map<string, number>();
  #capacity = 1024;
  #filled = 0;
  /**
   * For each id: its two halves, and its number plus one, or 0 if the place is empty. They are side by side
   * because a lookup in a large table then costs one access to memory instead of three.
   */
  #table = new Int32Array(WIDTH * this.#capacity);
  /** The halves of the last id given to {@link #isOurs}. */
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

  /** Returns the id's number; a new id gets the next one, the {@link size} before. */
  numberOf(id: string | Buffer, from = 0, to: number = id.length): number {
    if (!this.#isOurs(id, from, to)) return this.#numberOfOther(text(id, from, to));
    // Keep the table at most half full, so that an empty place is always near.
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
      // The shift drops the old digits on the left, and keeps an integer.
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

  /** Finds an id's place in the table, or the empty place for it. */
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
