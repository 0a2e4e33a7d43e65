import { TsvqError } from '../../job/errors.js';
import { isFinal, STATUSES, type Status } from '../../job/job.js';
import { columns } from '../format/columns.js';
import { missingFollowUps } from '../format/follow-ups.js';
import { OUR_ID } from '../format/id.js';
import { ANCESTRAL, type Layout } from '../format/layout.js';
import { LineReader, LONGEST_ROW, TAB } from '../format/line.js';
import { parseJson } from '../format/parse-json.js';
import { brief } from '../format/text.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs } from '../index/rows.js';
import { heldJobs } from '../index/unreadable.js';
import type { Liveness } from '../lock/process-id.js';
import type { Store } from '../store.js';
import { scheduleProblem } from './broken-schedules.js';
import { datedAhead } from './dated-ahead.js';
import type { Finding, FindingKind } from './finding.js';
import { metaFinding } from './interrupted.js';
import { SharedKeys } from './shared-keys.js';
import { stuckWaiting } from './stuck-waiting.js';

/** The mark of a row set aside because another row has the same id and version. */
const DUPLICATE = '#duplicate ';
/** The columns for numbers that may be empty. */
const NUMBERS = columns
  .filter(({ isNumber, name }) => isNumber && name !== 'version')
  .map(({ name }) => name);

/** Finds problems in the file's lines. @param isQuiet true if no process writes it */
export async function inspectLines(store: Store, index: JobIndex, isQuiet: boolean): Promise<Finding[]> {
  const { file } = index;
  const lines = new Lines(store, index, isQuiet);
  const end = await file.eachLine(file.start, (bytes, start, stop, offset) =>
    lines.look(bytes, start, stop, offset),
  );
  const findings = [...lines.findings, ...lines.keys.findings(), ...heldFindings(index, lines.findings)];
  // While a process writes, a last line without its end is normal.
  if (isQuiet && end < file.size && file.isCurrent()) {
    findings.push({
      kind: 'torn',
      line: lines.number + 1,
      message: 'the last line has no line end, and is ignored until the next write ends it',
    });
  }
  return findings;
}

/** One pass over the lines. */
class Lines {
  readonly findings: Finding[] = [];
  readonly keys = new SharedKeys();
  /** The number of the last line; the header is 1. */
  number: number;
  readonly #store: Store;
  readonly #index: JobIndex;
  /** False if a process may be writing, so that only some rows of an append are read. */
  readonly #isQuiet: boolean;
  readonly #reader: LineReader;
  readonly #layout: Layout;
  readonly #liveness = new Map<string, Liveness>();

  constructor(store: Store, index: JobIndex, isQuiet: boolean) {
    this.#store = store;
    this.#isQuiet = isQuiet;
    this.#index = index;
    this.number = index.file.headLines;
    this.#layout = index.file.layout;
    this.#reader = new LineReader(this.#layout);
  }

  look(bytes: Buffer, start: number, end: number, offset: number): void {
    this.number++;
    const kind = this.#reader.read(bytes, start, end);
    if (kind === 'row') this.#lookAtRow(offset);
    else if (kind === 'torn') this.#add('torn', 'cut by a crash, never acknowledged; it can be deleted');
    else if (kind === 'unreadable') this.#lookAgain(offset, end - start);
    else if (kind !== 'blank' && bytes.toString('latin1', start, start + DUPLICATE.length) === DUPLICATE) {
      const tab = bytes.indexOf(TAB, start);
      const id = bytes.toString('utf8', start + DUPLICATE.length, tab < 0 || tab > end ? end : tab);
      this.#add(
        'duplicate',
        `a second row of job ${brief(id)}, set aside; delete it once you have compared them`,
        id,
      );
    }
  }

  #lookAtRow(offset: number): void {
    const reader = this.#reader;
    const { at } = this.#layout;
    const slot = this.#index.findRow(reader);
    if (slot === undefined) return;
    const id = reader.text(at.id);
    if (this.#index.offset(slot) !== offset) {
      if (this.#index.version(slot) !== reader.version) return;
      this.#add(
        'duplicate',
        `another row of job ${brief(id)} with the same version comes before it, and counts`,
        id,
      );
      return;
    }
    if (reader.has(at.follow_ups) || reader.status === 'recurring') this.#lookAtCarrier(slot);
    if (reader.status === 'processing') this.#lookAtOwner(id, reader.field(at.locked_by));
    if (!isFinal(reader.status)) {
      this.#lookAtPayload(id);
      this.#lookAtNumbers(id);
      this.#lookAtTimes(id);
      const meta = metaFinding(reader, at);
      if (meta !== undefined) this.#add(meta.kind, meta.message, id);
      const stuck = stuckWaiting(reader, at, this.#index, this.#isQuiet);
      if (stuck !== undefined) this.#add('waiting', stuck, id);
      this.keys.look(reader, at, this.number);
    }
  }

  /** Looks at a row that carries jobs, or is a schedule's. */
  #lookAtCarrier(slot: number): void {
    const [carrier] = readJobs(this.#index, [slot]);
    if (carrier === undefined) return;
    const problem = carrier.status === 'recurring' ? scheduleProblem(carrier) : undefined;
    if (problem !== undefined) this.#add('schedule', problem, carrier.id);
    // While a process writes, only some rows of an append may be there.
    if (!this.#isQuiet) return;
    const id = brief(carrier.id);
    for (const { id: other } of missingFollowUps([carrier], this.#index)) {
      const what =
        carrier.status === 'recurring'
          ? `job ${other} of schedule ${id} is missing`
          : `job ${id} completed, and its follow-up ${other} is missing`;
      this.#add('follow-up', `${what}; the next compaction makes it (queue compact)`, carrier.id);
    }
  }

  #lookAtPayload(id: string): void {
    let what: string;
    try {
      parseJson(this.#reader.text(this.#layout.at.payload), 'payload');
      return;
    } catch (error) {
      what =
        error instanceof TsvqError
          ? `of job ${brief(id)}, ${error.message}`
          : `the payload of job ${brief(id)} is not JSON`;
    }
    this.#add('payload', `${what}; the job fails without its handler being called`, id);
  }

  #lookAtNumbers(id: string): void {
    for (const column of NUMBERS) {
      const field = this.#reader.text(this.#layout.at[column]);
      if (field === '' || Number.isFinite(Number(field))) continue;
      const unit = column.endsWith('_at') ? ', in Unix seconds' : '';
      this.#add(
        'number',
        `the ${column} of job ${brief(id)} is ${JSON.stringify(brief(field))}, which counts as empty; it should be a number${unit}`,
        id,
      );
    }
  }

  #lookAtTimes(id: string): void {
    const ms = (column: number): number => this.#reader.number(column, Number.NaN) * 1000;
    const { created_at, started_at, run_at } = this.#layout.at;
    const times = { createdAt: ms(created_at), startedAt: ms(started_at), runAt: ms(run_at) };
    const why = datedAhead(this.#reader.status, times, this.#store.clock.now());
    if (why === undefined) return;
    this.#add('ahead', `job ${brief(id)} is dated far ahead: ${why}; correct its times, or cancel it`, id);
  }

  #lookAtOwner(id: string, owner: string): void {
    if (owner === '') {
      this.#add(
        'orphan',
        `job ${brief(id)} is processing, but its row names no worker; a worker takes it back when its time limit is past`,
        id,
      );
      return;
    }
    let liveness = this.#liveness.get(owner);
    if (liveness === undefined) {
      liveness = this.#store.processes.liveness(owner);
      this.#liveness.set(owner, liveness);
    }
    if (liveness === 'dead') {
      this.#add(
        'orphan',
        `job ${brief(id)} is processing, but its worker (${brief(owner)}) is dead; the next worker with a handler for it takes it`,
        id,
      );
    }
  }

  /** Reads a damaged row again, because it may just have been struck. */
  #lookAgain(offset: number, length: number): void {
    // Read no more bytes than a row may have.
    const bytes = this.#index.file.readPiece(offset, Math.min(length, LONGEST_ROW + 1));
    if (this.#reader.read(bytes, 0, bytes.length) !== 'unreadable') return;
    const first = this.#reader.text(0);
    const id = this.#index.find(first) === undefined ? undefined : first;
    this.#add('unreadable', `${this.#reasonOf(bytes)}; it is kept and ignored`, id);
  }

  /** Says why the line read last is no row; see {@link LineReader}. */
  #reasonOf(bytes: Buffer): string {
    const reader = this.#reader;
    const { at, names } = this.#layout;
    if (bytes.length > LONGEST_ROW) return 'it is longer than 384 MiB';
    if (bytes.includes(0)) return 'a NUL byte is in it';
    // Count without splitting, because a line may have millions of tabs.
    let fields = 1;
    for (let tab = bytes.indexOf(TAB); tab >= 0; tab = bytes.indexOf(TAB, tab + 1)) fields++;
    if (fields !== names.length) {
      const hint =
        fields === ANCESTRAL.length ? '; a program that writes only these should use queue add' : '';
      return `${fields} fields, where the header has ${names.length}${hint}`;
    }
    const id = reader.text(at.id);
    if (id === '') return `its ${names[0]} is empty`;
    if (/^\uFEFF|\uFFFD/.test(id)) return 'its id is not UTF-8, or begins with a byte order mark';
    if (id.length > OUR_ID && id.length <= 2 * OUR_ID && /^[0-9a-f]+$/.test(id)) {
      return `its id is ${id.length} hex digits, probably a piece of another id before this one; ids of the queue have ${OUR_ID}`;
    }
    const status = reader.text(at.status);
    if (!STATUSES.includes(status as Status)) {
      return `its status is ${JSON.stringify(brief(status))}, which is none of ${STATUSES.join(', ')}`;
    }
    return `its version is ${JSON.stringify(brief(reader.text(at.version)))}, which is not a whole number`;
  }

  #add(kind: FindingKind, message: string, id?: string): void {
    this.findings.push({ kind, line: this.number, ...(id !== undefined && { id }), message });
  }
}

function heldFindings(index: JobIndex, lines: readonly Finding[]): Finding[] {
  return heldJobs(index).map((id) => {
    const line = lines.find((finding) => finding.kind === 'unreadable' && finding.id === id)?.line;
    const where = line === undefined ? 'a line with its id' : `line ${line}, which has its id,`;
    const message = `job ${brief(id)} is not run: ${where} can't be read; correct that line or delete it (queue lock)`;
    return { kind: 'held', ...(line !== undefined && { line }), id, message };
  });
}
