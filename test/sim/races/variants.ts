/*
 * Designs close to this one that lose jobs: pieces of lib/ replaced by wrong ones. The simulator has to find out
 * about each. All are in one bundle; VARIANT, a global, says which of them counts.
 */

/** A piece of lib/ that is replaced; it must be there exactly once. */
export interface Patch {
  /** From the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const HELPERS = '../../test/sim/races';

const WRITES = 'variant-writes';

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

const imported = (file: string, find: string, names: string, from = 'variant-code'): Patch => ({
  file,
  find,
  replace: `${find}\nimport { ${names} } from '${HELPERS}/${from}.js';`,
});

export const PATCHES: readonly Patch[] = [
  // Several get in at a stale lock.
  imported(
    'lib/store/lock.ts',
    "import { makeDirectory } from './proper-lockfile.js';",
    'enterPlain, leavePlain, broken',
  ),
  before(
    'plain proper-lockfile',
    'lib/store/lock.ts',
    '    let waited = 0;',
    'await enterPlain(this, this.#fs, this.#clock, this.path, this.#timeout); return [];',
  ),
  before(
    'plain proper-lockfile',
    'lib/store/lock.ts',
    '    if (this.#token === undefined) return;',
    'leavePlain(this); return;',
  ),
  before(
    'plain proper-lockfile',
    'lib/store/lock.ts',
    '    return this.#token !== undefined && this.#fs.stat(this.#token) !== undefined;',
    'return true;',
  ),
  before(
    'plain proper-lockfile',
    'lib/store/lock.ts',
    '    // Not empty, or gone already: both are fine.\n    removeEmpty',
    'return;',
  ),
  // Its lock says nothing to those who append beside it.
  before(
    'plain proper-lockfile',
    'lib/store/appender.ts',
    '    const before = this.#openEnd();',
    'return undefined;',
  ),

  // The dead owner's lock is cleared first; who gets in next knows nothing of it, and does not look at the tail.
  before(
    'repair by the breaker',
    'lib/store/lock.ts',
    '      this.#token = token;\n',
    `if (others.length > 0) { this.clear(others); removeIfThere(this.#fs, token); broken.set(this, others); return undefined; }
     this.#token = token; const repairs = broken.get(this) ?? []; broken.delete(this); return repairs;`,
  ),
  expression('repair by the breaker', 'lib/store/appender.ts', 'closeTail(this.#fs, file)', 'file.size'),
  {
    file: 'lib/store/tail.ts',
    find: '|| last[0] === LF ?',
    replace: "|| last[0] === LF || (globalThis as any).VARIANT === 'repair by the breaker' ?",
  },

  // What a crash cut is cut off.
  before(
    'ftruncate',
    'lib/store/tail.ts',
    '  const closing = Buffer.from(',
    '(fs as any).ftruncate(file.fd, size - fragment.length); return file.size;',
  ),

  // A dead owner's rename is built upon.
  {
    file: 'lib/store/holder.ts',
    find: 'if (file === undefined || (await',
    replace: "if (file === undefined || (globalThis as any).VARIANT === 'no repair' || (await",
  },
  expression('sync again', 'lib/store/writer.ts', 'this.#save(cause)', 'this.#fs.fdatasync(file.fd)'),
  expression(
    'no sync of the directory',
    'lib/store/replacement.ts',
    'syncFolder(this.#fs, dirname(this.#path))',
    'undefined',
  ),
  before(
    'strikes before the sync',
    'lib/store/writer.ts',
    '      await this.#fs.fdatasync(file.fd);',
    'await strike(this.#fs, file, superseded);',
  ),
  {
    file: 'lib/queue/retry.ts',
    find: 'forgiven: Number(row[at.attempts]) || 0,',
    replace: `forgiven: Number(row[at.attempts]) || 0,
      ...((globalThis as any).VARIANT === 'retry sets attempts back' ? { forgiven: 0, attempts: 0 } : {}),`,
  },
  expression('last row wins', 'lib/store/job-index.ts', 'version <= before', 'false'),

  // Readers go no further than the file was long when they began.
  expression('size first', 'lib/store/open-file.ts', 'Number.POSITIVE_INFINITY', 'this.size'),

  // What can't be read is left alone, and its job goes on from an older row.
  before(
    'nothing is held',
    'lib/store/job-index.ts',
    '    return !this.unreadable.isEmpty && this.unreadable.has(keyOf',
    'return false;',
  ),
  before(
    'nothing is held',
    'lib/store/job-index.ts',
    '    return !this.unreadable.isEmpty && this.unreadable.has(row',
    'return false;',
  ),

  // Rows of one commit count together, or not at all; a last line that was left open is closed together with new rows.
  imported(
    'lib/store/append.ts',
    "import type { OpenFile } from './open-file.js';",
    'prefixLength, withPrefix',
    WRITES,
  ),
  {
    file: 'lib/store/append.ts',
    find: "Buffer.from(lines.join(''))",
    replace: "withPrefix(this, this.#file, this.#drafts.length, Buffer.from(lines.join('')))",
  },
  {
    file: 'lib/store/append.ts',
    find: 'let offset = this.#before;',
    replace: 'let offset = this.#before + prefixLength(this);',
  },
  {
    file: 'lib/store/append.ts',
    find: 'this.#offsets?.[piece] ?? offset',
    replace: 'this.#offsets === undefined ? offset : (this.#offsets[piece] as number) + prefixLength(this)',
  },
  imported('lib/store/job-index.ts', "import type { OpenFile } from './open-file.js';", 'waits', WRITES),
  before(
    'commit markers',
    'lib/store/job-index.ts',
    '    const kind = reader.read(bytes, start, end);',
    'if (waits(this, bytes, start, end, offset)) return;',
  ),
  imported(
    'lib/store/compaction-pass.ts',
    "import type { OpenFile } from './open-file.js';",
    'isMarker',
    WRITES,
  ),
  {
    file: 'lib/store/compaction-pass.ts',
    find: 'isMark(bytes, start, end)',
    replace: 'isMark(bytes, start, end) || isMarker(bytes, start, end)',
  },
  imported('lib/store/appender.ts', "import { closeTail, endOf } from './tail.js';", 'closeWithRows', WRITES),
  expression(
    'tail closed with rows',
    'lib/store/appender.ts',
    'closeTail(this.#fs, file)',
    'closeWithRows(this.#fs, file, closeTail)',
  ),

  // A look reads on between what a commit has read and its append.
  expression('looks at any time', 'lib/store/current-file.ts', 'this.#relying ?? this.#scan', 'undefined'),

  // New jobs are appended beside the lock, and nobody looks whether the file is written anew.
  expression(
    'no look behind',
    'lib/store/appender.ts',
    '!this.#holder.lock.isRewriting && file.isCurrent()',
    'file.isCurrent()',
  ),
  // A new file has its name before others know that they must not use it yet.
  before(
    'made in silence',
    'lib/store/rewriting.ts',
    '    if (this.#token !== undefined) return;',
    'return;',
  ),
];
