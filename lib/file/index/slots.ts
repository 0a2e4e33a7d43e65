/** A few numbers for each job, in flat arrays that grow: what an index knows of its newest row. */
export class Slots {
  offset: Float64Array = new Float64Array(1024);
  length: Uint32Array = new Uint32Array(1024);
  version: Float64Array = new Float64Array(1024);
  /** Place of the status in STATUSES. */
  status: Uint8Array = new Uint8Array(1024);
  /** Of {@link Types}. */
  type: Uint32Array = new Uint32Array(1024);
  /** Of a pending job, like the next. */
  priority: Float64Array = new Float64Array(1024);
  /** In ms. */
  runAt: Float64Array = new Float64Array(1024);

  makeRoomFor(slot: number): void {
    if (slot < this.offset.length) return;
    this.offset = larger(this.offset);
    this.length = larger(this.length);
    this.version = larger(this.version);
    this.status = larger(this.status);
    this.type = larger(this.type);
    this.priority = larger(this.priority);
    this.runAt = larger(this.runAt);
  }
}

function larger<T extends Float64Array | Uint32Array | Uint8Array>(old: T): T {
  const array = new (old.constructor as new (length: number) => T)(old.length * 2);
  array.set(old);
  return array;
}

/** The types of jobs, numbered: there are few of them. */
export class Types {
  readonly #names: string[] = [];
  readonly #codes = new Map<string, number>();
  #last: Buffer | undefined;
  #lastCode = 0;

  /** @param key its bytes in the file, read one by one */
  code(key: string): number {
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = this.#names.length;
      this.#codes.set(key, code);
      this.#names.push(Buffer.from(key, 'latin1').toString());
    }
    return code;
  }

  /** The same for the one in bytes[from, to). Mostly it is that of the row before: then no string is made. */
  codeAt(bytes: Buffer, from: number, to: number): number {
    if (this.#last === undefined || !isSame(this.#last, bytes, from, to)) {
      this.#last = Buffer.from(bytes.subarray(from, to));
      this.#lastCode = this.code(bytes.toString('latin1', from, to));
    }
    return this.#lastCode;
  }

  name(code: number): string {
    return this.#names[code] as string;
  }
}

function isSame(word: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (word.length !== to - from) return false;
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[from + i]) return false;
  return true;
}
