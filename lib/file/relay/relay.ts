import { errorMessage } from '../../job/errors.js';
import type { OutboxRow, OutboxTable, Taker } from '../../job/outbox.js';
import { processWide } from '../../job/process-wide.js';
import { randomHex } from '../../job/random.js';
import { archivedSince } from '../compaction/archive.js';
import type { Wanted } from '../joins/unique.js';
import { UNJUDGED_MS } from '../lock/process-id.js';
import { addChecked } from '../operations/enqueue.js';
import type { Store } from '../store.js';
import { readRows } from './rows.js';

/** How long after it took rows a relay may add them, in ms. Later, a relay that can't judge it may take them over. */
const MOST_HELD_MS = UNJUDGED_MS / 2;

/** The tokens under which relays of this process hold rows now. A relay that failed has let go of its rows. */
const held = processWide('relaying', () => new Set<string>());

/** The error of a look at an outbox, for a warning. */
class RelayError extends Error {}

/** What came of a look at an outbox. */
export interface Relayed {
  /** How many rows became jobs, or were duplicates. */
  readonly jobs: number;
  /** How many rows can't be jobs, and why the first of them can't. */
  readonly rejected: number;
  readonly firstError: string | undefined;
}

/**
 * Turns the committed rows of one outbox into jobs, each into exactly one, wherever a relay is killed.
 *
 * 1. A transaction of the database writes a token and the ids of the new jobs into the rows.
 * 2. One commit of the queue adds the jobs under these ids.
 * 3. Another transaction deletes the rows.
 *
 * If the relay is killed between these, the next one finds a dead relay's token. Only then it looks for the ids in the
 * whole file and in the archive.
 */
export class Relay {
  readonly #store: Store;
  readonly #table: OutboxTable;

  constructor(store: Store, table: OutboxTable) {
    this.#store = store;
    this.#table = table;
  }

  /**
   * Relays what is committed.
   *
   * @param isStopped true ends it after the rows that it holds
   * @throws RelayError if the database or the queue refuses; then the rows stay
   */
  async run(isStopped: () => boolean = () => false): Promise<Relayed> {
    let jobs = 0;
    let rejected = 0;
    let firstError: string | undefined;
    while (!isStopped()) {
      const some = await this.#relaySome();
      if (some === undefined) break;
      jobs += some.jobs;
      rejected += some.rejected;
      firstError ??= some.firstError;
    }
    return { jobs, rejected, firstError };
  }

  /** Relays the next rows. @returns undefined if there are none */
  async #relaySome(): Promise<Relayed | undefined> {
    const { name } = this.#table;
    const token = this.#store.processes.self();
    held.add(token);
    try {
      const takenAt = this.#store.clock.now();
      const rows = await this.#inDatabase('read', () => this.#table.take(this.#taker(token, takenAt)));
      if (rows.length === 0) return undefined;
      const { jobs, rejected } = readRows(rows, takenAt, this.#store.options);
      try {
        await this.#add(rows, jobs, takenAt);
      } catch (error) {
        throw new RelayError(`rows of ${name} wait: ${errorMessage(error)}`, { cause: error });
      }
      await this.#inDatabase('written', () => this.#table.finish(token, rejected));
      return { jobs: jobs.length, rejected: rejected.length, firstError: rejected[0]?.error };
    } finally {
      held.delete(token);
    }
  }

  async #add(rows: readonly OutboxRow[], jobs: readonly Wanted[], takenAt: number): Promise<void> {
    const missing = rows[0]?.isDoubtful ? await this.#missing(jobs) : jobs;
    await addChecked(this.#store, missing, ({ now }) => {
      if (now - takenAt > MOST_HELD_MS) throw new Error('the relay was suspended; it looks at them again');
    });
  }

  /**
   * Returns the jobs that no relay has added. Nothing can add them meanwhile, because this relay holds their rows. A job
   * can only move from the file to the archive, so the archive is read last.
   */
  async #missing(jobs: readonly Wanted[]): Promise<Wanted[]> {
    const isInFile = await this.#store.update('all', (tx) => {
      const ids = jobs
        .filter(({ id }) => tx.job(id) !== undefined || tx.index.isHeld(id))
        .map(({ id }) => id);
      // The rows that it finds may be a dead process's, and not durable yet.
      tx.reliesOnRows = true;
      return new Set(ids);
    });
    const missing = jobs.filter(({ id }) => !isInFile.has(id));
    if (missing.length === 0) return [];
    const { fs, realPath } = this.#store;
    const archived = await archivedSince(fs, realPath, new Set(missing.map(({ id }) => id)), 0);
    return missing.filter(({ id }) => !archived.has(id));
  }

  async #inDatabase<T>(what: 'read' | 'written', call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const message = `${this.#table.name} could not be ${what}: ${errorMessage(error)}`;
      throw new RelayError(message, { cause: error });
    }
  }

  #taker(token: string, now: number): Taker {
    return {
      token,
      now,
      newId: () => randomHex(8),
      hasLetGo: (other, takenAt) => {
        const liveness = this.#store.processes.liveness(other);
        if (liveness === 'unknown') return !(Math.abs(now - takenAt) <= UNJUDGED_MS);
        return liveness === 'dead' || (processOf(other) === processOf(token) && !held.has(other));
      },
    };
  }
}

/** Returns the part of a token that names the process. */
const processOf = (token: string): string => token.slice(0, token.lastIndexOf('.'));
