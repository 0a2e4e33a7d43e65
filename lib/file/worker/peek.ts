import { pausedTypes, readPauses } from '../admission/paused.js';
import { endOf } from '../disk/tail.js';
import { LF, LineReader } from '../format/line.js';
import { sealedPart } from '../index/sealed.js';
import { claimIn, isOverdue } from '../lock/overdue.js';
import type { Store } from '../store.js';

const CANDIDATES = [Buffer.from('\tpending'), Buffer.from('\tprocessing')];

/** The result of a first look at the queue. */
export interface Peek {
  /** True if a job is due, or the claim of a running job is overdue. */
  work: boolean;
  /** True if a process died inside a commit, or the last line lacks its LF. A commit repairs both. */
  repair: boolean;
}

/**
 * Says if there is anything to do, without the lock. It searches the raw bytes for the status words and
 * reads only lines that have one. A cron tick with nothing due costs no more than this.
 *
 * It may wrongly say yes (for a superseded row that is not struck yet), but never wrongly no.
 */
export async function peek(store: Store, timeout: number): Promise<Peek> {
  const found: Peek = { work: false, repair: false };
  const file = store.openFile();
  if (file === undefined) return found;
  const { at } = file.layout;
  const reader = new LineReader(file.layout);
  const now = store.clock.now();
  const isPaused = pausedTypes(readPauses(store.fs, store.realPath, now));

  await file.eachBlock(sealedPart(file).end, (bytes, end) => {
    for (const word of CANDIDATES) {
      let hit = found.work ? -1 : bytes.indexOf(word);
      while (hit >= 0 && hit < end && !found.work) {
        const start = bytes.lastIndexOf(LF, hit) + 1;
        const stop = bytes.indexOf(LF, hit);
        if (reader.read(bytes, start, stop) === 'row') {
          // A type without a handler counts, because the worker reports it.
          if (reader.status === 'processing') {
            found.work = isOverdue(claimIn(reader, at), store.processes, now, timeout);
          } else if (reader.status === 'pending') {
            found.work = reader.number(at.run_at, 0) * 1000 <= now && !isPaused(reader.text(at.type));
          }
        }
        hit = bytes.indexOf(word, stop);
      }
    }
  });
  const isOpen = endOf(store.fs, file) === undefined;
  found.repair = isOpen || store.lock.needsRepair;
  return found;
}
