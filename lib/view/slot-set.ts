/** A set of small numbers that takes eight bytes for each, and is fast to go through. */
export class SlotSet {
  size = 0;
  #members: Uint32Array = new Uint32Array(1024);
  /** By number: its place among the members, plus one; 0 for none. */
  #places: Uint32Array = new Uint32Array(1024);

  add(slot: number): void {
    if (slot >= this.#places.length) this.#places = larger(this.#places, slot + 1);
    if (this.#places[slot] !== 0) return;
    if (this.size === this.#members.length) this.#members = larger(this.#members, this.size + 1);
    this.#members[this.size++] = slot;
    this.#places[slot] = this.size;
  }

  delete(slot: number): void {
    const place = this.#places[slot] ?? 0;
    if (place === 0) return;
    const last = this.#members[--this.size] as number;
    this.#members[place - 1] = last;
    this.#places[last] = place;
    this.#places[slot] = 0;
  }

  clear(): void {
    this.size = 0;
    this.#places.fill(0);
  }

  /** Calls `visit` for each member. */
  forEach(visit: (slot: number) => void): void {
    for (let i = 0; i < this.size; i++) visit(this.#members[i] as number);
  }
}

function larger(old: Uint32Array, least: number): Uint32Array {
  const array = new Uint32Array(Math.max(least, old.length * 2));
  array.set(old);
  return array;
}
