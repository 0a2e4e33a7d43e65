import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { FileSystem } from './file-systems.js';
import { run } from './programs.js';

/** How often a busy mount is tried again, 20 ms apart. The queue closes files a moment after it is closed itself. */
const TRIES = 250;

/** A loop device over a file, and the folder where it is mounted. */
export class Device {
  readonly #image: string;
  readonly #folder: string;
  #path: string | undefined;
  #isMounted = false;

  constructor(image: string, folder: string) {
    this.#image = image;
    this.#folder = folder;
  }

  /** @param isDirect true to write the file without the page cache, so that bytes in the file are on the disk */
  attach({ isDirect }: { isDirect: boolean }): void {
    // After a reflink, XFS takes direct writes of whole blocks only. The disk's sectors may not change with that.
    const how = isDirect ? ['--direct-io=on', '--sector-size=4096'] : [];
    this.#path = run('losetup', '--find', '--show', ...how, this.#image);
    if (isDirect && this.#sysfs('loop/dio') !== '1') throw new Error(`${this.#path} has no direct I/O`);
  }

  format({ mkfs: [program, ...args] }: FileSystem): void {
    run(program, ...args, this.#path as string);
  }

  /** Mounts the device, which replays the file system's journal. */
  mount(): void {
    run('mount', this.#path as string, this.#folder);
    this.#isMounted = true;
  }

  /** True if the kernel is writing to the device now. */
  get isWriting(): boolean {
    return Number(this.#sysfs('inflight').split(/\s+/)[1]) > 0;
  }

  /** Detaches the device, once no file on it is open. */
  async detach(): Promise<void> {
    for (let left = TRIES; this.#isMounted; left--) {
      try {
        run('umount', this.#folder);
        this.#isMounted = false;
      } catch (error) {
        if (left === 0 || !/busy/.test(String(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const backing = `/sys/block/${basename(this.#path ?? 'none')}/loop/backing_file`;
    this.abandon();
    // The device exists as long as a process uses it, and would write to the next image.
    for (let left = TRIES; existsSync(backing); left--) {
      if (left === 0) throw new Error(`${backing}: the loop device is still in use`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Unmounts and detaches at once, as far as possible. An open file stays until its process has ended. */
  abandon(): void {
    if (this.#isMounted) run('umount', '--lazy', this.#folder);
    this.#isMounted = false;
    if (this.#path !== undefined) run('losetup', '--detach', this.#path);
    this.#path = undefined;
  }

  #sysfs(name: string): string {
    return readFileSync(`/sys/block/${basename(this.#path as string)}/${name}`, 'utf8').trim();
  }
}
