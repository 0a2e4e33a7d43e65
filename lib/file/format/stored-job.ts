import { isFinal, type Job } from '../../job/job.js';
import { anyColumns, type JobFields, type NewJobFields } from './columns.js';
import type { Layout } from './layout.js';
import { writeMeta } from './meta.js';
import type { Row } from './row.js';

/** A job's place in an index. It saves a lookup by id while the index is the same. */
export interface Known {
  readonly index: object;
  readonly slot: number;
}

/** The values that a change of state sets; others stay. In `meta`, a change sets only the notes and labels that it names. */
export type Change = Partial<JobFields>;

const GIVEN = anyColumns.flatMap((column, i) => (column.given === false ? [] : [{ column, i }]));
const BY_FIELD = Object.fromEntries(anyColumns.map((column, i) => [column.field, { column, i }])) as Record<
  keyof JobFields,
  { column: (typeof anyColumns)[number]; i: number }
>;

/** A job as a row of the file. It never changes: the job's next state is another row. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the getters are made below, from the list of columns.
export class StoredJob {
  readonly row: Row;
  readonly layout: Layout;
  readonly known: Known | undefined;
  #from: StoredJob | undefined;
  #text: string | undefined;

  constructor(row: Row, layout: Layout, known?: Known, from?: StoredJob) {
    this.row = row;
    this.layout = layout;
    this.known = known;
    this.#from = from;
  }

  /** Makes a job's first row. */
  static first(id: string, job: NewJobFields, layout: Layout): StoredJob {
    const row = layout.blank.slice();
    row[layout.at.id] = id;
    for (const { column, i } of GIVEN) {
      const value = job[column.field as keyof NewJobFields];
      if (value !== undefined) row[layout.places[i] as number] = column.encode(value, '');
    }
    return new StoredJob(row, layout);
  }

  /** The row from which {@link next} made this one; undefined for any other row, and after {@link release}. */
  get from(): StoredJob | undefined {
    return this.#from;
  }

  /** The row as in the file, without its LF. */
  get text(): string {
    this.#text ??= this.row.join('\t');
    return this.#text;
  }

  /** The row as a line, with its LF. */
  get line(): string {
    return `${this.text}\n`;
  }

  /** Makes {@link text} now, because under the lock other processes would wait for it. */
  prepare(): void {
    this.#text ??= this.row.join('\t');
  }

  /** Frees the memory that a row needs only until it is written. */
  release(): void {
    this.#text = undefined;
    this.#from = undefined;
  }

  /** Makes the row that supersedes this one: the job's next state, with a version one higher. */
  next(change: Change): StoredJob {
    const { layout } = this;
    const row = this.row.slice();
    for (const field in change) {
      const { column, i } = BY_FIELD[field as keyof JobFields];
      const place = layout.places[i] as number;
      row[place] = column.encode(change[field as keyof JobFields], row[place] ?? '');
    }
    row[layout.at.version] = String(this.version + 1);
    return new StoredJob(row, layout, this.known, this);
  }

  /** True if the row's `meta` has room for these notes of the queue. */
  canNote(meta: JobFields['meta']): boolean {
    return writeMeta(this.row[this.layout.at.meta] ?? '', meta) !== undefined;
  }

  /** True if the job failed, and an operator has dismissed that. */
  get isDismissed(): boolean {
    return this.status === 'failed' && this.meta['@dismissed'] === true;
  }

  /** True if the job is finished, and forgotten: callers no longer see it. */
  get isForgotten(): boolean {
    return isFinal(this.status) && this.meta['@forget'] === true;
  }

  /** Returns the job as users see it. */
  toJob(): Job {
    const job: Record<string, unknown> = {};
    for (const { field, show } of anyColumns) if (show !== undefined) job[field] = show(this[field]);
    // A file without versions doesn't escape its error texts.
    if (this.layout.at.version < 0) job.error = this.row[this.layout.at.error] || undefined;
    const { '@interruptions': interruptions = 0, '@schedule': schedule, '@slot': slot } = this.meta;
    job.interruptions = interruptions;
    const date = slot === undefined ? undefined : new Date(slot * 1000);
    job.dismissed = this.isDismissed;
    job.schedule = typeof schedule === 'string' ? { name: schedule, slot: date } : undefined;
    return job as unknown as Job;
  }
}

export interface StoredJob extends JobFields {}

for (const [i, { field, decode }] of anyColumns.entries()) {
  Object.defineProperty(StoredJob.prototype, field, {
    get(this: StoredJob) {
      return decode(this.row[this.layout.places[i] as number] ?? '');
    },
  });
}
