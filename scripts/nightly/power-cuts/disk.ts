import { constants, copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Device } from './device.js';
import type { FileSystem } from './file-systems.js';

/** The least that XFS takes is 300 MiB. Only what is written takes room. */
const BYTES = 320 * 2 ** 20;

/** A disk with a file system on it, which can lose power. */
export class Disk {
  /** Where it is mounted. */
  readonly folder: string;
  readonly #image: string;
  readonly #device: Device;

  /** @param stage a folder whose files can be copied by reflink @param folder where to mount it */
  constructor(stage: string, folder: string) {
    this.folder = folder;
    this.#image = join(stage, 'disk.img');
    mkdirSync(folder, { recursive: true });
    this.#device = new Device(this.#image, folder);
  }

  /** Begins with an empty file system. */
  async renew(fileSystem: FileSystem): Promise<void> {
    await this.#device.detach();
    rmSync(this.#image, { force: true });
    writeFileSync(this.#image, '');
    truncateSync(this.#image, BYTES);
    this.#device.attach({ isDirect: true });
    this.#device.format(fileSystem);
    this.#device.mount();
  }

  get isWriting(): boolean {
    return this.#device.isWriting;
  }

  /** Copies what has reached the disk at this moment; what is in the page cache has not. */
  cut(name: string): string {
    const copy = `${this.#image}.${name}`;
    copyFileSync(this.#image, copy, constants.COPYFILE_FICLONE_FORCE);
    return copy;
  }

  /** Puts a copy in the disk's place. No process may use the disk any more. */
  async restart(copy: string): Promise<void> {
    await this.#device.detach();
    rmSync(this.#image);
    copyFileSync(copy, this.#image, constants.COPYFILE_FICLONE_FORCE);
    this.#device.attach({ isDirect: true });
    this.#device.mount();
  }

  /** Takes it away at once, whatever uses it. */
  abandon(): void {
    this.#device.abandon();
  }
}
