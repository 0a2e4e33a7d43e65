/** Bytes that grow as they are written. */
class Bytes {
  size = 0;
  #buffer = Buffer.alloc(1024);

  write(bytes: Buffer, position: number): void {
    const end = position + bytes.length;
    if (end > this.#buffer.length) {
      const larger = Buffer.alloc(end * 2);
      this.#buffer.copy(larger, 0, 0, this.size);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, position);
    this.size = Math.max(this.size, end);
  }

  truncate(size: number): void {
    if (size < this.size) this.#buffer.fill(0, size, this.size);
    this.size = size;
  }

  /** What is in [from, to); not a copy. */
  slice(from = 0, to = this.size): Buffer {
    return this.#buffer.subarray(Math.min(from, this.size), Math.min(to, this.size));
  }
}

/** What is in a file: as processes see it, and as the disk has it. */
export class FileContent {
  readonly #seen = new Bytes();
  readonly #durable = new Bytes();
  /** Written, and not yet on the disk for sure. */
  #unsynced: { position: number; bytes: Buffer }[] = [];

  get size(): number {
    return this.#seen.size;
  }

  /** Not a copy. */
  slice(from?: number, to?: number): Buffer {
    return this.#seen.slice(from, to);
  }

  write(bytes: Buffer, position: number): void {
    this.#seen.write(bytes, position);
    this.#unsynced.push({ position, bytes: Buffer.from(bytes) });
  }

  truncate(size: number): void {
    this.#seen.truncate(size);
    this.#durable.truncate(Math.min(size, this.#durable.size));
    this.#unsynced = this.#unsynced.filter(({ position }) => position < size);
  }

  sync(): void {
    for (const { bytes, position } of this.#unsynced) this.#durable.write(bytes, position);
    this.#unsynced = [];
  }

  /** A sync that fails: the pages are taken for clean, so that no later one writes them. */
  failSync(): void {
    this.#unsynced = [];
  }

  /** Of what is added to a file, the length may be there without the bytes; what is overwritten stays. */
  #leaveNuls(end: number): void {
    const { size } = this.#durable;
    if (end > size) this.#durable.write(Buffer.alloc(end - size), size);
  }

  /** Each write that no sync covers is kept, dropped, cut, or there in length only. */
  losePower(random: () => number): void {
    for (const { bytes, position } of this.#unsynced) {
      const fate = random();
      if (fate < 0.4) this.#durable.write(bytes, position);
      else if (fate < 0.6)
        this.#durable.write(bytes.subarray(0, Math.floor(random() * bytes.length)), position);
      else if (fate < 0.7) this.#leaveNuls(position + bytes.length);
    }
    this.#unsynced = [];
    this.#seen.truncate(0);
    this.#seen.write(this.#durable.slice(), 0);
  }
}
