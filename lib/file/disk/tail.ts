import { LF, LineReader, TORN } from '../format/line.js';
import { assertWhole, type FileSystem, readFully } from './fs.js';
import type { OpenFile } from './open-file.js';

/** Returns where the file ends; undefined if its last line lacks the LF. */
export function endOf(fs: FileSystem, file: OpenFile): number | undefined {
  const { size } = file;
  const last = Buffer.allocUnsafe(1);
  return readFully(fs, file.fd, last, size - 1) === 0 || last[0] === LF ? size : undefined;
}

/**
 * Ends a last line that lacks its LF, so that the next row isn't glued to it. A whole line gets its LF, any
 * other becomes a torn line. New rows are never in that write, because a short write leaves a fragment again.
 *
 * A NUL may follow a whole row, because power loss kept the length of such an LF but lost its byte. The LF
 * goes there.
 *
 * @returns the size of the file, which now ends with LF
 */
export function closeTail(fs: FileSystem, file: OpenFile): number {
  const end = endOf(fs, file);
  if (end !== undefined) return end;
  const { size } = file;
  const fragment = lastFragment(file, size);
  const nul = fragment.indexOf(0);
  const length = nul < 0 ? fragment.length : nul;
  const kind = new LineReader(file.layout).read(fragment, 0, length);
  const whole = kind !== 'unreadable' && kind !== 'torn';
  if (nul >= 0 && kind === 'row') {
    fs.writeSync(file.strikeFd, Buffer.from('\n'), size - fragment.length + nul);
    return closeTail(fs, file);
  }
  const closing = Buffer.from(nul < 0 && whole ? '\n' : `${TORN}\n`);
  assertWhole(fs.writeSync(file.fd, closing, null), closing);
  return file.size;
}

/** Reads the bytes after the last LF. */
function lastFragment(file: OpenFile, size: number): Buffer {
  for (let length = 4096; ; length *= 4) {
    const from = Math.max(file.start, size - length);
    const bytes = file.readPiece(from, size - from);
    const lf = bytes.lastIndexOf(LF);
    if (lf >= 0) return bytes.subarray(lf + 1);
    if (from === file.start) return bytes;
  }
}
