import type { Job } from '../../job/job.js';
import type { NewRows, RowSource } from '../../job/row-source.js';
import type { JobIndex } from '../index/job-index.js';
import { eachJob } from '../index/rows.js';
import type { Store } from '../store.js';

/** The file as a source of rows. The source follows the store's index, also into a new file. */
export class FileRows implements RowSource {
  readonly #store: Store;
  #index: JobIndex | undefined;
  /** The slots of jobs with a new row; undefined for all. */
  #slots: Set<number> | undefined;

  constructor(store: Store) {
    this.#store = store;
    store.onIndex.add(this.#follow);
  }

  async read(): Promise<NewRows> {
    const index = await this.#store.read('open');
    if (index === undefined) {
      this.#leave();
      return { isWhole: true, jobs: [] };
    }
    if (index !== this.#index) this.#follow(index);
    const isWhole = this.#slots === undefined;
    const slots = isWhole ? Array.from({ length: index.size }, (_, slot) => slot) : [...(this.#slots ?? [])];
    this.#slots = new Set();
    return { isWhole, jobs: jobsOf(index, slots) };
  }

  close(): void {
    this.#store.onIndex.delete(this.#follow);
    this.#leave();
  }

  readonly #follow = (index: JobIndex): void => {
    this.#leave();
    this.#index = index;
    // Rows are read from this file, even after another one has taken its name.
    index.file.retain();
    index.onNewest.add(this.#add);
  };

  readonly #add = (slot: number): void => void this.#slots?.add(slot);

  #leave(): void {
    this.#index?.onNewest.delete(this.#add);
    this.#index?.file.release();
    this.#index = undefined;
    this.#slots = undefined;
  }
}

function* jobsOf(index: JobIndex, slots: readonly number[]): IterableIterator<Job> {
  // A struck row is superseded. The next read has the newer one.
  for (const job of eachJob(index, slots)) if (job !== undefined) yield job.toJob();
}
