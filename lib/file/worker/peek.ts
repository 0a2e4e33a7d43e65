import type { Status } from '../../job/job.js';
import { pausedTypes, readPauses } from '../admission/paused.js';
import { endOf } from '../disk/tail.js';
import { declaredText } from '../format/declared-text.js';
import type { Layout } from '../format/layout.js';
import { LF, LineReader } from '../format/line.js';
import { sealedPart } from '../index/sealed.js';
import { claimIn, isOverdue } from '../lock/overdue.js';
import type { Store } from '../store.js';

const CANDIDATES = ['pending', 'processing', 'recurring'] as const;

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
  const schedules = declared.length > 0 ? new DeclaredRows() : undefined;

  const words: readonly Status[] = schedules === undefined ? CANDIDATES : [...CANDIDATES, 'cancelled'];
  await file.eachBlock(sealedPart(file).end, (bytes, end) => {
    for (const status of words) {
      const isAsked = (): boolean => !found.work || (schedules !== undefined && /^(rec|can)/.test(status));
      const word = Buffer.from(`\t${status}`);
      let hit = isAsked() ? bytes.indexOf(word) : -1;
      while (hit >= 0 && hit < end && isAsked()) {
        const start = bytes.lastIndexOf(LF, hit) + 1;
        const stop = bytes.indexOf(LF, hit);
        if (reader.read(bytes, start, stop) === 'row') {
          // A type without a handler counts, because the worker reports it.
          if (reader.status === 'processing') {
            found.work ||= isOverdue(claimIn(reader, at), store.processes, now, timeout);
          } else if (reader.status === 'pending') {
            found.work ||= isDue() && !isPaused(reader.text(at.type));
          } else if (reader.status === 'recurring') found.work ||= isDue();
          if (schedules !== undefined && reader.has(at.meta)) schedules.add(reader, at);
        }
        hit = bytes.indexOf(word, stop);
      }
    }
  });
  const isOpen = endOf(store.fs, file) === undefined;
  found.repair = isOpen || store.lock.needsRepair;
  if (schedules !== undefined) found.undeclared = schedules.without(declared);
  return found;
}

/** The newest rows of schedules, also of removed ones, since a superseded row may not be struck. */
class DeclaredRows {
  readonly #newest = new Map<string, { version: number; text: string | undefined }>();

  add(row: LineReader, at: Layout['at']): void {
    const id = row.text(at.id);
    if (row.version <= (this.#newest.get(id)?.version ?? 0)) return;
    const text = row.status === 'recurring' ? declaredText((column) => row.text(at[column])) : undefined;
    this.#newest.set(id, { version: row.version, text });
  }

  /** Returns the declarations that no row has. */
  without<D extends Declared>(declared: readonly D[]): D[] {
    const texts = new Set([...this.#newest.values()].map(({ text }) => text));
    return declared.filter(({ text }) => !texts.has(text));
  }
}
