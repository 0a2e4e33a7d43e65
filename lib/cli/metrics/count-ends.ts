import { archiveFiles, eachArchivedLine } from '../../file/compaction/archive.js';
import { LineReader } from '../../file/format/line.js';
import type { Store } from '../../file/store.js';
import { type Counters, type End, OUTCOMES, type Outcome } from '../../view/metrics/counters.js';
import type { View } from '../../view/view.js';

/** The file system's clock may have been set back by so much, in ms. */
const SET_BACK_MS = 3_600_000;

/** Counts the jobs that ended since the last count. */
export async function countEnds(counters: Counters, view: View, store: Store): Promise<void> {
  const { board } = view;
  for (const { name } of board.types) counters.know(name);
  const archived = await archivedEnds(store, counters);
  for (let key = 0; key < board.size; key++) {
    const outcome = board.status(key) as Outcome;
    if (!OUTCOMES.includes(outcome)) continue;
    const at = board.finishedAt(key);
    if (!counters.isNew(at)) continue;
    // A process that died in a compaction may have left it in both.
    if (archived.size > 0) for (const { id } of view.jobs([key])) archived.delete(id);
    counters.add({ type: board.type(key).name, outcome, at, ran: at - board.startedAt(key) });
  }
  for (const end of archived.values()) counters.add(end);
}

/**
 * Finds jobs that went to the archive before their end was counted, by id: their retention time is shorter than the time
 * between two counts. Only files that were written since the last count are read.
 */
async function archivedEnds({ fs, realPath }: Store, counters: Counters): Promise<Map<string, End>> {
  const ends = new Map<string, End>();
  for (const path of archiveFiles(fs, realPath)) {
    if ((fs.stat(path)?.mtimeMs ?? 0) < counters.from - SET_BACK_MS) continue;
    await eachArchivedLine(fs, path, (layout) => {
      const { at } = layout;
      const reader = new LineReader(layout);
      return (bytes, start, end) => {
        if (reader.read(bytes, start, end) !== 'row') return;
        const finishedAt = reader.number(at.finished_at, Number.NaN) * 1000;
        const outcome = reader.status as Outcome;
        if (!counters.isNew(finishedAt) || !OUTCOMES.includes(outcome)) return;
        const ran = finishedAt - reader.number(at.started_at, Number.NaN) * 1000;
        ends.set(reader.text(at.id), { type: reader.text(at.type), outcome, at: finishedAt, ran });
      };
    });
  }
  return ends;
}
