import { type FileSystem, systemFs } from '../../lib/file/disk/fs.js';

/** One call to the file system. */
export interface Call {
  readonly name: keyof FileSystem;
  /** Of the file or directory; for a call on a descriptor, the path that was opened. */
  readonly path: string;
  readonly args: readonly unknown[];
}

/** What to do instead of a call; `real` makes the call after all. */
export type Fault = (call: Call, real: () => unknown) => unknown;

/** The system's own, with all calls recorded, each going through `fault.do` first. */
export function faultyFs(inject?: Fault): {
  fs: FileSystem;
  calls: Call[];
  fault: { do: Fault | undefined };
} {
  const paths = new Map<number, string>();
  const calls: Call[] = [];
  const fault = { do: inject };
  const wrapped = Object.fromEntries(
    (Object.keys(systemFs) as (keyof FileSystem)[]).map((name) => [
      name,
      (...args: unknown[]): unknown => {
        const [first] = args;
        const path = typeof first === 'number' ? (paths.get(first) ?? '') : String(first);
        const call = { name, path, args };
        calls.push(call);
        const real = (): unknown => (systemFs[name] as (...args: unknown[]) => unknown)(...args);
        const result = fault.do === undefined ? real() : fault.do(call, real);
        if (name === 'open') paths.set(result as number, path);
        return result;
      },
    ]),
  );
  return { fs: wrapped as unknown as FileSystem, calls, fault };
}

export const systemError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: injected by the test`), { code });

/** Whether a call appends rows to the queue file: a write in place has a position, and a compaction another path. */
export const isAppend = ({ name, path, args }: Call, file: string): boolean =>
  (name === 'writeSync' || name === 'write') && path === file && args[2] === null;

/** The bytes of a write. */
export const bytesOf = (call: Call): Buffer => call.args[1] as Buffer;
