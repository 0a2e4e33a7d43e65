import { basename } from 'node:path';
import type { Clock } from '../../job/clock.js';
import { TsvqError } from '../../job/errors.js';
import { type FileInfo, type FileSystem, removeIfThere } from '../disk/fs.js';
import { LockFiles, removeEmpty } from '../disk/ownership.js';
import type { Environment } from './environment.js';
import { type Liveness, NO_PID, type Processes, UNJUDGED_MS } from './process-id.js';
import { RewriteNotice } from './rewrite-notice.js';
import { ownerOf, Tokens, tokenOf } from './tokens.js';

/*
 * The lock is a directory, `queue.tsv.lock`, with a file named after its owner, the token. The token decides:
 *
 * - Enter: a process creates its token, then lists the directory. If every other token's owner is proven dead, it
 *   holds the lock. Otherwise it removes its token and tries again later. If two processes create tokens at the same
 *   time, the later one always sees the earlier. Both may have to try again, but never both get in.
 * - A dead owner's token says that a process died inside a commit. The next holder repairs the file, and only
 *   then removes that token.
 * - Owe: a holder whose append was cut, by a full disk say, renames its token to that of a process that can't be. So
 *   the next holder repairs the file, also if this process ends or the disk stays full for long.
 * - Leave: the holder removes its token, then the directory. A directory with a token can't be removed; one
 *   without a token doesn't lock. A worker soon comes back, so it keeps the directory until it ends, because
 *   making and removing it takes longer than all the rest together.
 * - Rewrite: a holder that will replace the file first makes a directory inside the lock's: the rewrite
 *   notice. Rows of new jobs depend on nothing, so a process may append them without the lock while the
 *   holder only appends. After the append that process looks for a rewrite notice. Either the notice came after
 *   the append, and the rewrite reads the row; or the process sees the notice, and waits for the lock.
 */

/** How long, in ms, a live owner is believed to be alive. */
const ALIVE_MS = 250;
/** The longest step of a wait, in ms. If a step took longer, the clock has jumped. */
const LONGEST_STEP_MS = 1_000;

/** A process that holds a lock, or died holding it. */
export interface LockHolder {
  /** The name of the process's token in the lock's directory. */
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  readonly since: Date;
  readonly liveness: Liveness;
}

/** True if the holder goes on without the lock, and left a repair to the next one, because its append was cut. */
export const hasLeftRepair = ({ pid }: LockHolder): boolean => pid === NO_PID;

/** Names a holder for messages, with the time of its token. */
export const describeHolder = (holder: LockHolder, since: string): string =>
  hasLeftRepair(holder)
    ? `an append on ${holder.host} that was cut at ${since}`
    : `process ${holder.pid} on ${holder.host} since ${since}`;

export class Lock {
  /** The path of the lock's directory. */
  readonly path: string;
  /** True if {@link leave} keeps the directory for more work. The caller that sets it calls {@link tidy}. */
  keepsDirectory = false;
  /** True if {@link leave} is to leave a repair to the next holder. */
  owesRepair = false;
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #timeout: number;
  readonly #tokens: Tokens;
  readonly #notice: RewriteNotice;
  #token: string | undefined;

  /** @param onMissingFolder called before the queue's folder is made; may throw */
  constructor(
    path: string,
    timeout: number,
    { fs, clock, processes }: Environment,
    onMissingFolder: () => void = () => {},
  ) {
    this.path = path;
    this.#timeout = timeout;
    this.#fs = fs;
    this.#clock = clock;
    this.#processes = processes;
    const files = new LockFiles(fs, path.slice(0, -'.lock'.length));
    this.#tokens = new Tokens(fs, path, files, onMissingFolder);
    this.#notice = new RewriteNotice(fs, path, files);
  }

  /**
   * Waits until this process holds the lock, or no longer needs it.
   *
   * @param isNeeded called before each further try
   * @returns the tokens of dead owners: repair the file, then {@link clear} them. undefined if the lock was
   *   not taken because it is no longer needed.
   * @throws TsvqError `LOCK_TIMEOUT`, `NO_ACCESS`, `DISK_FULL`
   */
  async enter(isNeeded: () => boolean = () => true): Promise<string[] | undefined> {
    let waited = 0;
    const believed = new Map<string, number>();
    for (let attempt = 0; ; attempt++) {
      // The first try creates at once. Later ones look first, because a token turns back others that are just
      // entering.
      if (attempt === 0 || !this.#tokens.list().some((token) => this.#isAlive(token, believed))) {
        const dead = this.#tryToEnter(believed);
        if (dead !== undefined) return dead;
      }
      if (!isNeeded()) return undefined;
      if (waited >= this.#timeout) throw this.#timedOut();
      const before = this.#clock.now();
      await this.#clock.sleep(Math.ceil(Math.random() * Math.min(1 + attempt, 20)));
      // Counts each step alone, because the clock may be set meanwhile, or the machine suspended.
      waited += Math.min(Math.max(this.#clock.now() - before, 1), LONGEST_STEP_MS);
    }
  }

  /** True if this process's token still exists. If not, another process took the lock over; stop. */
  stillHeld(): boolean {
    return this.#token !== undefined && this.#fs.stat(this.#token) !== undefined;
  }

  /** True if a live or dead process has a rewrite notice. Then no process may append without the lock. */
  get isRewriting(): boolean {
    return this.#notice.isActive;
  }

  /** Makes the rewrite notice. Until {@link leave}, appends wait for the lock. Read the file after this call. */
  beginRewrite(): void {
    if (this.#token !== undefined) this.#notice.begin(basename(this.#token));
  }

  /** Takes the lock from owners. Their rewrite notices stay until {@link clear}. */
  evict(tokens: readonly string[]): void {
    this.#tokens.remove(tokens);
  }

  /** Removes all traces of dead and evicted owners. Call it only after the repair. */
  clear(tokens: readonly string[]): void {
    this.#notice.clear(tokens);
    this.evict(tokens);
  }

  /** Returns the file information of these tokens, in the lock and in the rewrite notice, as far as they exist. */
  infosOf(tokens: readonly string[]): FileInfo[] {
    const paths = tokens.flatMap((token) => [`${this.path}/${token}`, `${this.path}/rewriting/${token}`]);
    return paths.flatMap((path) => this.#fs.stat(path) ?? []);
  }

  leave(): void {
    if (this.#token === undefined) return;
    // Ends the notice first, because the next holder takes a notice that it finds for a dead owner's.
    this.#notice.end();
    if (!this.owesRepair || !this.#tokens.disown(this.#token)) removeIfThere(this.#fs, this.#token);
    this.owesRepair = false;
    this.#token = undefined;
    if (!this.keepsDirectory) this.tidy();
  }

  /** Removes the directory, unless a process is using it. */
  tidy(): void {
    // Ignores a directory that isn't empty, or is gone already.
    removeEmpty(this.#fs, this.path);
  }

  /** True if a process died holding the lock, or left a repair to the next holder. */
  get needsRepair(): boolean {
    return this.holders().some(({ liveness }) => liveness === 'dead');
  }

  /** Lists the processes that hold the lock or died holding it. */
  holders(): LockHolder[] {
    return this.#tokens.list().flatMap((token) => {
      const info = this.#tokens.infoOf(token);
      if (info === undefined) return [];
      const owner = ownerOf(token);
      const [host = '?', , , pid] = owner.split('.');
      const liveness = this.#processes.liveness(owner);
      return [{ token, host, pid: Number(pid), since: new Date(info.mtimeMs), liveness }];
    });
  }

  #tryToEnter(believed: Map<string, number>): string[] | undefined {
    const name = tokenOf(this.#processes.self());
    const token = `${this.path}/${name}`;
    if (!this.#tokens.create(token)) return undefined;
    try {
      const others = this.#tokens.list().filter((other) => other !== name);
      if (!others.every((other) => !this.#isAlive(other, believed) && this.#mayPass(other, token)))
        return undefined;
      // An owner that can't be judged may go on at any moment. Then it finds its token gone. This process's token
      // tells the next process as much as the owner's did.
      this.evict(others.filter((other) => this.#liveness(other) !== 'dead'));
      const rewriting = this.#notice.tokens().filter((other) => this.#liveness(other) !== 'alive');
      this.#token = token;
      return [...rewriting, ...others];
    } finally {
      // Also if the system refuses a read, because a forgotten token would hold the lock until this process ends.
      if (this.#token !== token) removeIfThere(this.#fs, token);
    }
  }

  #isAlive(token: string, believed: Map<string, number>): boolean {
    const now = this.#clock.now();
    if (Math.abs(now - (believed.get(token) ?? Number.NEGATIVE_INFINITY)) < ALIVE_MS) return true;
    if (this.#liveness(token) !== 'alive') return false;
    believed.set(token, now);
    return true;
  }

  /** True if an owner not known to be alive may be passed over: it is proven dead, or unknown for long. */
  #mayPass(token: string, mine: string): boolean {
    if (this.#liveness(token) === 'dead') return true;
    const theirs = this.#fs.stat(`${this.path}/${token}`);
    const ours = this.#fs.stat(mine);
    // Compares times of the file system's own clock.
    return theirs === undefined || (ours !== undefined && ours.mtimeMs - theirs.mtimeMs > UNJUDGED_MS);
  }

  #liveness(token: string): Liveness {
    return this.#processes.liveness(ownerOf(token));
  }

  #timedOut(): TsvqError {
    const who = this.holders()
      .map((holder) => describeHolder(holder, holder.since.toISOString()))
      .join(', ');
    return new TsvqError(
      'LOCK_TIMEOUT',
      `${this.path} was held for longer than ${this.#timeout} ms, by ${who || 'several processes in turn'}; nothing was written. ` +
        'Try again; if that process is stuck, end it, or see: queue unlock',
    );
  }
}
