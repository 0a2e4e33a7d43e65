import { COLUMNS } from '../../../lib/file/format/columns.js';
import type { Disk } from './disk.js';
import { QUEUE } from './protocol.js';
import { eachLine, header, type Job, type Line, lastLine, readLine } from './queue-file.js';
import { isSchedule } from './slot-judge.js';

/** Which change of a job's state is one of lib/job/job.ts. */
const MOVES: Record<string, readonly string[]> = {
  // To itself: its payload was replaced.
  pending: ['processing', 'cancelled', 'pending'],
  processing: ['completed', 'pending', 'failed', 'cancelled'],
  completed: [],
  failed: ['pending'],
  cancelled: ['pending'],
  waiting: ['pending', 'cancelled', 'waiting'],
};

/** The same of a schedule's row. */
const MOVES_OF_SCHEDULES: Record<string, readonly string[]> = {
  recurring: ['recurring', 'cancelled'],
  cancelled: ['recurring'],
};

/**
 * A row behind a piece of another: somebody was killed in the midst of a write, just when another had seen the file end
 * well and was about to append. Such a line holds the first one's job until a compaction has made two lines of it.
 */
const GLUED = new RegExp(`^(.+?)([0-9a-f]{16}(?:\\t[^\\t]*){${COLUMNS.length - 1}})$`);

const stateOf = ({ id, version, status }: Job): string => `${id} ${version} ${status}`;

/** Hears of each change of a job, in the order of the file. */
export interface Hearer {
  /** A row that counts was appended. */
  row(before: Job | undefined, job: Job): void;
  /** A row was appended that doesn't count: it lost to an earlier one, or is glued to a piece of another. */
  aside(job: Job): void;
  /** Another file has the name. @param isFollowed false for the first one, and after power loss */
  newFile(jobs: ReadonlyMap<string, Job>, isFollowed: boolean): void;
  powerLost(): void;
}

/** Follows the queue's file from one change to the next, and says what must not happen to it. */
export class Watcher {
  /** By the rule for reading: of each id the row with the highest version, of two the earlier. */
  jobs = new Map<string, Job>();
  /** Every state that a job has had in the file, as `id:attempts:status`, and the version of it. */
  readonly seen = new Map<string, number>();
  readonly archived = new Map<string, Job>();
  /** Lines that the disk has damaged, by the jobs that are held for it. */
  readonly held = new Map<string, string>();
  /** Jobs that are held for a line in which two rows were glued together. */
  #glued = new Set<string>();
  /** The rows in such lines, as `id version status`: what a new file may make of them. */
  #strays = new Set<string>();
  /** Those of them that the power left: of the rows before, which no sync had covered either, any may be lost. */
  #survivors: ReadonlySet<string> = new Set();
  readonly #disk: Disk;
  readonly #violation: (what: string) => void;
  readonly #promised: (id: string) => number;
  readonly #hearer: Hearer;
  #file: unknown;
  #names: string[] = [];
  #position = 0;

  /** @param promised the version of a job that somebody was told of; 0: nobody was */
  constructor(
    disk: Disk,
    violation: (what: string) => void,
    promised: (id: string) => number,
    hearer: Hearer,
  ) {
    this.#hearer = hearer;
    this.#promised = promised;
    this.#disk = disk;
    this.#violation = violation;
  }

  /** Looks at what has changed. */
  look(): void {
    const content = this.#disk.content(QUEUE);
    const file = this.#disk.identity(QUEUE);
    if (content === undefined || (file === this.#file && content.length < this.#position)) {
      if (this.#file !== undefined) this.#violation('the file was lost, or cut');
      return;
    }
    if (file !== this.#file) {
      this.#lookAnew(content, file);
      return;
    }
    this.#lookAtStrikes(content);
    this.#position = eachLine(content, this.#position, this.#names, (line, text) => {
      if (line.kind === 'row') this.#take(line.job, text);
      else this.#judgeLine(line, text);
    });
  }

  #judgeLine(line: Line, text: string): void {
    if (line.kind !== 'unreadable' || [...this.held.values()].includes(text)) return;
    const glued = GLUED.exec(text);
    if (glued === null) this.#violation(`a line can't be read: ${JSON.stringify(text)}`);
    const id = text.slice(0, text.indexOf('\t'));
    this.held.set(id, text);
    this.#glued.add(id);
    for (const part of glued?.slice(1) ?? []) {
      const row = readLine(part, this.#names, 0);
      if (row.kind !== 'row') continue;
      this.#strays.add(stateOf(row.job));
      this.#hearer.aside(row.job);
    }
  }

  /** Whether it is the row of which a write that was cut has left a piece before another row; it was written once more. */
  #isAgain(id: string, text: string): boolean {
    const [, piece] = this.#glued.has(id) ? (GLUED.exec(this.held.get(id) as string) ?? []) : [];
    return piece !== undefined && text.startsWith(piece);
  }

  #take(job: Job, text: string): void {
    const before = this.jobs.get(job.id);
    if (before !== undefined && job.version <= before.version) {
      this.#hearer.aside(job);
      return;
    }
    if (this.held.has(job.id) && !this.#isAgain(job.id, text)) {
      this.#violation(`job ${job.id} has a damaged row, and went on as ${job.status} ${job.attempts}`);
    }
    this.#judge(before, job);
    this.#hearer.row(before, job);
    this.jobs.set(job.id, job);
    this.seen.set(`${job.id}:${job.attempts}:${job.status}`, job.version);
  }

  #judge(before: Job | undefined, job: Job): void {
    const ofSchedule = isSchedule(job);
    if (before === undefined) {
      const first = ofSchedule ? ['recurring'] : ['pending', 'waiting'];
      const begins = job.version === 1 && first.includes(job.status);
      if (!begins && !this.#survivors.has(stateOf(job))) {
        this.#violation(`job ${job.id} begins with version ${job.version}, ${job.status}`);
      }
      // A schedule that was removed may be declared again.
      if (this.archived.has(job.id) && !ofSchedule) this.#violation(`job ${job.id} is back from the archive`);
      return;
    }
    const change = `job ${job.id}: ${before.status} ${before.attempts} → ${job.status} ${job.attempts}`;
    const isSame = before.status === job.status && (job.key === '' || before.payload === job.payload);
    const moves = ofSchedule ? MOVES_OF_SCHEDULES : MOVES;
    if ((isSame && !ofSchedule) || !moves[before.status]?.includes(job.status))
      this.#violation(`${change} is no move`);
    if (job.version !== before.version + 1) this.#violation(`${change} leaves versions out`);
    if (ofSchedule) return;
    const claims = job.status === 'processing' ? 1 : 0;
    if (job.attempts !== before.attempts + claims) this.#violation(`${change} counts attempts wrongly`);
    if (job.status === 'completed' && job.result !== `{"attempt":${job.attempts}}`) {
      this.#violation(`${change} has the result ${job.result}`);
    }
  }

  /** A row that counts may be struck only if another supersedes it. */
  #lookAtStrikes(content: Buffer): void {
    for (const { id, offset } of this.jobs.values()) {
      if (content[offset] === 35) this.#violation(`the row that counts of job ${id} was struck`);
    }
  }

  /** Another file has the name: it must say the same. */
  #lookAnew(content: Buffer, file: unknown): void {
    const head = header(content);
    if (head === undefined) {
      this.#violation('the file has no header');
      return;
    }
    const strays = this.#strays;
    this.#strays = new Set();
    for (const id of this.#glued) this.held.delete(id);
    this.#glued.clear();
    this.#names = head.names;
    const jobs = new Map<string, Job>();
    const lines = new Set<string>();
    const take = (line: Line, text: string): void => {
      lines.add(text);
      this.#judgeLine(line, text);
      if (line.kind !== 'row') return;
      const { job } = line;
      const before = jobs.get(job.id);
      if (before === undefined || before.version < job.version) jobs.set(job.id, job);
    };
    const position = eachLine(content, head.start, head.names, take);
    // A whole row that lacks its end only: who comes next closes it.
    const tail = lastLine(content, position, head.names);
    if (tail.kind === 'row') take(tail, '');
    for (const [id, text] of this.held) {
      if (!lines.has(text))
        this.#violation(`the damaged row of job ${id} is gone, before anybody has looked`);
    }
    this.#lookAtArchive();
    for (const [id, before] of this.jobs) {
      const job = jobs.get(id) ?? this.archived.get(id);
      const version = job?.version ?? 0;
      if (version === before.version && job?.status === before.status) continue;
      const isReleased = before.status === 'waiting' && job?.status === 'pending';
      if (isReleased && version === before.version + 1) {
        this.seen.set(`${id}:${job.attempts}:${job.status}`, job.version);
        continue;
      }
      if (job !== undefined && strays.has(stateOf(job))) {
        if (!this.#survivors.has(stateOf(job))) this.#judge(before, job);
        this.seen.set(`${id}:${job.attempts}:${job.status}`, job.version);
        continue;
      }
      // Only what nobody was told of may be missing: an owner that was passed over wrote it too late.
      if (version < before.version && version >= this.#promised(id)) {
        this.#forget(id, version);
        continue;
      }
      const now = job === undefined ? 'not' : `${job.status} ${version}`;
      this.#violation(`job ${id} is ${before.status} ${before.version}, and ${now} in the new file`);
    }
    for (const [id, job] of jobs) {
      if (this.jobs.has(id)) continue;
      if (this.#file !== undefined) this.#judge(undefined, job);
      this.seen.set(`${id}:${job.attempts}:${job.status}`, job.version);
    }
    this.#hearer.newFile(jobs, this.#file !== undefined);
    this.jobs = jobs;
    this.#file = file;
    this.#names = head.names;
    this.#position = position;
  }

  #forget(id: string, version: number): void {
    for (const [state, of] of this.seen)
      if (state.startsWith(`${id}:`) && of > version) this.seen.delete(state);
  }

  #lookAtArchive(): void {
    const folder = '/data/archive';
    const archived = this.#disk.stat(folder) === undefined ? [] : this.#disk.readdir(folder);
    // Rows on their way there stand beside the queue.
    const staged = this.#disk.readdir('/data').filter((name) => /^queue\.tsv\.\d{4}-\d\d\./.test(name));
    for (const path of [
      ...archived.map((name) => `${folder}/${name}`),
      ...staged.map((name) => `/data/${name}`),
    ]) {
      const content = this.#disk.content(path) as Buffer;
      const head = header(content);
      if (head === undefined) continue;
      eachLine(content, head.start, head.names, (line) => {
        if (line.kind === 'row') this.archived.set(line.job.id, line.job);
      });
    }
  }

  /** After the power failed: what the disk has is what there is. */
  beginAnew(): void {
    this.jobs = new Map();
    for (const id of this.#glued) this.held.delete(id);
    this.#glued.clear();
    this.#strays.clear();
    this.archived.clear();
    this.#file = undefined;
    this.#hearer.powerLost();
    this.#lookAtArchive();
    if (this.#disk.content(QUEUE) !== undefined) this.look();
    this.#survivors = new Set(this.#strays);
  }
}
