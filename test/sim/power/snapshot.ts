/** A file or directory, whatever its names are. Buffers and maps of a snapshot are never changed. */
export type Inode =
  | { readonly kind: 'file'; readonly data: Buffer; readonly mode: number; readonly mtimeMs: number }
  | { readonly kind: 'folder'; readonly names: ReadonlyMap<string, number>; readonly mtimeMs: number };

/** What is on a disk: inodes by number. Number 1 is the root directory. */
export type Snapshot = ReadonlyMap<number, Inode>;

const ROOT = 1;

export const EMPTY: Snapshot = new Map([[ROOT, { kind: 'folder', names: new Map(), mtimeMs: 0 }]]);

/** One change that the file system was asked for, or a sync that confirmed some of them. */
export type Operation =
  | { readonly kind: 'make'; readonly ino: number; readonly inode: Inode }
  | { readonly kind: 'write'; readonly ino: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly ino: number }
  | { readonly kind: 'link'; readonly ino: number; readonly name: string; readonly target: number }
  | { readonly kind: 'unlink'; readonly ino: number; readonly name: string }
  | {
      readonly kind: 'rename';
      /** The directory that both names are in. */
      readonly ino: number;
      readonly from: string;
      readonly to: string;
      readonly target: number;
    }
  /** Covers what was asked of the inode before operation number `upTo`. */
  | { readonly kind: 'sync'; readonly ino: number; readonly upTo: number };

/** Applies one change. */
export function apply(inodes: Map<number, Inode>, operation: Operation): void {
  if (operation.kind === 'sync') return;
  if (operation.kind === 'make') {
    inodes.set(operation.ino, operation.inode);
    return;
  }
  const inode = inodes.get(operation.ino);
  if (inode === undefined) return;
  if (operation.kind === 'write') {
    if (inode.kind === 'file') inodes.set(operation.ino, { ...inode, data: written(inode.data, operation) });
    return;
  }
  if (operation.kind === 'truncate') {
    if (inode.kind === 'file') inodes.set(operation.ino, { ...inode, data: Buffer.alloc(0) });
    return;
  }
  if (inode.kind !== 'folder') return;
  const names = new Map(inode.names);
  if (operation.kind === 'link') names.set(operation.name, operation.target);
  else if (operation.kind === 'unlink') names.delete(operation.name);
  else {
    if (names.get(operation.from) === operation.target) names.delete(operation.from);
    names.set(operation.to, operation.target);
  }
  inodes.set(operation.ino, { ...inode, names });
}

function written(data: Buffer, { at, bytes }: { at: number; bytes: Buffer }): Buffer {
  if (at === data.length) return Buffer.concat([data, bytes]);
  const next = Buffer.alloc(Math.max(data.length, at + bytes.length));
  data.copy(next);
  bytes.copy(next, at);
  return next;
}

/** The inode that an absolute path names. */
export function find(inodes: Snapshot, path: string): number | undefined {
  let ino: number | undefined = ROOT;
  for (const name of path.split('/')) {
    if (name === '') continue;
    const inode: Inode | undefined = ino === undefined ? undefined : inodes.get(ino);
    ino = inode?.kind === 'folder' ? inode.names.get(name) : undefined;
  }
  return ino;
}

/** Every file that a name leads to, with its path. */
export function* filesOf(
  inodes: Snapshot,
  ino: number = ROOT,
  path = '',
): IterableIterator<[string, Buffer]> {
  const inode = inodes.get(ino);
  if (inode?.kind === 'file') yield [path, inode.data];
  if (inode?.kind !== 'folder') return;
  for (const [name, child] of inode.names) yield* filesOf(inodes, child, `${path}/${name}`);
}

/** A disk on which these files are durable. */
export function diskWith(files: Readonly<Record<string, string>>): Snapshot {
  const inodes = new Map<number, Inode>(EMPTY);
  for (const [path, text] of Object.entries(files)) {
    let folder = ROOT;
    const parts = path.split('/').filter((part) => part !== '');
    for (const [i, name] of parts.entries()) {
      const parent = inodes.get(folder) as Inode & { kind: 'folder' };
      let child = parent.names.get(name);
      if (child === undefined) {
        child = inodes.size + 1;
        const isLast = i === parts.length - 1;
        inodes.set(
          child,
          isLast
            ? { kind: 'file', data: Buffer.from(text), mode: 0o660, mtimeMs: 0 }
            : { kind: 'folder', names: new Map(), mtimeMs: 0 },
        );
        inodes.set(folder, { ...parent, names: new Map(parent.names).set(name, child) });
      }
      folder = child;
    }
  }
  return inodes;
}
