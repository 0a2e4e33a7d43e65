import type { OpenFile } from '../disk/open-file.js';

/** The number of bytes that are compared: the end of a row, which is never struck. */
const LENGTH = 32;

/** The last bytes that were read from a file. They move when an editor writes into the file in place. */
export class Anchor {
  readonly #file: OpenFile;
  /** Bytes before this one are not compared. */
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
