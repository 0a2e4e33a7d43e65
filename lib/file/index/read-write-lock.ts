/**
 * Keeps the reads and the commits of one process apart: one read of the file at a time, and one commit. While a
 * commit reads, appends and checks, no other read may begin. That read could index rows that the commit
 * expects after its own, or rows of the commit's append that are not decided yet.
 */
export class ReadWriteLock {
  #reading: Promise<void> | undefined;
  #writing: Promise<void> | undefined;

  /** The work that a read outside of a commit waits for, again and again; undefined if the read may begin. */
  get busy(): Promise<void> | undefined {
    return this.#writing ?? this.#reading;
  }

  /** The read under way, which a commit waits for before it reads; undefined if there is none. */
  get reading(): Promise<void> | undefined {
    return this.#reading;
  }

  /** Runs a read. Call it only if no other read is under way; see {@link reading}. */
  async read(run: () => Promise<void>): Promise<void> {
    const read = run().finally(() => {
      this.#reading = undefined;
    });
    this.#reading = read.catch(() => {});
    await read;
  }

  /** Begins a commit when all commits before it are over. @returns a function that ends the commit */
  async write(): Promise<() => void> {
    while (this.#writing !== undefined) await this.#writing;
    let over = (): void => {};
    this.#writing = new Promise((resolve) => {
      over = resolve;
    });
    return () => {
      this.#writing = undefined;
      over();
    };
  }
}
