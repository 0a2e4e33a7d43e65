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

/** The size of the stage. Its image is sparse, so only written blocks take room. */
const BYTES = 1.5 * 2 ** 30;

/** The setting for how often the kernel writes back unsynced pages, in hundredths of a second; 0 is never. */
const WRITE_BACK = '/proc/sys/vm/dirty_writeback_centisecs';

/**
 * The place where disks are files that can be copied at one moment: an XFS in memory.
 *
 * A slow copy, while the kernel writes to the disk, would be a state that no disk ever had. A reflink of XFS is taken
 * at one moment: it waits for running direct writes, and delays new ones. So a cut may fall anywhere: between the two
 * writes of one sync, or in a commit of the file system's journal.
 */
export class Stage {
  /** A folder in memory, which no cut affects. The journals are in it. */
  readonly folder: string;
  /** A folder whose files can be copied by reflink. */
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

  /** Mounts the stage, and switches the kernel's periodic write-back off, so that only synced bytes reach the disk. */
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
