import { decodeAfter } from '../format/after.js';
import type { Column } from '../format/columns.js';
import type { LineReader } from '../format/line.js';
import { brief } from '../format/text.js';
import type { JobIndex } from '../index/job-index.js';
import { isOverIn } from '../joins/release.js';

/**
 * Returns why the job whose newest row was read last waits for other jobs, but not as it should; otherwise undefined.
 *
 * @param isQuiet true if no process writes the file. Otherwise the row that lets the job start may be under way.
 */
export function stuckWaiting(
  reader: LineReader,
  at: Readonly<Record<Column, number>>,
  index: JobIndex,
  isQuiet: boolean,
): string | undefined {
  if (reader.status !== 'waiting') return undefined;
  const id = brief(reader.text(at.id));
  const after = decodeAfter(reader.text(at.after));
  if (after === undefined)
    return `job ${id} is waiting, but its after doesn't name the jobs that it waits for, so it would wait for ever; cancel it: queue cancel ${id}`;
  const isReleased = after.else === 'run' && after.ids.every((other) => isOverIn(index, other));
  if (!isQuiet || !isReleased) return undefined;
  return `job ${id} is waiting, although all jobs that it waits for have ended; the next compaction lets it start (queue compact)`;
}
