import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import type { ResolvedQueueOptions } from '../../job/queue-options.js';
import type { RecordedStep } from '../../job/step.js';
import type { StepJournal } from '../../runner/step-journal.js';
import { assertWhole, type FileSystem, SMALL, storeError, syncFolder } from '../disk/fs.js';
import { TORN } from '../format/line.js';
import { stepsPath } from './file-names.js';
import { appendToJobFile, createJobFile, readJobFile } from './open-job-file.js';
import { stepLine } from './step-line.js';
import { StepLines } from './step-lines.js';

/** The part of a store that a file of steps needs. */
export interface StepsPlace {
  readonly fs: FileSystem;
  /** The queue file, with symlinks followed. */
  readonly realPath: string;
  readonly options: Pick<ResolvedQueueOptions, 'durability'>;
}

/** How often a line is appended at most. After so many tries, bad luck isn't the reason. */
const MOST_TRIES = 20;

/**
 * The file that records the steps of one job, for one attempt.
 *
 * It has no lock, because two attempts at once are rare: a worker that was taken for dead lives on. Both append whole
 * lines, and read what was appended. Of two lines with one name, the earlier counts for both.
 */
export class StepsFile implements StepJournal {
  readonly #place: StepsPlace;
  readonly #path: string;
  #lines: StepLines | undefined;
  /** The end of what was asked for before. One step is appended after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  /** The sync that covers what is written while {@link #syncing} runs. */
  #nextSync: Promise<void> | undefined;
  #areNamesSynced = false;
  /** The error of a failed sync. The kernel takes the lost pages for clean, so the next sync would report success. */
  #failedSync: TsvqError | undefined;
  #users = 0;
  #isClosed = false;

  constructor(place: StepsPlace, id: string) {
    this.#place = place;
    this.#path = stepsPath(place.realPath, id);
  }

  read(): Promise<readonly RecordedStep[]> {
    return this.#use(this.#path, async () => {
      const fd = appendToJobFile(this.#place.fs, this.#path);
      if (fd === undefined) return [];
      this.#lines = new StepLines(this.#place.fs, this.#path, fd);
      await this.#lines.readOn();
      const { steps } = this.#lines;
      // A killed process may have written them without a sync, and the attempt relies on them from now on.
      if (steps.size > 0) await this.#sync();
      return [...steps.values()];
    });
  }

  record(step: RecordedStep): Promise<RecordedStep> {
    const what = `step ${JSON.stringify(step.name)} in ${this.#path}`;
    return this.#use(what, async () => {
      const append = this.#turn.then(() => this.#append(step, what));
      this.#turn = append.catch(() => {});
      const counting = await append;
      await this.#sync();
      return counting;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#closeUnused();
  }

  /** Appends a step, unless another process has recorded it. @returns the step that counts */
  async #append(step: RecordedStep, what: string): Promise<RecordedStep> {
    const { fs, realPath } = this.#place;
    this.#lines ??= new StepLines(fs, this.#path, createJobFile(fs, this.#path, realPath));
    const lines = this.#lines;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const isWhole = await lines.readOn();
      // A handler must not rely on a line that the next attempt doesn't find.
      if (!lines.isNamed)
        throw new TsvqError(
          'WRITE_FAILED',
          `${what} was not recorded: the file was removed or replaced while the attempt ran`,
        );
      const counting = lines.steps.get(step.name);
      if (counting !== undefined) return counting;
      // A fragment is the line of a process that was killed, or of a full disk. It counts for nothing, although it may
      // look whole. If another process still writes it, a line with nothing but the ending follows it.
      const bytes = Buffer.from(`${isWhole ? '' : `${TORN}\n`}${stepLine(step)}`);
      const written =
        bytes.length <= SMALL ? fs.writeSync(lines.fd, bytes, null) : await fs.write(lines.fd, bytes, null);
      assertWhole(written, bytes);
      // Not found by the next look, the line is glued to a fragment: another process died in the middle of a line, after
      // this one saw a whole last line.
    }
    throw new TsvqError('WRITE_FAILED', `${what} was not recorded, because its lines can't be found there`);
  }

  /** Syncs what was written before the call. Calls at once share a sync. */
  #sync(): Promise<void> {
    if (this.#place.options.durability !== 'sync') return Promise.resolve();
    if (this.#syncing === undefined) return this.#beginSync();
    // The sync that runs may have begun before the write.
    this.#nextSync ??= this.#syncing.then(() => this.#beginSync());
    return this.#nextSync;
  }

  #beginSync(): Promise<void> {
    this.#nextSync = undefined;
    const over = (): void => {
      this.#syncing = undefined;
    };
    this.#syncing = this.#syncNow();
    this.#syncing.then(over, over);
    return this.#syncing;
  }

  async #syncNow(): Promise<void> {
    if (this.#failedSync !== undefined) throw this.#failedSync;
    const { fs, realPath } = this.#place;
    try {
      await fs.fdatasync((this.#lines as StepLines).fd);
      if (this.#areNamesSynced) return;
      // Another process may have made the file or its folder, and may have been killed since.
      await syncFolder(fs, dirname(this.#path));
      await syncFolder(fs, dirname(realPath));
      this.#areNamesSynced = true;
    } catch (cause) {
      const told = (storeError(cause, this.#path) as Error).message;
      this.#failedSync = new TsvqError(
        'SYNC_FAILED',
        `the disk under ${this.#path} failed a sync (${told}): whether the last steps are kept is unknown; check the disk first`,
        { cause },
      );
      throw this.#failedSync;
    }
  }

  /** Runs `run` while the file stays open. Turns system errors into those of {@link storeError}. */
  async #use<T>(what: string, run: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await run();
    } catch (error) {
      throw storeError(error, what);
    } finally {
      this.#users--;
      this.#closeUnused();
    }
  }

  /** Closes the file once no call uses it. The number of a descriptor that is closed too early may name another file. */
  #closeUnused(): void {
    if (!this.#isClosed || this.#users > 0 || this.#lines === undefined) return;
    this.#place.fs.close(this.#lines.fd);
    this.#lines = undefined;
  }
}

/** Reads the recorded steps of a job, for a view. @throws TsvqError */
export async function readSteps(
  { fs, realPath }: Omit<StepsPlace, 'options'>,
  id: string,
): Promise<RecordedStep[]> {
  const path = stepsPath(realPath, id);
  try {
    const fd = readJobFile(fs, path);
    if (fd === undefined) return [];
    try {
      const lines = new StepLines(fs, path, fd);
      await lines.readOn();
      return [...lines.steps.values()];
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    throw storeError(error, path);
  }
}
