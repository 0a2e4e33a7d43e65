import type { Health } from '../../job/health.js';
import { isFinal, type Job, type Status } from '../../job/job.js';
import type { Progress } from '../../job/progress.js';
import type {
  ArchivedEnd,
  Found,
  JobFacts,
  JobSurroundings,
  JobVersion,
  RowSink,
  RowSource,
} from '../../job/row-source.js';
import type { RecordedStep } from '../../job/step.js';
import { withStoreErrors } from '../disk/fs.js';
import type { Layout } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import { isSchedule, readMeta } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { unescapeText } from '../format/text.js';
import type { JobIndex } from '../index/job-index.js';
import { groupsOf, readJobs } from '../index/rows.js';
import { readSteps } from '../job-files/steps-file.js';
import type { Store } from '../store.js';
import { archivedEnds, type ReadArchives } from './archived-ends.js';
import { getLog, type LogReading, logReading } from './get.js';
import { gatherHealth } from './health.js';
import { readHistory, versionOf } from './history.js';
import { searchRows } from './search.js';
import { surroundingsOf } from './surroundings.js';

/** The file as a source of rows. The source follows the store's index, also into a new file. */
export class FileRows implements RowSource {
  readonly #store: Store;
  readonly #sink: RowSink;
  readonly #archives: ReadArchives = new Map();
  /** True if the sink knows all jobs that were in the file at the last {@link read}. */
  isWhole = false;
  #index: JobIndex | undefined;
  #filling: Promise<void> | undefined;
  /** The history that was read last, up to the row at `offset`. */
  #history: { index: JobIndex; offset: number; jobs: readonly JobVersion[] } | undefined;
  #isClosed = false;
  /** The code that reads logs, from the first {@link read} on. */
  #logs: LogReading | undefined;

  constructor(store: Store, sink: RowSink) {
    this.#store = store;
    this.#sink = sink;
    store.onIndex.add(this.#follow);
  }

  async read(): Promise<void> {
    this.#logs ??= await logReading();
    while (!this.#isClosed) {
      const index = await this.#store.read('all');
      if (index === undefined) {
        if (this.#index !== undefined) {
          this.#leave();
          this.#sink.reset();
        }
        this.isWhole = true;
        return;
      }
      if (this.#isClosed) return;
      // It was there before this source.
      if (index !== this.#index) this.#filling = this.#fill(index);
      await this.#filling;
      // Another file may have taken the name meanwhile.
      if (index === this.#index) {
        this.isWhole = true;
        return;
      }
    }
  }

  /** Tells the sink of all jobs that an index knows. Others get their turn, and new rows are told as they come. */
  async #fill(index: JobIndex): Promise<void> {
    this.#follow(index);
    const slots = Array.from({ length: index.size }, (_, slot) => slot);
    try {
      let slot = 0;
      for (const group of groupsOf(index, slots)) {
        if (slot > 0) await new Promise(setImmediate);
        if (this.#index !== index) return;
        for (const job of readJobs(index, group)) {
          if (job !== undefined && !job.isForgotten) this.#sink.put(slot, factsOfJob(job));
          slot++;
        }
      }
    } catch (error) {
      if (this.#index === index) this.#leave();
      this.#sink.reset();
      throw error;
    }
  }

  jobs(keys: readonly number[]): (Job | undefined)[] {
    const index = this.#index;
    return index === undefined ? keys.map(() => undefined) : readJobs(index, keys).map((job) => job?.toJob());
  }

  keyOf(id: string): number | undefined {
    const slot = this.#index?.find(id);
    return slot !== undefined && this.#index?.forgotten.has(slot) ? undefined : slot;
  }

  async search(text: string, limit: number): Promise<Found> {
    for (;;) {
      const index = this.#index;
      if (index === undefined) return { keys: [], hasMore: false };
      const { fs, path } = this.#store;
      const found = await withStoreErrors(path, () => searchRows(fs, index, text, limit));
      // In another file the jobs have other keys.
      if (this.#index === index) return found;
    }
  }

  async history(id: string): Promise<readonly JobVersion[]> {
    const index = this.#index;
    const slot = index?.find(id);
    const offset = slot === undefined ? undefined : index?.offset(slot);
    const known = this.#history;
    // A page is asked for again and again. Without a newer row, the ones before it are the same.
    if (offset !== undefined && known?.index === index && known?.offset === offset) return known.jobs;
    const rows = await readHistory(this.#store, id);
    const jobs = rows.filter(({ meta }) => !isSchedule(meta)).map(versionOf);
    if (index !== undefined && offset !== undefined) this.#history = { index, offset, jobs };
    return jobs;
  }

  steps(id: string): Promise<readonly RecordedStep[]> {
    return readSteps(this.#store, id);
  }

  archivedEnds(since: number): Promise<Map<string, ArchivedEnd>> {
    return withStoreErrors(this.#store.path, () => archivedEnds(this.#store, since, this.#archives));
  }

  progress({ id, attempts }: Job): Progress | undefined {
    return this.#logs?.readProgress(this.#store.fs, this.#store.realPath, id, attempts);
  }

  log(id: string, bytes: number): Promise<string> {
    return withStoreErrors(this.#store.path, () => getLog(this.#store, id, { bytes }));
  }

  surroundings(job: Job): Promise<JobSurroundings> {
    return withStoreErrors(this.#store.path, () => surroundingsOf(this.#store, job));
  }

  health(patience: number): Promise<Health> {
    return gatherHealth(this.#store, patience);
  }

  isAlive(worker: string): boolean | undefined {
    const liveness = this.#store.processes.liveness(worker);
    return liveness === 'unknown' ? undefined : liveness === 'alive';
  }

  close(): void {
    this.#isClosed = true;
    this.isWhole = true;
    this.#store.onIndex.delete(this.#follow);
    this.#leave();
  }

  readonly #follow = (index: JobIndex): void => {
    this.#leave();
    this.isWhole = false;
    this.#index = index;
    // Rows are read from this file, even after another one has taken its name.
    index.file.retain();
    index.onNewest.add(this.#tell);
    this.#sink.reset();
  };

  readonly #tell = (slot: number, row: LineReader | StoredJob): void => {
    const { file, forgotten } = this.#index as JobIndex;
    const { layout } = file;
    if (forgotten.has(slot)) this.#sink.drop(slot);
    else this.#sink.put(slot, row instanceof LineReader ? factsOfLine(row, layout) : factsOfJob(row));
  };

  #leave(): void {
    this.#index?.onNewest.delete(this.#tell);
    this.#index?.file.release();
    this.#index = undefined;
    this.#filling = undefined;
    this.#history = undefined;
  }
}

/** True if a job's error says something of its state: it has failed, or is tried again. */
const tellsError = (status: Status): boolean => status === 'failed' || !isFinal(status);

function factsOfLine(row: LineReader, { at }: Layout): JobFacts {
  const { status } = row;
  const ms = (column: number): number => row.number(column, Number.NaN) * 1000;
  return {
    status,
    type: row.text(at.type),
    attempts: row.number(at.attempts, 0) - row.number(at.forgiven, 0),
    isDismissed: status === 'failed' && row.has(at.meta) && isDismissed(row.text(at.meta)),
    createdAt: ms(at.created_at),
    runAt: ms(at.run_at),
    startedAt: ms(at.started_at),
    finishedAt: ms(at.finished_at),
    error: tellsError(status) && row.has(at.error) ? unescapeText(row.text(at.error)) : '',
  };
}

function factsOfJob(job: StoredJob): JobFacts {
  const { status, type, attempts, createdAt, runAt, startedAt = Number.NaN, finishedAt = Number.NaN } = job;
  return {
    ...{ status, type, attempts: attempts - job.forgiven, createdAt, runAt, startedAt, finishedAt },
    isDismissed: status === 'failed' && job.meta['@dismissed'] === true,
    error: tellsError(status) ? job.error : '',
  };
}

const isDismissed = (meta: string): boolean => readMeta(meta)['@dismissed'] === true;
