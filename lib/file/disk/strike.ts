import { strikeOut } from '../format/cross-out.js';
import { LF } from '../format/line.js';
import { type FileSystem, readFully, SMALL } from './fs.js';
import type { OpenFile } from './open-file.js';

/** A row that another row has superseded. */
export interface Superseded {
  readonly offset: number;
  /** The number of bytes without the LF. */
  readonly length: number;
}

/** The most bytes of adjacent rows that are struck together. */
const PIECE = 1024 * 1024;

/**
 * Strikes rows in place, so that `awk '$4=="pending"'` and `grep <id>` don't see them. Call it only for rows
 * whose replacement is synced, because otherwise power loss could leave neither. The strikes need no sync,
 * because the file means the same without them to a reader that compares versions.
 */
export async function strike(fs: FileSystem, file: OpenFile, rows: Superseded[]): Promise<void> {
  rows.sort((a, b) => a.offset - b.offset);
  for (let i = 0; i < rows.length; ) {
    const first = i;
    const from = (rows[i] as Superseded).offset;
    let to = from;
    // Join only rows that touch, because the bytes between others must not be written.
    while (i < rows.length && (rows[i] as Superseded).offset === to && to - from < PIECE) {
      to += (rows[i] as Superseded).length + 1;
      i++;
    }
    const length = to - from - 1;
    const bytes = Buffer.allocUnsafe(length);
    // Read the rows again. A line that is no longer a row (an editor wrote into the file) is left alone.
    if (readFully(fs, file.fd, bytes, from) < length) continue;
    if (length > SMALL && i - first === 1) {
      strikeLarge(fs, file, bytes, from);
      continue;
    }
    for (let k = first; k < i; k++) {
      const start = (rows[k] as Superseded).offset - from;
      const end = start + (rows[k] as Superseded).length;
      if (end < length && bytes[end] !== LF) continue;
      strikeOut(bytes, start, end, file.layout);
    }
    if (length <= SMALL) fs.writeSync(file.strikeFd, bytes, from);
    else await fs.write(file.strikeFd, bytes, from);
  }
}

/** Writes only the bytes that change in a large row. The status is first, because dashes strike even without `#`. */
function strikeLarge(fs: FileSystem, file: OpenFile, bytes: Buffer, offset: number): void {
  const status = strikeOut(bytes, 0, bytes.length, file.layout);
  if (status === undefined) return;
  fs.writeSync(file.strikeFd, bytes.subarray(...status), offset + status[0]);
  fs.writeSync(file.strikeFd, bytes.subarray(0, 1), offset);
}
