import type { ArchivedEnd } from '../../job/row-source.js';
import { archiveFiles, eachArchivedLine } from '../compaction/archive.js';
import { LineReader } from '../format/line.js';
import type { Store } from '../store.js';

/** The file system's clock may have been set back by so much, in ms. */
const SET_BACK_MS = 3_600_000;

/** The archive files that were read: which version of them, and when the last job in it ended. */
export type ReadArchives = Map<string, { readonly version: string; readonly newest: number }>;

/**
 * Finds archived jobs that ended after a time, by id: their retention time is shorter than the time between two looks.
 * A file is left out if it was not written since, or if an earlier call has read it and all its jobs had ended by then.
 *
 * @param since in ms since 1970
 */
export async function archivedEnds(
  { fs, realPath }: Store,
  since: number,
  read: ReadArchives,
): Promise<Map<string, ArchivedEnd>> {
  const ends = new Map<string, ArchivedEnd>();
  for (const path of archiveFiles(fs, realPath)) {
    const { mtimeMs = 0, size = 0 } = fs.stat(path) ?? {};
    if (mtimeMs < since - SET_BACK_MS) continue;
    const version = `${size} ${mtimeMs}`;
    const before = read.get(path);
    if (before?.version === version && before.newest <= since) continue;
    let newest = 0;
    await eachArchivedLine(fs, path, (layout) => {
      const { at } = layout;
      const reader = new LineReader(layout);
      return (bytes, start, end) => {
        if (reader.read(bytes, start, end) !== 'row') return;
        const finishedAt = reader.number(at.finished_at, Number.NaN) * 1000;
        newest = Math.max(newest, finishedAt || 0);
        if (!(finishedAt > since)) return;
        const startedAt = reader.number(at.started_at, Number.NaN) * 1000;
        ends.set(reader.text(at.id), {
          ...{ type: reader.text(at.type), status: reader.status, startedAt, finishedAt },
        });
      };
    });
    read.set(path, { version, newest });
  }
  return ends;
}
