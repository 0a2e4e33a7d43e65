import type { JobVersion } from '../../job/row-source.js';
import { storeError } from '../disk/fs.js';
import { OUR_ID } from '../format/id.js';
import { HASH, LF, LineReader, TAB } from '../format/line.js';
import { type Row, splitRows } from '../format/row.js';
import type { StoredJob } from '../format/stored-job.js';
import { restoreRows } from '../format/superseded.js';
import type { Store } from '../store.js';

/**
 * Returns all rows of a job that are in the file, by version: also those that newer ones supersede, until the next
 * compaction. It looks through the whole file for the id.
 */
export async function readHistory(store: Store, id: string): Promise<StoredJob[]> {
  const file = store.openFile();
  if (file === undefined || id === '') return [];
  const { layout } = file;
  const [first, ...rest] = Buffer.from(id);
  const wanted = Buffer.from([...rest, TAB]);
  const reader = new LineReader(layout);
  const rows: Row[] = [];
  const isStruck: boolean[] = [];
  try {
    await file.eachBlock(file.start, (block, length) => {
      const bytes = block.subarray(0, length);
      for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
        const start = at - 1;
        if (start < 0 || (start > 0 && bytes[start - 1] !== LF)) continue;
        if (bytes[start] !== HASH && bytes[start] !== first) continue;
        const end = bytes.indexOf(LF, start);
        const kind = reader.read(bytes, start, end);
        if (kind !== 'row' && kind !== 'struck') continue;
        const [row] = splitRows(bytes.toString('utf8', start, end));
        if (row === undefined) continue;
        rows.push(row);
        isStruck.push(kind === 'struck' && bytes[start] === HASH);
      }
    });
  } catch (error) {
    throw storeError(error, store.path);
  }
  return restoreRows(id, ownRows(id, rows, isStruck, layout.at.created_at), layout);
}

/** Returns a row as the job that it was then. */
export const versionOf = (row: StoredJob): JobVersion => ({ ...row.toJob(), version: row.version });

/** Leaves out struck rows of jobs whose ids, made by hand, differ only in the letter that a strike takes. */
function ownRows(
  id: string,
  rows: readonly Row[],
  isStruck: readonly boolean[],
  createdAt: number,
): readonly Row[] {
  if (id.length === OUR_ID) return rows;
  const whole = rows.find((_, i) => !isStruck[i]);
  return rows.filter((row, i) => !isStruck[i] || row[createdAt] === whole?.[createdAt]);
}
