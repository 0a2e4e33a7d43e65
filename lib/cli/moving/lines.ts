import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { CliError, EXIT } from '../exit.js';

const LF = 10;
/** The most bytes of a line. Node can't hold much more in one string. */
export const LONGEST = 256 * 1024 * 1024;
const BOM = '\uFEFF';

/** Makes the error for a file that can't be imported at all. */
export const unusable = (message: string): CliError =>
  new CliError(EXIT.failed, `nothing was imported: ${message}`);

/** Whole lines of a file, with their last LF, except at the end of a file that lacks it. */
export interface Lines {
  readonly text: string;
  /** The number of the first one, from 1. */
  readonly first: number;
  /** How many bytes of the file have been read. */
  readonly position: number;
}

/** Yields a file's text in pieces of whole lines, without a byte order mark. @throws CliError unless it is UTF-8 */
export async function* linesOf(input: Readable): AsyncIterableIterator<Lines> {
  let rest: Buffer[] = [];
  let restSize = 0;
  let first = 1;
  let position = 0;
  const take = (bytes: Buffer): Lines => {
    if (!isUtf8(bytes)) throw notUtf8(bytes, first);
    const text = bytes.toString('utf8');
    const lines = { text: first === 1 && text.startsWith(BOM) ? text.slice(1) : text, first, position };
    first += countLines(bytes);
    return lines;
  };
  for await (const chunk of input as AsyncIterable<Buffer>) {
    position += chunk.length;
    const end = chunk.lastIndexOf(LF) + 1;
    if (end === 0) {
      rest.push(chunk);
      restSize += chunk.length;
      if (restSize > LONGEST)
        throw unusable(`line ${first} is longer than ${LONGEST} bytes; is it a text file?`);
      continue;
    }
    yield take(Buffer.concat([...rest, chunk.subarray(0, end)]));
    rest = [chunk.subarray(end)];
    restSize = chunk.length - end;
  }
  if (restSize > 0) yield take(Buffer.concat(rest));
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

function notUtf8(bytes: Buffer, first: number): CliError {
  if (first === 1 && (bytes[0] === 0xff || bytes[0] === 0xfe))
    return unusable('the file is UTF-16; save it as UTF-8');
  let line = first;
  for (let from = 0; from < bytes.length; line++) {
    const lf = bytes.indexOf(LF, from);
    const end = lf < 0 ? bytes.length : lf + 1;
    if (!isUtf8(bytes.subarray(from, end))) break;
    from = end;
  }
  return unusable(`line ${line} is not UTF-8; save the file as UTF-8`);
}
