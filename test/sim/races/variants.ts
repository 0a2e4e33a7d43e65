/*
 * Designs close to this one that lose jobs: pieces of lib/ replaced by wrong ones. The simulator has to find out
 * about each. All are in one bundle; VARIANT, a global, says which of them counts.
 */

/** A piece of lib/ that is replaced. */
export interface Patch {
  /** From the root of the project. */
  readonly file: string;
  /** Must be there exactly once; undefined is the beginning of the file. */
  readonly find: string | undefined;
  readonly replace: string;
}

const HELPERS = '../../../test/sim/races';

const WRITES = 'variant-writes';
const KEYS = 'variant-keys';
const LIMITS = 'variant-limits';

/** `find` becomes an expression that is `instead` for one variant. */
const expression = (variant: string, file: string, find: string, instead: string): Patch => ({
  file,
  find,
  replace: `((globalThis as any).VARIANT === '${variant}' ? ${instead} : ${find})`,
});

/** Before `find`, statements are put that count for one variant. */
const before = (variant: string, file: string, find: string, statements: string): Patch => ({
  file,
  find,
  replace: `if ((globalThis as any).VARIANT === '${variant}') { ${statements} }\n${find}`,
});

const imported = (file: string, names: string, from = 'variant-code'): Patch => ({
  file,
  find: undefined,
  replace: `import { ${names} } from '${HELPERS}/${from}.js';\n`,
});

export const PATCHES: readonly Patch[] = [
  // Several get in at a stale lock.
  imported('lib/file/lock/lock.ts', 'enterPlain, leavePlain, broken'),
  before(
    'plain proper-lockfile',
    'lib/file/lock/lock.ts',
    '    let waited = 0;',
    'await enterPlain(this, this.#fs, this.#clock, this.path, this.#timeout); return [];',
  ),
  before(
    'plain proper-lockfile',
    'lib/file/lock/lock.ts',
    '    if (this.#token === undefined) return;',
    'leavePlain(this); return;',
  ),
  before(
    'plain proper-lockfile',
    'lib/file/lock/lock.ts',
    '    return this.#token !== undefined && this.#fs.stat(this.#token) !== undefined;',
    'return true;',
  ),
  before(
    'plain proper-lockfile',
    'lib/file/lock/lock.ts',
    '    removeEmpty(this.#fs, this.path);',
    'return;',
  ),
  // Its lock says nothing to those who append beside it.
  before(
    'plain proper-lockfile',
    'lib/file/commit/try.ts',
    '      const before = this.#openEnd();',
    'return undefined;',
  ),

  // The dead owner's lock is cleared first; who gets in next knows nothing of it, and does not look at the tail.
  before(
    'repair by the breaker',
    'lib/file/lock/lock.ts',
    '      this.#token = token;\n',
    `if (others.length > 0) { this.clear(others); removeIfThere(this.#fs, token); broken.set(this, others); return undefined; }
     this.#token = token; const repairs = broken.get(this) ?? []; broken.delete(this); return repairs;`,
  ),
  expression(
    'repair by the breaker',
    'lib/file/commit/maintenance.ts',
    'closeTail(this.#fs, file)',
    'file.size',
  ),
  {
    file: 'lib/file/disk/tail.ts',
    find: '|| last[0] === LF ?',
    replace: "|| last[0] === LF || (globalThis as any).VARIANT === 'repair by the breaker' ?",
  },

  // What a crash cut is cut off.
  before(
    'ftruncate',
    'lib/file/disk/tail.ts',
    '  const closing = Buffer.from(',
    '(fs as any).ftruncate(file.fd, size - fragment.length); return file.size;',
  ),

  // A dead owner's rename is built upon.
  {
    file: 'lib/file/commit/maintenance.ts',
    find: 'if (file === undefined || (await',
    replace: "if (file === undefined || (globalThis as any).VARIANT === 'no repair' || (await",
  },
  expression('sync again', 'lib/file/commit/committer.ts', 'this.#save(cause)', 'fs.fdatasync(file.fd)'),
  expression(
    'no sync of the directory',
    'lib/file/compaction/rewrite.ts',
    'syncFolder(this.#fs, dirname(this.#path))',
    'undefined',
  ),
  before(
    'strikes before the sync',
    'lib/file/commit/committer.ts',
    '      await fs.fdatasync(file.fd);',
    'await strike(fs, file, superseded);',
  ),
  {
    file: 'lib/file/operations/retry.ts',
    find: 'meta: RETRIED_META }',
    replace: `meta: RETRIED_META,
      ...((globalThis as any).VARIANT === 'retry sets attempts back' ? { forgiven: 0, attempts: 0 } : {}) }`,
  },
  expression('last row wins', 'lib/file/index/job-index.ts', 'version <= before', 'false'),

  // Readers go no further than the file was long when they began.
  expression('size first', 'lib/file/disk/open-file.ts', 'Number.POSITIVE_INFINITY', 'this.size'),

  // What can't be read is left alone, and its job goes on from an older row.
  before(
    'nothing is held',
    'lib/file/index/job-index.ts',
    '    return !this.unreadable.isEmpty && this.unreadable.has(keyOf',
    'return false;',
  ),

  // Rows of one commit count together, or not at all; a last line that was left open is closed together with new rows.
  imported('lib/file/commit/append.ts', 'prefixLength, withPrefix', WRITES),
  {
    file: 'lib/file/commit/append.ts',
    find: 'yield { bytes,',
    replace: 'yield { bytes: withPrefix(this, this.#file, this.#jobs.length, bytes),',
  },
  {
    file: 'lib/file/commit/append.ts',
    find: 'eachLine(bytes, 0, bytes.length, (start',
    replace: 'eachLine(bytes, prefixLength(this), bytes.length, (start',
  },
  imported('lib/file/index/job-index.ts', 'waits', WRITES),
  before(
    'commit markers',
    'lib/file/index/job-index.ts',
    '    const kind = reader.read(bytes, start, end);',
    'if (waits(this, bytes, start, end, offset)) return;',
  ),
  imported('lib/file/compaction/compaction-pass.ts', 'isMarker', WRITES),
  {
    file: 'lib/file/compaction/compaction-pass.ts',
    find: 'isMark(bytes, start, end)',
    replace: 'isMark(bytes, start, end) || isMarker(bytes, start, end)',
  },
  imported('lib/file/commit/maintenance.ts', 'closeWithRows', WRITES),
  expression(
    'tail closed with rows',
    'lib/file/commit/maintenance.ts',
    'closeTail(this.#fs, file)',
    'closeWithRows(this.#fs, file, closeTail)',
  ),

  // A look reads on between what a commit has read and its append.
  expression(
    'looks at any time',
    'lib/file/index/read-write-lock.ts',
    'this.#writing ?? this.#reading',
    'undefined',
  ),

  // Who holds a key, and what is paused, is looked up before the lock is taken.
  imported('lib/file/operations/enqueue.ts', 'asSeen, lookAtKeys', KEYS),
  before(
    'keys before the lock',
    'lib/file/operations/enqueue.ts',
    '    await store.update(reads, (tx) => {',
    'await lookAtKeys(store, jobs);',
  ),
  expression(
    'keys before the lock',
    'lib/file/operations/enqueue.ts',
    'addUnique(tx, jobs)',
    'addUnique(asSeen(tx, jobs), jobs)',
  ),
  imported('lib/file/worker/turn.ts', 'withoutPauses', KEYS),
  expression(
    'pauses before the lock',
    'lib/file/worker/turn.ts',
    'new Admissions(new ClaimView(this.#worker, look))',
    'withoutPauses(() => new Admissions(new ClaimView(this.#worker, look)))',
  ),
  imported('lib/file/admission/paused.ts', 'ignoresPauses', KEYS),
  expression(
    'pauses before the lock',
    'lib/file/admission/paused.ts',
    'readPauses(store.fs, store.realPath, now)',
    '(ignoresPauses ? [] : readPauses(store.fs, store.realPath, now))',
  ),
  // A job whose type was paused after the pick has used up an attempt.
  before(
    'pauses cost attempts',
    'lib/file/worker/turn.ts',
    '      const isWritten = tx.written(candidate.id) === candidate.claim;',
    `const seen = candidate.claim.from as StoredJob;
     if (isUnchanged(candidate, tx) && admissions.of(seen) === 'later') tx.change(seen, { attempts: seen.attempts + 1 });`,
  ),
  // The end of a job releases nobody: only a compaction does.
  before(
    'no release',
    'lib/file/commit/transaction.ts',
    '    const slots = this.index.joins.childrenOf(id);',
    'return;',
  ),

  // A schedule is fired by its row as it was before the lock, carries no jobs, or goes on by the clock alone.
  expression('fired by an old row', 'lib/file/schedules/firing.ts', 'tx.isNewest(row)', 'true'),
  expression('slots that nobody carries', 'lib/file/schedules/firing.ts', 'encodeFollowUps(jobs)', "''"),
  expression(
    'slots by the clock',
    'lib/file/format/schedule-row.ts',
    'Math.max(now, ((row && lastSlot(row)?.slot) ?? 0) * 1000)',
    'now',
  ),
  // A job that waits behind others waits for the last of them only.
  expression('waits for one', 'lib/file/schedules/slot-job.ts', '-MOST_AWAITED', '-1'),

  // A worker claims what its pick let start; knows the starts of others once; writes its own too late.
  expression(
    'limits before the lock',
    'lib/file/worker/turn.ts',
    'admissions.of(candidate.claim.from as StoredJob, hasStart)',
    "(candidate.isLone ? 'alone' : 'start')",
  ),
  before(
    'limits read once',
    'lib/file/admission/limits-file.ts',
    '      const info = this.#fs.stat(this.#path);',
    'if (this.#fd !== undefined) return;',
  ),
  imported('lib/file/worker/turn.ts', 'doAfterwards, nowAfterwards', LIMITS),
  expression(
    'limits after the append',
    'lib/file/worker/turn.ts',
    'limits.save(starts.map(({ claim }) => claim))',
    'doAfterwards(this, () => limits.save(starts.map(({ claim }) => claim)))',
  ),
  expression(
    'limits after the append',
    'lib/file/worker/turn.ts',
    "this.#sortOut(await this.#store.update('open', (tx) => this.#decide(tx)))",
    "this.#sortOut(nowAfterwards(this, await this.#store.update('open', (tx) => this.#decide(tx))))",
  ),
  // A job that its limit refuses under the lock has used up an attempt.
  before(
    'limits cost attempts',
    'lib/file/worker/turn.ts',
    '      const isWritten = tx.written(candidate.id) === candidate.claim;',
    `const seen = candidate.claim.from as StoredJob;
     if (isUnchanged(candidate, tx) && !admissions.limits.admits(seen, this.#started.has(candidate)))
       tx.change(seen, { attempts: seen.attempts + 1 });`,
  ),
  // A lane that was shut once stays so.
  before(
    'lanes stay shut',
    'lib/file/worker/lanes.ts',
    '    const later = this.#later;',
    'while ((this.#shut.peek()?.until ?? Infinity) <= now) this.#shut.pop(); this.#later = []; return;',
  ),

  // New jobs are appended beside the lock, and nobody looks whether the file is written anew.
  expression('no look behind', 'lib/file/commit/try.ts', '!lock.isRewriting', 'true'),
  // A new file has its name before others know that they must not use it yet.
  before(
    'made in silence',
    'lib/file/lock/rewrite-notice.ts',
    '    if (this.#token !== undefined) return;',
    'return;',
  ),
];
