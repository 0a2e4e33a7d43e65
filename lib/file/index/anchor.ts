import type { OpenFile } from '../disk/open-file.js';

/** How many bytes tell if a file is still the same: a row's end, which is never struck. */
const LENGTH = 32;

/** The last bytes that were read. They move when an editor writes into the file in place. */
export class Anchor {
  readonly #file: OpenFile;
  /** No byte before this one counts. */
  readonly #from: number;
  #end: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: OpenFile, from: number) {
    this.#file = file;
    this.#from = from;
    this.#end = from;
  }

  moveTo(end: number): void {
    this.#end = end;
    this.#bytes = this.#read();
  }

  /** True if the bytes are still in their place. */
  isThere(): boolean {
    return this.#read().equals(this.#bytes);
  }

  #read(): Buffer {
    const from = Math.max(this.#from, this.#end - LENGTH);
    return this.#file.readPiece(from, this.#end - from);
  }
}
