import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from './device.js';
import { XFS } from './file-systems.js';

/** Sparse: only what is written takes room. */
const BYTES = 1.5 * 2 ** 30;

/** How often the kernel writes back what no process has synced, in hundredths of a second; 0 is never. */
const WRITE_BACK = '/proc/sys/vm/dirty_writeback_centisecs';

/**
 * The place where disks are files that can be copied at one moment: an XFS in memory.
 *
 * A copy that takes time, while the kernel writes to the disk, is a state that no disk ever had. A reflink of XFS is
 * taken at one moment: it waits for the direct writes under way, and keeps off those that come. So a cut falls
 * anywhere: between the two writes of one sync, or in a commit of the file system's journal.
 */
export class Stage {
  /** In memory, on no disk that loses power: journals are here. */
  readonly folder: string;
  /** Files in it can be copied by reflink. */
  readonly disks: string;
  readonly #device: Device;
  readonly #writeBack: string;

  constructor() {
    this.folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tsvq-power-cuts-'));
    this.disks = join(this.folder, 'disks');
    this.#writeBack = readFileSync(WRITE_BACK, 'utf8');
    mkdirSync(this.disks);
    const image = join(this.folder, 'stage.img');
    writeFileSync(image, '');
    truncateSync(image, BYTES);
    this.#device = new Device(image, this.disks);
  }

  /** Mounts it, and sets the kernel's periodic write-back off: what reaches the disk was synced. */
  open(): void {
    this.#device.attach({ isDirect: false });
    this.#device.format(XFS);
    this.#device.mount();
    writeFileSync(WRITE_BACK, '0');
  }

  /** Leaves the machine as it was. */
  close(): void {
    if (readFileSync(WRITE_BACK, 'utf8') !== this.#writeBack) writeFileSync(WRITE_BACK, this.#writeBack);
    this.#device.abandon();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
