import { isFinal } from '../job.js';
import { eachLine, LineReader } from '../tsv/line.js';
import { SMALL } from './fs.js';
import type { JobIndex } from './job-index.js';
import type { OpenFile } from './open-file.js';

/** A file up to this size is compacted at the end of every tick that did something. */
const SMALL_FILE = 256 * 1024;

/**
 * Whether superseded rows outweigh the rest, so that compacting costs a constant per job; a small file is worth it
 * as soon as there is one, if `smallToo`. Always, if two rows stand in one line, which keeps a job from running.
 */
export function isWorthCompacting({ file, deadBytes, glued }: JobIndex, smallToo: boolean): boolean {
  if (glued > 0) return true;
  const { size } = file;
  return size <= SMALL_FILE ? smallToo && deadBytes > 0 : deadBytes > size - deadBytes;
}

/**
 * Whether the first finished jobs of the file, which are among the oldest, are a tenth over their time: often enough
 * that the file stays small, and seldom enough that it isn't written anew for each job that gets too old.
 *
 * @param retention in ms
 */
export function isPastRetention(file: OpenFile, now: number, retention: number): boolean {
  if (retention === Number.POSITIVE_INFINITY) return false;
  const head = file.readPiece(file.start, SMALL);
  const reader = new LineReader(file.layout);
  let past = false;
  eachLine(head, 0, head.length, (start, end) => {
    if (past || reader.read(head, start, end) !== 'row' || !isFinal(reader.status)) return;
    past = reader.number(file.layout.at.finished_at, Number.POSITIVE_INFINITY) * 1000 < now - retention * 1.1;
  });
  return past;
}
