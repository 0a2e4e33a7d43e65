import { join } from 'node:path';
import { type FileSystem, removeIfThere } from '../disk/fs.js';
import { JOB_FILES, type JobFolder, jobFolder, jobNameIn, nameOf } from './file-names.js';

/** A file whose job is in no row stays at least so long, in ms. A handler that goes on after its end may write to it. */
const LEAST_AGE_MS = 3_600_000;
/** How many files are removed before other callbacks get their turn. */
const TOGETHER = 256;

/** The files of jobs beside a queue: of which jobs they are, and which of them no job needs. */
export class JobFiles {
  readonly #fs: FileSystem;
  /** The paths of the files whose job was not seen to stay, by the names of {@link nameOf}. */
  readonly #paths: Map<string, string[]>;
  readonly #leaving: string[] = [];

  private constructor(fs: FileSystem, paths: Map<string, string[]>) {
    this.#fs = fs;
    this.#paths = paths;
  }

  /** Lists the files; undefined if there are none. */
  static find(fs: FileSystem, queueFile: string): JobFiles | undefined {
    const paths = new Map<string, string[]>();
    for (const folder of Object.keys(JOB_FILES) as JobFolder[]) {
      for (const file of namesIn(fs, jobFolder(queueFile, folder))) {
        const name = jobNameIn(queueFile, folder, file);
        if (name === undefined) continue;
        const path = join(jobFolder(queueFile, folder), file);
        paths.set(name, [...(paths.get(name) ?? []), path]);
      }
    }
    return paths.size === 0 ? undefined : new JobFiles(fs, paths);
  }

  /** Notes that a job stays in the queue's file. */
  stays(id: string): void {
    this.#paths.delete(nameOf(id));
  }

  /** Notes the jobs that stay, by the names of their files. A hashed name can't be looked up, so its files stay. */
  stayIf(isThere: (id: string) => boolean): void {
    for (const name of this.#paths.keys())
      if (name.startsWith('@') || isThere(name)) this.#paths.delete(name);
  }

  /** Notes that a job leaves the queue's file. */
  leaves(id: string): void {
    const name = nameOf(id);
    this.#leaving.push(...(this.#paths.get(name) ?? []));
    this.#paths.delete(name);
  }

  /**
   * Returns the files of jobs that are in no row: a crash kept them, or a handler that went on after its job was archived
   * made them.
   *
   * @param now in ms @param age how long ago they were written last at least, in ms; an hour is the least
   */
  orphans(now: number, age = 0): string[] {
    const latest = now - Math.max(age, LEAST_AGE_MS);
    const paths = [...this.#paths.values()].flat();
    return paths.filter((path) => writtenAt(this.#fs, path) < latest);
  }

  /** Removes the files of the jobs that leave. One that can't be removed stays, as an orphan. */
  async removeLeaving(): Promise<void> {
    await removeFiles(this.#fs, this.#leaving);
  }
}

/** Returns when a file was written last, in ms; NaN if that can't be told. */
function writtenAt(fs: FileSystem, path: string): number {
  try {
    return fs.stat(path)?.mtimeMs ?? Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/** Removes files. One that can't be removed stays. */
export async function removeFiles(fs: FileSystem, paths: readonly string[]): Promise<void> {
  for (const [i, path] of paths.entries()) {
    if (i % TOGETHER === TOGETHER - 1) await new Promise(setImmediate);
    try {
      removeIfThere(fs, path);
    } catch {
      // The folder is not writable, say; what mattered is done.
    }
  }
}

function namesIn(fs: FileSystem, folder: string): string[] {
  try {
    return fs.readdir(folder);
  } catch {
    // Most queues have no such folder.
    return [];
  }
}
