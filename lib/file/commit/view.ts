import type { Status } from '../../job/job.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Layout } from '../format/columns.js';
import { joinRow, type Row } from '../format/row.js';
import type { JobIndex } from '../index/job-index.js';
import { readRows } from '../index/rows.js';

/** Where an index has a job; saves looking its id up, as long as it is the same index. */
export interface Known {
  readonly index: JobIndex;
  readonly slot: number;
}

/** A row to append, as fields and as the line of them; made before the lock is taken where that can be. */
export interface Draft {
  readonly id: string;
  readonly row: Row;
  /** With its LF. */
  readonly line: string;
  readonly known: Known | undefined;
}

export const draft = (id: string, row: Row, known?: Known): Draft => ({ id, row, line: joinRow(row), known });

/** What the file says is not what was read of it: somebody has edited it in place. The commit starts over. */
export class StaleIndex extends Error {}

/** What an operation sees of the queue while it decides: the file to its end, under the lock, if it needs that. */
export class View {
  /** ms since 1970. */
  readonly now: number;
  readonly file: OpenFile;
  readonly #index: JobIndex | undefined;
  readonly #archived: ReadonlySet<string>;
  readonly #decided = new Map<string, Row>();

  constructor(
    file: OpenFile,
    index: JobIndex | undefined,
    now: number,
    archived: ReadonlySet<string> = new Set(),
  ) {
    this.#archived = archived;
    this.file = file;
    this.#index = index;
    this.now = now;
  }

  get layout(): Layout {
    return this.file.layout;
  }

  /** The rows that operations of the same commit have decided on before this one, by id. */
  get decided(): ReadonlyMap<string, Row> {
    return this.#decided;
  }

  /** Only for operations that said that they need it. */
  get index(): JobIndex {
    if (this.#index === undefined) throw new Error('this operation did not ask for the index');
    return this.#index;
  }

  /** The job's newest row, or undefined if there is none. */
  row(id: string): Row | undefined {
    const decided = this.#decided.get(id);
    if (decided !== undefined) return decided;
    const slot = this.index.find(id);
    if (slot === undefined) return undefined;
    const [row] = readRows(this.index, [slot]);
    if (row === undefined) throw new StaleIndex();
    return row;
  }

  /** Whether a row that an earlier round has written is there, or its job has come and gone meanwhile. */
  hasSeen(id: string): boolean {
    return this.state(id) !== undefined || this.#archived.has(id);
  }

  /** Version and status of the job's newest row, without reading it. */
  state(id: string): { version: number; status: Status } | undefined {
    const decided = this.#decided.get(id);
    if (decided !== undefined) {
      const { at } = this.layout;
      return { version: Number(decided[at.version]), status: decided[at.status] as Status };
    }
    const { index } = this;
    const slot = index.find(id);
    return slot === undefined ? undefined : { version: index.version(slot), status: index.status(slot) };
  }

  /** Whether the job's newest row has this version and this status. */
  isStill(id: string, version: number, status: Status, known?: Known): boolean {
    if (this.#decided.size === 0 && known !== undefined && known.index === this.#index) {
      return known.index.version(known.slot) === version && known.index.status(known.slot) === status;
    }
    const state = this.state(id);
    return state?.version === version && state.status === status;
  }

  /** Whether an operation of the same commit has decided about one of these jobs before. */
  hasDecided(drafts: readonly Draft[]): boolean {
    return this.#decided.size > 0 && drafts.some(({ id }) => this.#decided.has(id));
  }

  /** Takes note of rows for the operations that follow in this commit. */
  remember(drafts: readonly Draft[]): void {
    for (const { id, row } of drafts) this.#decided.set(id, row);
  }
}
