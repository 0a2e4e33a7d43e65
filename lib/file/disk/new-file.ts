import { dirname } from 'node:path';
import type { createGzip, Gzip } from 'node:zlib';
import { dependency } from '../../job/dependency.js';
import { randomHex } from '../../job/random.js';
import { assertWhole, type FileSystem, storeError, syncFolder } from './fs.js';
import { give, type Owner } from './ownership.js';

/** How a {@link NewFile} is made. */
interface NewFileOptions {
  /** The owner and mode that it gets; by default, only this user may read it. */
  readonly owner?: Owner | undefined;
  /** True to compress it, as gzip does. */
  readonly isCompressed?: boolean;
}

/**
 * A file that takes its name only once it is whole and durable. Until then it has a random name next to it, which
 * {@link discard} removes. Only a killed process leaves it.
 */
export class NewFile {
  readonly path: string;
  /** How many bytes it has, as far as they were written. */
  size = 0;
  readonly #fs: FileSystem;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #gzip: Gzip | undefined;
  /** What the compression has given and is not written yet. */
  readonly #compressed: Buffer[] = [];
  #isOpen = true;

  /** @throws TsvqError if the folder is missing, or denies it */
  constructor(fs: FileSystem, path: string, { owner, isCompressed = false }: NewFileOptions = {}) {
    this.#fs = fs;
    this.path = path;
    this.#temporary = `${path}.${randomHex(6)}.tmp`;
    try {
      this.#fd = fs.open(this.#temporary, 'wx', 0o600);
    } catch (error) {
      throw storeError(error, path);
    }
    try {
      if (owner !== undefined) give(fs, this.#fd, owner);
      if (!isCompressed) return;
      this.#gzip = dependency<{ createGzip: typeof createGzip }>('node:zlib', () =>
        require('node:zlib'),
      ).createGzip();
      this.#gzip.on('data', (bytes: Buffer) => this.#compressed.push(bytes));
    } catch (error) {
      this.discard();
      throw storeError(error, path);
    }
  }

  /** Appends bytes, which may change once it resolves. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#gzip === undefined) return this.#put(bytes);
    await new Promise<void>((resolve, reject) =>
      this.#gzip?.write(bytes, (error) => (error ? reject(error) : resolve())),
    );
    await this.#putCompressed();
  }

  /** Makes the file durable, and gives it its name. A file with that name is replaced. */
  async finish(): Promise<void> {
    if (this.#gzip !== undefined) {
      const ended = new Promise((resolve) => this.#gzip?.once('end', resolve));
      this.#gzip.end();
      await ended;
      await this.#putCompressed();
    }
    try {
      await this.#fs.fsync(this.#fd);
      this.#close();
      this.#fs.rename(this.#temporary, this.path);
      await syncFolder(this.#fs, dirname(this.path));
    } catch (error) {
      throw storeError(error, this.path);
    }
  }

  /** Removes the file, unless it has its name. */
  discard(): void {
    this.#close();
    try {
      this.#fs.unlink(this.#temporary);
    } catch {
      // It has its name, or the first error matters more.
    }
  }

  async #putCompressed(): Promise<void> {
    for (const bytes of this.#compressed.splice(0)) await this.#put(bytes);
  }

  async #put(bytes: Buffer): Promise<void> {
    try {
      assertWhole(await this.#fs.write(this.#fd, bytes, this.size), bytes);
    } catch (error) {
      throw storeError(error, this.path);
    }
    this.size += bytes.length;
  }

  #close(): void {
    if (this.#isOpen) this.#fs.close(this.#fd);
    this.#isOpen = false;
  }
}
