import { apply, type Inode, type Operation, type Snapshot } from './snapshot.js';

/**
 * What power loss makes of a change that no sync covers. Of a write, `pieces` are the parts of it that land on
 * different blocks; those that are lost leave what was there, or NULs where the file had no bytes yet.
 */
export type Fate =
  | 'kept'
  | 'dropped'
  /** The first bytes of a write, and the file ends there. */
  | { readonly cut: number }
  /** Some blocks of `size` bytes: block number n (counted in the write) is kept where `keeps(n)`. */
  | { readonly size: number; readonly keeps: (block: number) => boolean };

/** Of each inode, the number of the first operation that no sync covers. */
function coverage(log: readonly Operation[]): Map<number, number> {
  const covered = new Map<number, number>();
  for (const operation of log) {
    if (operation.kind === 'sync') {
      covered.set(operation.ino, Math.max(covered.get(operation.ino) ?? 0, operation.upTo));
    }
  }
  return covered;
}

/** The numbers of the operations that power loss may undo. */
export function uncovered(log: readonly Operation[]): number[] {
  const covered = coverage(log);
  const numbers: number[] = [];
  for (const [i, { kind, ino }] of log.entries()) {
    if (kind !== 'sync' && kind !== 'make' && i >= (covered.get(ino) ?? 0)) numbers.push(i);
  }
  return numbers;
}

/** What is on the disk after power loss. @param fates of operations that no sync covers; others are kept */
export function afterPowerLoss(
  base: Snapshot,
  log: readonly Operation[],
  fates: ReadonlyMap<number, Fate>,
): Snapshot {
  const inodes = new Map<number, Inode>(base);
  for (const [i, operation] of log.entries()) {
    const fate = fates.get(i) ?? 'kept';
    if (fate === 'kept') apply(inodes, operation);
    else if (fate !== 'dropped') {
      if (operation.kind === 'write') mutilate(inodes, operation, fate);
      else apply(inodes, operation);
    }
  }
  return inodes;
}

function mutilate(
  inodes: Map<number, Inode>,
  operation: Operation & { kind: 'write' },
  fate: Exclude<Fate, string>,
): void {
  const { ino, at, bytes } = operation;
  if ('cut' in fate) {
    apply(inodes, { kind: 'write', ino, at, bytes: bytes.subarray(0, fate.cut) });
    return;
  }
  const inode = inodes.get(ino);
  const old = inode?.kind === 'file' ? inode.data : Buffer.alloc(0);
  const left = Buffer.alloc(bytes.length);
  if (at < old.length) old.copy(left, 0, at);
  for (let from = 0, block = 0; from < bytes.length; block++) {
    const to = Math.min(bytes.length, (Math.floor((at + from) / fate.size) + 1) * fate.size - at);
    if (fate.keeps(block)) bytes.copy(left, from, from, to);
    from = to;
  }
  apply(inodes, { kind: 'write', ino, at, bytes: left });
}
