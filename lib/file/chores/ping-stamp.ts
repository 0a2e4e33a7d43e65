import { constants } from 'node:fs';
import { randomHex } from '../../job/random.js';
import { assertWhole, type FileSystem, storeError } from '../disk/fs.js';
import { giveToOwner } from '../disk/ownership.js';

/** What `queue.tsv.ping` says; ms since 1970. */
interface Stamp {
  /** When a worker last began a ping. */
  readonly at: number;
  /** When a worker last said that pings fail; undefined if the last one didn't. */
  readonly toldAt: number | undefined;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Reads when a worker last pinged: two times in Unix seconds. @returns undefined if none has, or it can't be read */
export function readStamp(fs: FileSystem, queueFile: string): Stamp | undefined {
  try {
    const fd = fs.open(`${queueFile}.ping`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(64);
      const [at, toldAt] = bytes
        .toString('latin1', 0, fs.readSync(fd, bytes, bytes.length, 0))
        .trim()
        .split('\t')
        .map((seconds) => Number(seconds) * 1000);
      return at === undefined || !(at > 0) ? undefined : { at, toldAt };
    } finally {
      fs.close(fd);
    }
  } catch {
    return undefined;
  }
}

/**
 * Writes the stamp as a new file. An old one could be overwritten on a full disk, too, where jobs can't run.
 *
 * @throws TsvqError `DISK_FULL`, `NO_ACCESS`, `WRITE_FAILED`
 */
export function writeStamp(fs: FileSystem, queueFile: string, { at, toldAt }: Stamp): void {
  const path = `${queueFile}.ping`;
  const temporary = `${path}.${randomHex(6)}.tmp`;
  try {
    // The name is random, so that no symlink can wait there.
    const fd = fs.open(temporary, 'wx', 0o660);
    try {
      giveToOwner(fs, fd, queueFile);
      const times = [at, ...(toldAt === undefined ? [] : [toldAt])];
      const bytes = Buffer.from(`${times.map((ms) => (ms / 1000).toFixed(3)).join('\t')}\n`);
      assertWhole(fs.writeSync(fd, bytes, 0), bytes);
    } catch (error) {
      fs.unlink(temporary);
      throw error;
    } finally {
      fs.close(fd);
    }
    fs.rename(temporary, path);
  } catch (error) {
    throw storeError(error, path);
  }
}
