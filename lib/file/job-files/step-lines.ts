import type { RecordedStep } from '../../job/step.js';
import { type FileSystem, readFully, readFullyAsync, SMALL } from '../disk/fs.js';
import { eachLine } from '../format/line.js';
import { readStepLine } from './step-line.js';

/** The lines of one open file of steps, as far as they were read. */
export class StepLines {
  readonly fd: number;
  /** The first line of each name, in their order. A later one of the same name doesn't count. */
  readonly steps = new Map<string, RecordedStep>();
  /** False if the path no longer named this file at the last {@link readOn}. */
  isNamed = true;
  readonly #fs: FileSystem;
  readonly #path: string;
  /** Where the first line begins that was not read. */
  #position = 0;

  constructor(fs: FileSystem, path: string, fd: number) {
    this.#fs = fs;
    this.#path = path;
    this.fd = fd;
  }

  /** Reads the lines that are new. @returns true if the file ends with an LF, or is empty */
  async readOn(): Promise<boolean> {
    const { size, ino, dev } = this.#fs.fstat(this.fd);
    const named = this.#fs.stat(this.#path);
    this.isNamed = named?.ino === ino && named.dev === dev;
    // A file that an editor has made shorter is read again. Steps that were read go on counting.
    if (size < this.#position) this.#position = 0;
    const bytes = await this.#read(size - this.#position);
    const end = eachLine(bytes, 0, bytes.length, (start, stop) => {
      const step = readStepLine(bytes.toString('utf8', start, stop));
      if (step !== undefined && !this.steps.has(step.name)) this.steps.set(step.name, step);
    });
    this.#position += end;
    return end === bytes.length;
  }

  async #read(length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    if (length === 0) return bytes;
    const from = this.#position;
    const filled =
      length <= SMALL
        ? readFully(this.#fs, this.fd, bytes, from)
        : await readFullyAsync(this.#fs, this.fd, bytes, from);
    return bytes.subarray(0, filled);
  }
}
