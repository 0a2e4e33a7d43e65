import { dirname } from 'node:path';
import { instant, invalid, onlyKnown, text } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { checkName } from '../../job/name.js';
import { ALL_TYPES, type Pause, parsePause, pauseLines, pausesAt, readPauses } from '../admission/paused.js';
import { NotDurable, Replacement, removeUnfinishedRewrites } from '../compaction/rewrite.js';
import { removeIfThere, syncFolder } from '../disk/fs.js';
import { escapeText } from '../format/text.js';
import type { Store } from '../store.js';

/** Options of {@link Queue.pause}. */
export interface PauseOptions {
  /** When the pause ends by itself: a Date, an ISO string with `Z` or an offset, or Unix seconds. Default: never. */
  until?: Date | string | number | undefined;
  /** The person or program that asks for the pause, for `queue check`. Default: empty. */
  by?: string | undefined;
}

/** Pauses a type, or all types. When this resolves, no worker claims a job of a paused type any more. */
export async function pause(
  store: Store,
  type: string = ALL_TYPES,
  options: PauseOptions = {},
): Promise<void> {
  checkName('type', type);
  onlyKnown('options', options, ['until', 'by']);
  const until = options.until === undefined ? undefined : instant('until', options.until);
  const by = options.by === undefined ? '' : text('by', options.by);
  if (until !== undefined && until <= store.clock.now())
    throw invalid('until', options.until, 'a time in the future');
  await change(store, (lines, now) => {
    const before = pausesAt(lines, now).find((other) => other.type === type);
    const since = before?.since.getTime() ?? now;
    const fields = [type, since / 1000, until === undefined ? '' : until / 1000, escapeText(by)];
    return [...lines.filter((line) => parsePause(line)?.type !== type), fields.join('\t')];
  });
}

/** Ends a pause. @returns true if jobs of the type, or of all types, start again because of this call */
export async function resume(store: Store, type: string = ALL_TYPES): Promise<boolean> {
  checkName('type', type);
  // Most calls find nothing to do, and a queue without a file has no pauses.
  if (!pauseLines(store.fs, store.realPath).some((line) => parsePause(line)?.type === type)) return false;
  let isResumed = false;
  await change(store, (lines, now) => {
    const pauses = pausesAt(lines, now);
    const isPaused = pauses.some((other) => other.type === type);
    isResumed = isPaused && (type === ALL_TYPES || !pauses.some((other) => other.type === ALL_TYPES));
    return lines.filter((line) => parsePause(line)?.type !== type);
  });
  return isResumed;
}

/** Lists the pauses that have not ended. */
export const listPauses = (store: Store): Pause[] => readPauses(store.fs, store.realPath, store.clock.now());

/** Rewrites `queue.tsv.paused` under the lock, so that each claim is made before the change or sees it. */
async function change(store: Store, edit: (lines: string[], now: number) => string[]): Promise<void> {
  const { fs, clock, lock, realPath } = store;
  const path = `${realPath}.paused`;
  const isDone = await store.exclusively(async () => {
    removeUnfinishedRewrites(fs, path);
    const now = clock.now();
    // Pauses that have ended are left out. Lines of other programs stay.
    const lasting = pauseLines(fs, realPath).filter((line) => {
      const one = parsePause(line);
      return one === undefined || pausesAt([line], now).length > 0;
    });
    const lines = edit(lasting, now);
    if (lines.length === 0) {
      removeIfThere(fs, path);
      await syncFolder(fs, dirname(path));
      return true;
    }
    const output = new Replacement(fs, path, fs.stat(realPath));
    try {
      output.add(Buffer.from(lines.map((line) => `${line}\n`).join('')));
      await output.sync();
      await output.replace(lock);
    } catch (cause) {
      if (!(cause instanceof NotDurable)) throw cause;
      throw new TsvqError('SYNC_FAILED', `${path} is written, but a power cut may undo it; try again`, {
        cause,
      });
    } finally {
      output.close();
    }
    return true;
  });
  if (isDone !== true) {
    throw new TsvqError('NOT_A_QUEUE', `there is no queue file at ${realPath}; the first enqueue makes it`);
  }
}
