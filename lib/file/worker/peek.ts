import { pausedTypes, readPauses } from '../admission/paused.js';
import { endOf } from '../disk/tail.js';
import { LineReader } from '../format/line.js';
import { eachRowWith } from '../format/rows-by-word.js';
import { sealedPart } from '../index/sealed.js';
import { claimIn, isOverdue } from '../lock/overdue.js';
import type { Store } from '../store.js';
import { DeclaredRows } from './declared-rows.js';

const WORDS = ['pending', 'processing', 'recurring'] as const;

/** The result of a first look at the queue. */
export interface Peek<D> {
  /** True if a job or a schedule is due, or the claim of a running job is overdue. */
  work: boolean;
  /** True if a process died inside a commit, or the last line lacks its LF. A commit repairs both. */
  repair: boolean;
  /** The declared schedules that the file lacks, or has with another spec. */
  undeclared: readonly D[];
}

/** A declaration of a schedule, as {@link declaredText}. */
interface Declared {
  readonly text: string;
}

/**
 * Says if there is anything to do, without the lock. It searches the raw bytes for the status words and
 * reads only lines that have one. A cron tick with nothing due costs no more than this.
 *
 * It may wrongly say yes (for a superseded row that is not struck yet), but never wrongly no.
 *
 * @param declared the schedules that the worker declares
 */
export async function peek<D extends Declared>(
  store: Store,
  timeout: number,
  declared: readonly D[] = [],
): Promise<Peek<D>> {
  const found: Peek<D> = { work: false, repair: false, undeclared: declared };
  const file = store.openFile();
  if (file === undefined) return found;
  const { at } = file.layout;
  const reader = new LineReader(file.layout);
  const now = store.clock.now();
  const isPaused = pausedTypes(readPauses(store.fs, store.realPath, now));
  const isDue = (): boolean => reader.number(at.run_at, 0) * 1000 <= now;
  const isWork = {
    // A type without a handler counts, because the worker reports it.
    pending: () => isDue() && !isPaused(reader.text(at.type)),
    processing: () => isOverdue(claimIn(reader, at), store.processes, now, timeout),
    recurring: isDue,
  };
  const schedules = declared.length > 0 ? new DeclaredRows(file.layout) : undefined;

  await file.eachBlock(sealedPart(file).end, (bytes, end) => {
    for (const status of WORDS) {
      if (found.work) break;
      eachRowWith(reader, bytes, end, status, () => {
        found.work = isWork[status]();
        return found.work;
      });
    }
    schedules?.look(bytes, end);
  });
  const isOpen = endOf(store.fs, file) === undefined;
  found.repair = isOpen || store.lock.needsRepair;
  if (schedules !== undefined) found.undeclared = schedules.without(declared);
  return found;
}
