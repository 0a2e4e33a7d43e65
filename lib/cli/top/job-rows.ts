import type { Job } from '../../job/job.js';
import { errorOrPayload } from '../../view/job-text.js';
import { lasting } from '../../view/numbers.js';
import { harmless } from '../../view/text.js';
import type { View } from '../../view/view.js';
import { DEAD, workerOf } from '../../view/worker-text.js';
import type { Colours } from '../screen/colours.js';
import { type Column, tableLines } from '../screen/table.js';
import { timeOf } from '../shapes.js';
import type { Rows } from './rows.js';

/** How much of an id tells a person which job it is. */
const SHORT_ID = 8;

/** What a list says of its jobs. */
export type JobColumns = 'running' | 'waiting' | 'failed' | 'all';

/** A job on the screen, with what is said of it. */
interface Shown {
  readonly job: Job;
  /** Its error, how far it is, or its payload, on one line. */
  readonly text: string;
}

/** The jobs of a list, named by their ids. Only those on the screen are read. */
export class JobRows implements Rows {
  readonly keys: readonly number[];
  readonly #view: View;
  readonly #columns: JobColumns;
  readonly #shown = new Map<number, Shown | undefined>();

  constructor(view: View, keys: readonly number[], columns: JobColumns) {
    this.#view = view;
    this.keys = keys;
    this.#columns = columns;
  }

  get size(): number {
    return this.keys.length;
  }

  idAt(index: number): string | undefined {
    return this.#at(index)?.job.id;
  }

  indexOf(id: string): number {
    const key = this.#view.keyOf(id);
    return key === undefined ? -1 : this.keys.indexOf(key);
  }

  table(from: number, to: number, columns: number, colours: Colours): string[] {
    const rows = this.keys.slice(from, to).map((_, i) => this.#at(from + i));
    const shape = [...COMMON, ...shapeOf(this.#columns, this.#view, Date.now(), colours)];
    const [head = '', ...lines] = tableLines(
      rows.filter((row) => row !== undefined),
      shape,
      columns,
    );
    // A job that another process has changed since the last look shows with the next one.
    return [head, ...rows.map((row) => (row === undefined ? '…' : (lines.shift() ?? '')))];
  }

  #at(index: number): Shown | undefined {
    const key = this.keys[index];
    if (key === undefined) return undefined;
    if (!this.#shown.has(key)) {
      const [job] = this.#view.jobs([key]);
      this.#shown.set(key, job && { job, text: errorOrPayload(job) });
    }
    return this.#shown.get(key);
  }
}

const COMMON: readonly Column<Shown>[] = [
  { head: 'ID', cell: ({ job }) => harmless(job.id.slice(0, SHORT_ID)) },
  { head: 'TYPE', cell: ({ job }) => harmless(job.type), least: 12 },
];

function shapeOf(columns: JobColumns, view: View, now: number, { bad }: Colours): Column<Shown>[] {
  const since = (time: Date | undefined): string =>
    time === undefined || Number.isNaN(time.getTime()) ? '–' : lasting(Math.max(0, now - time.getTime()));
  const time = { head: 'TIME', cell: ({ job }: Shown) => harmless(timeOf(job, now)) };
  const tried = { head: 'TRIED', isRight: true, rank: 1, cell: ({ job }: Shown) => `${job.attempts}×` };
  const text = (head: string): Column<Shown> => ({ head, cell: (row) => row.text, least: 16 });
  const worker: Column<Shown> = {
    head: 'WORKER',
    cell: ({ job }) => workerOf(job, view),
    least: DEAD.length,
    colour: ({ job }) => (workerOf(job, view) === DEAD ? bad : undefined),
  };
  const status: Column<Shown> = {
    head: 'STATUS',
    cell: ({ job }) => job.status,
    colour: ({ job }) => (job.status === 'failed' && !job.dismissed ? bad : undefined),
  };
  const runs = { head: 'RUNS', isRight: true, cell: ({ job }: Shown) => since(job.startedAt) };
  const failed = { head: 'FAILED', cell: ({ job }: Shown) => `${since(job.finishedAt)} ago` };
  return {
    running: [runs, tried, worker, { ...text('PROGRESS, OR PAYLOAD'), rank: 2 }],
    waiting: [time, tried, text('ERROR OR PAYLOAD')],
    failed: [failed, tried, text('ERROR')],
    all: [status, { ...time, rank: 2 }, tried, text('ERROR OR PAYLOAD')],
  }[columns];
}
