import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import type { FileSystem } from './fs.js';

/** A kind of file system that promises less than a queue needs. */
export interface Place {
  readonly name: string;
  /** True if a queue there is refused, unless an option allows it. */
  readonly isRefused: boolean;
  /** The risk, and what to do. */
  readonly stakes: string;
}

/*
 * File systems shared by several kernels are refused, because only within one kernel the lock tells dead
 * processes from living ones, and appends never overlap. Cluster file systems are too, however well they lock.
 */
const SHARED = {
  isRefused: true,
  stakes:
    'its locks and appends are not those of one machine, so jobs could be lost or run twice; put the queue on a local disk',
};

const FORWARDED = {
  isRefused: false,
  stakes:
    'another system may serve it: changes made there, from another container or from the host, can be seen late, ' +
    'so work the queue from this side only; jobs may start up to half a second late where changes are not reported; ' +
    'a volume on a local disk has neither problem',
};

const IN_MEMORY = {
  isRefused: false,
  stakes:
    'it is kept in memory: the queue is gone at the next boot or unmount, whatever durability says; ' +
    'put it on a disk if its jobs matter',
};

const LAYERED = {
  isRefused: false,
  stakes:
    'in a container its upper layer is thrown away with the container, and the queue with it; ' +
    'mount a volume at the folder of the queue',
};

/** Places by Linux's numbers; see statfs(2) and linux/magic.h. */
const PLACES: ReadonlyMap<number, Place> = new Map([
  [0x6969, { name: 'NFS', ...SHARED }],
  [0xff534d42, { name: 'CIFS', ...SHARED }],
  [0xfe534d42, { name: 'SMB', ...SHARED }],
  [0x517b, { name: 'SMB', ...SHARED }],
  [0x01021997, { name: '9p', ...SHARED }],
  [0x5346414f, { name: 'AFS', ...SHARED }],
  [0x6b414653, { name: 'AFS', ...SHARED }],
  [0x73757245, { name: 'Coda', ...SHARED }],
  [0x564c, { name: 'NCP', ...SHARED }],
  [0x00c36400, { name: 'Ceph', ...SHARED }],
  [0x0bd00bd0, { name: 'Lustre', ...SHARED }],
  [0x47504653, { name: 'GPFS', ...SHARED }],
  [0x01161970, { name: 'GFS2', ...SHARED }],
  [0x7461636f, { name: 'OCFS2', ...SHARED }],
  [0x65735546, { name: 'FUSE or virtiofs', ...FORWARDED }],
  [0x786f4256, { name: 'a shared folder of VirtualBox', ...FORWARDED }],
  [0xbacbacbc, { name: 'a shared folder of VMware', ...FORWARDED }],
  [0x01021994, { name: 'tmpfs', ...IN_MEMORY }],
  [0x858458f6, { name: 'ramfs', ...IN_MEMORY }],
  [0x794c7630, { name: 'overlayfs', ...LAYERED }],
]);

/** Finds the place of a queue file, existing or not; undefined if unknown. Only Linux has these numbers. */
export function placeOf(fs: FileSystem, queueFile: string): Place | undefined {
  if (process.platform !== 'linux') return undefined;
  for (let path = queueFile; ; path = dirname(path)) {
    const info = fs.statfs(path);
    // Node gives some numbers a sign.
    if (info !== undefined) return PLACES.get(info.type >>> 0);
    if (path === dirname(path)) return undefined;
  }
}

/** Describes a place in a message: its name and stakes. */
export const describePlace = ({ name, stakes }: Place, queueFile: string): string =>
  `${queueFile} is on ${name}: ${stakes}`;

/** Refuses a place that can't hold a queue. @throws TsvqError `FILE_SYSTEM` */
export function assertPlace(fs: FileSystem, queueFile: string): void {
  const place = placeOf(fs, queueFile);
  if (!place?.isRefused) return;
  throw new TsvqError(
    'FILE_SYSTEM',
    `${describePlace(place, queueFile)}. Nothing was written. If you know that it will do: ` +
      'anyFileSystem: true, --any-file-system, or QUEUE_ANY_FILE_SYSTEM=1',
  );
}
