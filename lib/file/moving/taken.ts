import { basename, dirname, join } from 'node:path';
import { filesOfMonth } from '../compaction/archive.js';
import { type FileInfo, type FileSystem, isRegular, storeError } from '../disk/fs.js';
import type { Store } from '../store.js';

/** The endings of a queue's files next to it. */
const OWN = ['', '.paused', '.limits', '.lock', '.tick', '.ping', '.aside'];

/** Says what stands at a path that no file may replace, even if it is told to; undefined if there is no such thing. */
export function whyTaken({ fs, realPath }: Store, path: string): string | undefined {
  const info = lookAt(fs, path);
  const queue = fs.stat(realPath);
  const real = fs.realpath(path) ?? join(fs.realpath(dirname(path)) ?? dirname(path), basename(path));
  const own = [...OWN.map((end) => realPath + end), ...filesOfMonth(fs, realPath, '')];
  const isQueue = info !== undefined && info.ino === queue?.ino && info.dev === queue.dev;
  if (isQueue || own.some((file) => file === real || fs.realpath(file) === real))
    return 'belongs to the queue itself';
  return info === undefined || isRegular(info) ? undefined : 'is not a file';
}

function lookAt(fs: FileSystem, path: string): FileInfo | undefined {
  try {
    return fs.stat(path);
  } catch (error) {
    throw storeError(error, path);
  }
}
