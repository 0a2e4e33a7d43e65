import type { FileSystem } from '../../../lib/file/disk/fs.js';
import { QUEUE } from './actor.js';
import type { Lie } from './campaign.js';

/*
 * Disks that claim what they did not do. Each of them breaks promises, and a simulation that misses that would miss
 * everything.
 */

/** Leaves out the syncs of some paths. */
const withoutSync =
  (forgets: (path: string, call: 'fdatasync' | 'fsync') => boolean): Lie =>
  (fs: FileSystem) => {
    const paths = new Map<number, string>();
    return {
      ...fs,
      open: (path, flags, mode) => {
        const fd = fs.open(path, flags, mode);
        paths.set(fd, path);
        return fd;
      },
      fdatasync: async (fd) => {
        if (!forgets(paths.get(fd) ?? '', 'fdatasync')) await fs.fdatasync(fd);
      },
      fsync: async (fd) => {
        if (!forgets(paths.get(fd) ?? '', 'fsync')) await fs.fsync(fd);
      },
    };
  };

/** The sync of a commit comes only when its lock is left: after the strikes, and before anybody is told. */
const strikeBeforeSync: Lie = (fs) => {
  let late: number | undefined;
  return {
    ...fs,
    fdatasync: async (fd) => {
      late = fd;
    },
    unlink: (path) => {
      // It runs at once but for its last step, which nobody's code comes before.
      if (late !== undefined) void fs.fdatasync(late);
      late = undefined;
      fs.unlink(path);
    },
  };
};

/** What a crash cut is not closed: the write that does it is only claimed. */
const openTail: Lie = (fs) => ({
  ...fs,
  writeSync: (fd, bytes, position) =>
    bytes.toString() === '\t#torn\n' || bytes.toString() === '\n'
      ? bytes.length
      : fs.writeSync(fd, bytes, position),
});

const isFolder = (path: string): boolean => !/\.(tsv|tmp)$/.test(path);

/** By what they get wrong, and the history that shows it. */
export const LIES: readonly { name: string; scenario: string; lie: Lie }[] = [
  {
    name: 'commits are not synced',
    scenario: 'a worker',
    lie: withoutSync((_, call) => call === 'fdatasync'),
  },
  {
    name: 'a new file is renamed before it is synced',
    scenario: 'compaction and archive',
    lie: withoutSync((path, call) => call === 'fsync' && path.endsWith('.tmp')),
  },
  {
    name: 'jobs are acknowledged before the directory is synced',
    scenario: 'first jobs, in new directories',
    lie: withoutSync((path) => path === '/srv/app/data'),
  },
  {
    name: 'directories above a new one are not synced',
    scenario: 'first jobs, in new directories',
    lie: withoutSync((path) => isFolder(path) && path !== '/srv/app/data'),
  },
  {
    name: 'a rename is not made durable before the next commit',
    scenario: 'a file of nine columns',
    lie: withoutSync((path) => isFolder(path)),
  },
  {
    name: 'archived rows are not synced before the queue lacks them',
    scenario: 'compaction and archive',
    lie: withoutSync((path) => /\.\d{4}-\d\d\.[0-9a-f]{12}\.tmp$/.test(path)),
  },
  {
    name: 'the folder of the archive is not synced',
    scenario: 'compaction and archive',
    lie: withoutSync((path) => path.endsWith('/archive')),
  },
  {
    name: 'rows are struck before their replacement is synced',
    scenario: 'cancel and retry',
    lie: strikeBeforeSync,
  },
  { name: 'torn tails are not closed', scenario: 'a torn tail, without a dead process', lie: openTail },
  {
    name: 'the disk confirms only syncs of the queue file',
    scenario: 'leftovers of a crash',
    lie: withoutSync((path) => path !== QUEUE),
  },
];
