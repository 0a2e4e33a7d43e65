import type { Readable } from 'node:stream';
import type { JobImport } from '../../file/moving/import.js';
import { errorMessage, TsvqError } from '../../job/errors.js';
import { type FieldRules, problemOfNames, requestOf } from './fields.js';
import { type Lines, linesOf, unusable } from './lines.js';
import type { Progress } from './progress.js';
import { formatOf, type InputRecord, type MovedFormat, type RecordReader, readerOf } from './records.js';

/** How many lines that can't be used are told. */
const MOST_TOLD = 20;

/** A line that can't be used. */
interface Problem {
  readonly line: number;
  readonly reason: string;
}

/** Checks all lines of a file, and stages their jobs. */
export class Intake {
  /** The first lines that can't be used. */
  readonly problems: Problem[] = [];
  /** How many lines can't be used. */
  refused = 0;
  /** How many lines have finished jobs, which are left out. */
  finished = 0;
  readonly #jobs: JobImport;
  readonly #rules: FieldRules;
  readonly #progress: Progress;
  #staged = 0;

  constructor(jobs: JobImport, rules: FieldRules, progress: Progress) {
    this.#jobs = jobs;
    this.#rules = rules;
    this.#progress = progress;
  }

  /**
   * Reads a file to its end.
   *
   * @throws CliError if it isn't a file of jobs
   */
  async take(
    input: Readable,
    { name, format }: { name: string; format: MovedFormat | undefined },
  ): Promise<void> {
    let reader: RecordReader | undefined;
    let last: Lines | undefined;
    for await (const lines of linesOf(input)) {
      reader ??= readerOf(format ?? formatOf(name, firstLine(lines)), this.#checkNames);
      if (last !== undefined) await this.#read(reader, last, false);
      last = lines;
    }
    if (reader !== undefined && last !== undefined) await this.#read(reader, last, true);
  }

  readonly #checkNames = (names: readonly string[]): void => {
    const problem = problemOfNames(names, this.#rules);
    if (problem !== undefined) throw unusable(problem);
  };

  async #read(reader: RecordReader, lines: Lines, isLast: boolean): Promise<void> {
    for (const record of reader.read(lines, isLast)) if (this.#add(record)) await this.#jobs.flush();
    this.#progress.show(lines.position, `${this.#staged} jobs checked`);
  }

  /** @returns true if the staged jobs are to be written */
  #add(record: InputRecord): boolean {
    const { line, error } = record;
    if (error !== undefined) return this.#refuse(line, error);
    try {
      const request = requestOf(record, this.#rules);
      if (request === undefined) {
        this.finished++;
        return false;
      }
      const isFull = this.#jobs.add(request);
      this.#staged++;
      return isFull;
    } catch (reason) {
      if (reason instanceof TsvqError && !BAD_INPUT.has(reason.code)) throw reason;
      return this.#refuse(line, errorMessage(reason));
    }
  }

  #refuse(line: number, reason: string): false {
    this.refused++;
    if (this.problems.length < MOST_TOLD) this.problems.push({ line, reason });
    return false;
  }
}

const BAD_INPUT = new Set<string>(['INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE']);

const firstLine = ({ text }: Lines): string => text.trimStart().split('\n', 1)[0] ?? '';
