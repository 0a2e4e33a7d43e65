import { basename, dirname } from 'node:path';
import type { Clock } from '../../job/clock.js';
import { TsvqError } from '../../job/errors.js';
import { type FileInfo, type FileSystem, removeIfThere, storeError } from '../disk/fs.js';
import { LockFiles, makeFolders, removeEmpty, removeFolderOfRoot } from '../disk/ownership.js';
import type { Environment } from './environment.js';
import { type Liveness, type Processes, UNJUDGED_MS } from './process-id.js';
import { makeDirectory } from './proper-lockfile.js';
import { Rewriting } from './rewrite-notice.js';

/*
 * The lock is a directory, `queue.tsv.lock`, and in it a file named after its owner, the token. The token decides:
 *
 * - Enter: create your token, then list the directory. If every other token's owner is proven dead, you hold the
 *   lock. Else remove your token and come back later. Of two who create at the same time, the later one always
 *   sees the earlier, so both may have to come back, but never do both get in.
 * - A dead owner's token says that somebody died inside a commit. Whoever enters beside it repairs the file, and
 *   only then removes that token.
 * - Leave: remove your token, then the directory: one with a token in it can't be removed. One without is no lock,
 *   so a worker, which soon comes back, leaves it there until it ends: making and removing it takes longer
 *   than all the rest together.
 * - Rewrite: a holder that is going to put another file in the place of this one says so first, by a directory of its
 *   own in there. Rows of new jobs depend on nothing, so they are appended beside a holder that only appends; but
 *   whoever does that looks, after the append, whether somebody rewrites. Either the one who rewrites said so after
 *   the append, and reads the row; or the one who appended sees it, and goes by the lock.
 */

/** For so long a live owner is believed to be still alive. */
const ALIVE_MS = 250;
/** A step of a wait that took longer by the clock was a jump of it, for the most part. */
const LONGEST_STEP_MS = 1_000;
const PREFIX = 'owner.';

/** Who holds a lock. */
export interface LockHolder {
  /** Name of the token in the lock's directory. */
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  readonly since: Date;
  readonly liveness: Liveness;
}

export class Lock {
  /** Of the directory. */
  readonly path: string;
  /** The directory is left where it is: there is more to come, and who has set this will {@link tidy} in the end. */
  keepsDirectory = false;
  /** Called before the queue's folder is made; may throw. */
  onMissingFolder: () => void = () => {};
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #timeout: number;
  readonly #files: LockFiles;
  readonly #rewriting: Rewriting;
  #token: string | undefined;

  constructor(path: string, timeout: number, { fs, clock, processes }: Environment) {
    this.path = path;
    this.#timeout = timeout;
    this.#fs = fs;
    this.#clock = clock;
    this.#processes = processes;
    this.#files = new LockFiles(fs, path.slice(0, -'.lock'.length));
    this.#rewriting = new Rewriting(fs, path, this.#files);
  }

  /**
   * Waits until the lock is held, or is no longer needed.
   *
   * @param isNeeded asked before each further try
   * @returns the tokens of dead owners found beside one's own: repair, then {@link clear} them. undefined if the lock
   *   is not held, since it is no longer needed.
   * @throws TsvqError `LOCK_TIMEOUT`, `NO_ACCESS`, `DISK_FULL`
   */
  async enter(isNeeded: () => boolean = () => true): Promise<string[] | undefined> {
    let waited = 0;
    const believed = new Map<string, number>();
    for (let attempt = 0; ; attempt++) {
      // The first try is a bold one; after it, look before creating: a token makes others that are just entering
      // turn back.
      if (attempt === 0 || !this.#tokens().some((token) => this.#isAlive(token, believed))) {
        const dead = this.#tryToEnter(believed);
        if (dead !== undefined) return dead;
      }
      if (!isNeeded()) return undefined;
      if (waited >= this.#timeout) throw this.#timedOut();
      const before = this.#clock.now();
      await this.#clock.sleep(Math.ceil(Math.random() * Math.min(1 + attempt, 20)));
      // Step by step: the clock may be set meanwhile, or the machine suspended.
      waited += Math.min(Math.max(this.#clock.now() - before, 1), LONGEST_STEP_MS);
    }
  }

  /** Whether the token is still there. Whoever finds it gone was passed over, and stands back. */
  stillHeld(): boolean {
    return this.#token !== undefined && this.#fs.stat(this.#token) !== undefined;
  }

  /** Whether somebody rewrites the file, or died in the midst of it: then nobody may append without the lock. */
  get isRewriting(): boolean {
    return this.#rewriting.isActive;
  }

  /** Has everybody who would append wait for the lock, until {@link leave}. What they appended before is in the file. */
  beginRewrite(): void {
    if (this.#token !== undefined) this.#rewriting.begin(basename(this.#token));
  }

  /** Takes the lock from owners. What they said of rewriting the file stands until {@link clear}. */
  evict(tokens: readonly string[]): void {
    for (const token of tokens) removeIfThere(this.#fs, `${this.path}/${token}`);
  }

  /** Removes all traces of dead and evicted owners; only after the repair. */
  clear(tokens: readonly string[]): void {
    this.#rewriting.clear(tokens);
    this.evict(tokens);
  }

  /** What the files of owners are, here or where they said that they rewrite; of those that are still there. */
  infosOf(tokens: readonly string[]): FileInfo[] {
    const paths = tokens.flatMap((token) => [`${this.path}/${token}`, `${this.path}/rewriting/${token}`]);
    return paths.flatMap((path) => this.#fs.stat(path) ?? []);
  }

  leave(): void {
    if (this.#token === undefined) return;
    // First: the next holder takes what it finds there for a dead one's.
    this.#rewriting.end();
    removeIfThere(this.#fs, this.#token);
    this.#token = undefined;
    if (!this.keepsDirectory) this.tidy();
  }

  /** Removes the directory, unless somebody is using it. */
  tidy(): void {
    // Not empty, or gone already: both are fine.
    removeEmpty(this.#fs, this.path);
  }

  /** Who holds the lock or died holding it; takes nothing. */
  holders(): LockHolder[] {
    return this.#tokens().flatMap((token) => {
      const info = this.#infoOf(token);
      if (info === undefined) return [];
      const owner = token.slice(PREFIX.length);
      const [host = '?', , , pid] = owner.split('.');
      const liveness = this.#processes.liveness(owner);
      return [{ token, host, pid: Number(pid), since: new Date(info.mtimeMs), liveness }];
    });
  }

  #tryToEnter(believed: Map<string, number>): string[] | undefined {
    const name = PREFIX + this.#processes.self();
    const token = `${this.path}/${name}`;
    if (!this.#createToken(token)) return undefined;
    try {
      const others = this.#tokens().filter((other) => other !== name);
      if (!others.every((other) => !this.#isAlive(other, believed) && this.#mayPass(other, token)))
        return undefined;
      // One that can't be judged may go on any moment: from now on it finds its token gone. The next who sees ours
      // knows as much as from theirs.
      this.evict(others.filter((other) => this.#liveness(other) !== 'dead'));
      const rewriting = this.#rewriting.tokens().filter((other) => this.#liveness(other) !== 'alive');
      this.#token = token;
      return [...rewriting, ...others];
    } finally {
      // Also when the system refuses a look: forgotten there, it would hold the lock for as long as this process lives.
      if (this.#token !== token) removeIfThere(this.#fs, token);
    }
  }

  /** @returns false if the directory was removed under our hands; the next try makes it again. */
  #createToken(token: string): boolean {
    try {
      this.#files.makeToken(token);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // An empty directory is no lock. Root was killed before it could give this one away.
      const isHealed = code === 'EACCES' && removeEmpty(this.#fs, this.path);
      if (code !== 'ENOENT' && !isHealed) throw storeError(error, this.path);
    }
    const folder = dirname(this.path);
    try {
      if (this.#fs.stat(folder) === undefined) this.onMissingFolder();
      makeFolders(this.#fs, folder);
    } catch (error) {
      throw storeError(error, folder);
    }
    try {
      if (makeDirectory(this.#fs, this.path, this.#files.folderMode)) this.#files.giveLockFolder(this.path);
      this.#files.makeToken(token);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const isHealed = code === 'EACCES' && removeFolderOfRoot(this.#fs, folder);
      if (code === 'ENOENT' || isHealed) return false;
      throw storeError(error, this.path);
    }
  }

  #infoOf(token: string): FileInfo | undefined {
    try {
      return this.#fs.stat(`${this.path}/${token}`);
    } catch (error) {
      throw storeError(error, this.path);
    }
  }

  #tokens(): string[] {
    try {
      return this.#fs.readdir(this.path).filter((name) => name.startsWith(PREFIX));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw storeError(error, this.path);
    }
  }

  #isAlive(token: string, believed: Map<string, number>): boolean {
    const now = this.#clock.now();
    if (Math.abs(now - (believed.get(token) ?? Number.NEGATIVE_INFINITY)) < ALIVE_MS) return true;
    if (this.#liveness(token) !== 'alive') return false;
    believed.set(token, now);
    return true;
  }

  /** Whether an owner that is not alive as far as we can tell may be passed: proven dead, or unknown for long. */
  #mayPass(token: string, mine: string): boolean {
    if (this.#liveness(token) === 'dead') return true;
    const theirs = this.#fs.stat(`${this.path}/${token}`);
    const ours = this.#fs.stat(mine);
    // By the file system's own clock.
    return theirs === undefined || (ours !== undefined && ours.mtimeMs - theirs.mtimeMs > UNJUDGED_MS);
  }

  #liveness(token: string): Liveness {
    return this.#processes.liveness(token.slice(PREFIX.length));
  }

  #timedOut(): TsvqError {
    const who = this.holders()
      .map(({ pid, host, since }) => `process ${pid} on ${host} since ${since.toISOString()}`)
      .join(', ');
    return new TsvqError(
      'LOCK_TIMEOUT',
      `${this.path} was held for longer than ${this.#timeout} ms, by ${who || 'several who came and went'}; nothing was written. ` +
        'Try again; if that process is stuck, end it, or see: queue unlock',
    );
  }
}
