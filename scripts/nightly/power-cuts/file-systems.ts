import { readFileSync } from 'node:fs';
import { hasProgram } from './programs.js';

/** A file system under the queue, and the program that makes it on a device. */
export interface FileSystem {
  readonly name: string;
  readonly mkfs: readonly [program: string, ...args: string[]];
  /** The Debian package that has the program. */
  readonly from: string;
}

export const FILE_SYSTEMS: readonly FileSystem[] = [
  { name: 'ext4', mkfs: ['mkfs.ext4', '-q', '-F'], from: 'e2fsprogs' },
  { name: 'xfs', mkfs: ['mkfs.xfs', '-q', '-f'], from: 'xfsprogs' },
  { name: 'btrfs', mkfs: ['mkfs.btrfs', '-q', '-f'], from: 'btrfs-progs' },
];

/** The file system under the device. It can copy a file at one moment; see stage.ts. */
export const XFS = FILE_SYSTEMS[1] as FileSystem;

/** The facts about a machine that decide if power can be cut on it. */
export interface Machine {
  readonly isRoot: boolean;
  readonly hasLoopDevices: boolean;
  /** The text of /proc/filesystems. */
  readonly known: string;
  hasProgram(name: string): boolean;
}

/** Returns the facts about this machine. @param hasLoopDevices true if it can provide a loop device */
export const thisMachine = (hasLoopDevices: boolean): Machine => ({
  isRoot: process.getuid?.() === 0,
  hasLoopDevices,
  known: process.platform === 'linux' ? readFileSync('/proc/filesystems', 'utf8') : '',
  hasProgram,
});

/** Returns why power can't be cut under a file system on this machine; undefined if it can. */
export function whyNot(fileSystem: FileSystem, machine: Machine): string | undefined {
  if (!machine.isRoot) return 'it needs root';
  if (!machine.hasLoopDevices) return 'there are no loop devices here';
  for (const program of ['losetup', 'mount', 'umount', 'unshare'])
    if (!machine.hasProgram(program)) return `${program} is not installed (apt-get install util-linux mount)`;
  for (const { name, mkfs, from } of new Set([fileSystem, XFS])) {
    const why = name === fileSystem.name ? '' : '; the disk is a file on xfs';
    if (!machine.hasProgram(mkfs[0])) return `${mkfs[0]} is not installed (apt-get install ${from})${why}`;
    if (!machine.known.split(/\s/).includes(name))
      return `this kernel has no ${name} (modprobe ${name})${why}`;
  }
  return undefined;
}
