import { claimIn, isOverdue } from '../chores/rescue-rule.js';
import { endOf } from '../disk/tail.js';
import { LF, LineReader } from '../format/line.js';
import { sealedPart } from '../index/sealed.js';
import type { Store } from '../store.js';

const CANDIDATES = [Buffer.from('\tpending'), Buffer.from('\tprocessing')];

/** What a first look at the queue shows. */
export interface Peek {
  /** Something is due, or a running job's worker is dead: worth a closer look. */
  work: boolean;
  /** Somebody died inside a commit, or the last line lacks its LF; a commit puts both right. */
  repair: boolean;
}

/**
 * Is there anything to do? Takes no lock and looks at no row that can't be a candidate: the status words are
 * searched for in the raw bytes, and only lines that have one are read. This is all that a tick with nothing due costs.
 *
 * It may say yes where there is nothing (a superseded row that is not struck yet), never no where there is.
 */
export async function peek(store: Store, timeout: number): Promise<Peek> {
  const found: Peek = { work: false, repair: false };
  const file = store.openFile();
  if (file === undefined) return found;
  const { at } = file.layout;
  const reader = new LineReader(file.layout);
  const now = store.clock.now();

  await file.eachBlock(sealedPart(file).end, (bytes, end) => {
    for (const word of CANDIDATES) {
      let hit = found.work ? -1 : bytes.indexOf(word);
      while (hit >= 0 && hit < end && !found.work) {
        const start = bytes.lastIndexOf(LF, hit) + 1;
        const stop = bytes.indexOf(LF, hit);
        if (reader.read(bytes, start, stop) === 'row') {
          // Of whatever type: that a job has no handler is to be told, too.
          if (reader.status === 'processing') {
            found.work = isOverdue(claimIn(reader, at), store.processes, now, timeout);
          } else if (reader.status === 'pending') {
            found.work = reader.number(at.run_at, 0) * 1000 <= now;
          }
        }
        hit = bytes.indexOf(word, stop);
      }
    }
  });
  const isOpen = endOf(store.fs, file) === undefined;
  found.repair = isOpen || store.lock.holders().some(({ liveness }) => liveness === 'dead');
  return found;
}
