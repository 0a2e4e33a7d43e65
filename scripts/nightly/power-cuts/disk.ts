import { constants, copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Device } from './device.js';
import type { FileSystem } from './file-systems.js';

/** The size of a disk. XFS takes at least 300 MiB. The image is sparse, so only written blocks take room. */
const BYTES = 320 * 2 ** 20;

/** A disk with a file system on it, which can lose power. */
export class Disk {
  /** The folder where the disk is mounted. */
  readonly folder: string;
  readonly #image: string;
  readonly #device: Device;

  /** @param stage a folder whose files can be copied by reflink @param folder the folder to mount it at */
  constructor(stage: string, folder: string) {
    this.folder = folder;
    this.#image = join(stage, 'disk.img');
    mkdirSync(folder, { recursive: true });
    this.#device = new Device(this.#image, folder);
  }

  /** Makes the disk new, with an empty file system. */
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

  /** Copies the bytes that are on the disk at this moment, without the page cache. */
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

  /** Takes the disk away at once, even if a process uses it. */
  abandon(): void {
    this.#device.abandon();
  }
}
