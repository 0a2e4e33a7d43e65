import { systemFs } from '../../lib/file/disk/fs.js';
import { bytesOf, type Call, type Fault, isAppend, systemError } from './faulty-fs.js';

/** Writes only the first bytes of an append, and says so; whole ones from then on. */
export function shortOnce(file: string, bytes: (all: Buffer) => number): Fault {
  let done = false;
  return (call, real) => {
    if (done || !isAppend(call, file)) return real();
    done = true;
    const all = bytesOf(call);
    const count = systemFs.writeSync(call.args[0] as number, all.subarray(0, bytes(all)), null);
    return call.name === 'write' ? Promise.resolve(count) : count;
  };
}

/** Fails these calls; `times` over if it is given. */
export function failing(
  which: (call: Call) => boolean,
  code = 'EIO',
  times = Number.POSITIVE_INFINITY,
): Fault {
  let left = times;
  return (call, real) => {
    if (left <= 0 || !which(call)) return real();
    left--;
    const error = systemError(code);
    if (call.name === 'fdatasync' || call.name === 'fsync' || call.name === 'write' || call.name === 'read')
      return Promise.reject(error);
    throw error;
  };
}

/** Whether a call syncs rows. */
export const isDataSync = ({ name }: Call): boolean => name === 'fdatasync';
/** Whether a call syncs this folder. */
export const isFolderSync =
  (folder: string) =>
  ({ name, path }: Call): boolean =>
    name === 'fsync' && path === folder;

/** Does something once, just before or after the first append to the file. */
export function once(file: string, when: 'before' | 'after', what: () => void): Fault {
  let done = false;
  return (call, real) => {
    if (done || !isAppend(call, file)) return real();
    done = true;
    if (when === 'before') what();
    const result = real();
    if (when === 'after') what();
    return result;
  };
}

/** Has something done at the first call of a kind, before it. */
export const before =
  (wanted: (call: Call) => boolean, run: () => Promise<void> | void): Fault =>
  (call, real) => {
    if (!wanted(call)) return real();
    wanted = () => false;
    const done = run();
    return done === undefined ? real() : done.then(real);
  };
