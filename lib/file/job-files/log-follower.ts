import { type FileSystem, readFully } from '../disk/fs.js';
import { LF } from '../format/line.js';
import { logPath } from './file-names.js';
import { type Opened, openLog } from './read-log.js';

/** The most bytes that one look reads, so that a long log isn't in memory as a whole. */
const PIECE = 1024 * 1024;

/** Reads a job's log on and on, also into the file that takes the name once the log is long. */
export class LogFollower {
  readonly #fs: FileSystem;
  readonly #path: string;
  #log: Opened | undefined;
  #position = 0;

  /** The follower begins with the older half of a long log, if there is one. */
  constructor(fs: FileSystem, queueFile: string, id: string) {
    this.#fs = fs;
    this.#path = logPath(queueFile, id);
    this.#log = openLog(fs, `${this.#path}.1`);
  }

  /** Yields the whole lines that are new since the last call, in pieces. @throws Node's errors, without access */
  *read(): IterableIterator<string> {
    for (;;) {
      // Before the old file is read to its end, because nothing comes there after that.
      const named = openLog(this.#fs, this.#path);
      const isSame = named === undefined || named.info.ino === this.#log?.info.ino;
      if (named !== undefined && isSame) this.#fs.close(named.fd);
      yield* this.#rest();
      if (named === undefined || isSame) return;
      this.close();
      this.#log = named;
    }
  }

  close(): void {
    if (this.#log !== undefined) this.#fs.close(this.#log.fd);
    this.#log = undefined;
    this.#position = 0;
  }

  /** Yields the whole lines from the position to the end of the open file. */
  *#rest(): IterableIterator<string> {
    while (this.#log !== undefined) {
      const bytes = Buffer.alloc(PIECE);
      const length = readFully(this.#fs, this.#log.fd, bytes, this.#position);
      const end = bytes.subarray(0, length).lastIndexOf(LF) + 1;
      if (end > 0) yield bytes.toString('utf8', 0, end);
      this.#position += end;
      if (end === 0 || length < PIECE) return;
    }
  }
}
