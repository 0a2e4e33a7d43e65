import { basename, dirname, join } from 'node:path';
import { STATUSES, type Status } from '../job.js';
import type { Layout } from '../tsv/columns.js';
import { LineReader } from '../tsv/line.js';
import type { FileInfo } from './fs.js';
import type { JobIndex } from './job-index.js';
import type { Holder } from './lock.js';
import type { Liveness } from './owner.js';
import type { Store } from './store.js';

/**
 * What can be wrong with a queue file.
 *
 * - `unreadable`: a line that is no row; it is kept, and ignored
 * - `held`: a job that nobody runs because such a line bears its id
 * - `torn`: the start of a row whose write a crash cut; it was never acknowledged
 * - `duplicate`: a second row of a job, which can't be told from the first by its version
 * - `payload`: of a job that is still to run, and no JSON: its handler would not be called
 * - `orphan`: a job that runs, by its status, but whose worker is dead
 * - `lock`: held for longer than a commit takes, or left by a dead process
 * - `leftover`: a file that a crash left behind
 * - `access`: an owner or a mode that keeps a worker out, or lets strangers in
 */
export type FindingKind =
  | 'unreadable'
  | 'held'
  | 'torn'
  | 'duplicate'
  | 'payload'
  | 'orphan'
  | 'lock'
  | 'leftover'
  | 'access';

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  /** In the file, from 1; undefined for what is no line of it. */
  readonly line?: number;
  /** Of the job. */
  readonly id?: string;
  /** What it is, and what can be done. */
  readonly message: string;
}

/** A lock that is still held by the same owner after so long is not just a commit that happened to be under way. */
const PATIENCE_MS = 1000;
const LOOK_MS = 50;
const DUPLICATE = '#duplicate ';

/** Looks for what is wrong; takes no lock and changes nothing. */
export async function inspect(store: Store): Promise<Finding[]> {
  const leftovers = temporaryFiles(store);
  const holders = await lastingHolders(store);
  const index = await store.read('all');
  return [
    ...(index === undefined ? [] : await inspectLines(store, index, holders)),
    ...holders.map(lockFinding),
    ...leftoverFindings(store, leftovers, holders),
    ...accessFindings(store),
  ];
}

// ---- the lines ----

async function inspectLines(store: Store, index: JobIndex, holders: readonly Holder[]): Promise<Finding[]> {
  const { file } = index;
  const lines = new Lines(store, index);
  const end = await file.eachLine(file.start, (bytes, start, stop, offset) =>
    lines.look(bytes, start, stop, offset),
  );
  const findings = [...lines.findings, ...heldFindings(index, lines.findings)];
  // While somebody is writing, a last line without its end is nothing special.
  const isQuiet = holders.every(({ liveness }) => liveness === 'dead');
  if (isQuiet && end < file.size && file.isCurrent()) {
    findings.push({
      kind: 'torn',
      line: lines.number + 1,
      message: 'the last line has no line end, and is ignored until the next write closes it',
    });
  }
  return findings;
}

/** One pass over the lines. */
class Lines {
  readonly findings: Finding[] = [];
  /** Of the line looked at last; the header is line 1. */
  number = 1;
  readonly #store: Store;
  readonly #index: JobIndex;
  readonly #reader: LineReader;
  readonly #layout: Layout;
  readonly #liveness = new Map<string, Liveness>();

  constructor(store: Store, index: JobIndex) {
    this.#store = store;
    this.#index = index;
    this.#layout = index.file.layout;
    this.#reader = new LineReader(this.#layout);
  }

  look(bytes: Buffer, start: number, end: number, offset: number): void {
    this.number++;
    const kind = this.#reader.read(bytes, start, end);
    if (kind === 'row') this.#lookAtRow(bytes, offset);
    else if (kind === 'torn') this.#add('torn', 'cut by a crash, never acknowledged; it can be deleted');
    else if (kind === 'unreadable') this.#lookAgain(offset, end - start);
    else if (kind === 'comment' && bytes.toString('latin1', start, start + DUPLICATE.length) === DUPLICATE) {
      const [id] = bytes.toString('utf8', start + DUPLICATE.length, end).split('\t');
      this.#add(
        'duplicate',
        `a second row of job ${id}, set aside; delete it once you have compared them`,
        id,
      );
    }
  }

  #lookAtRow(bytes: Buffer, offset: number): void {
    const reader = this.#reader;
    const { at } = this.#layout;
    const slot = this.#index.find(reader.field(at.id));
    if (slot === undefined) return;
    const id = text(reader.field(at.id));
    if (this.#index.offset(slot) !== offset) {
      if (this.#index.version(slot) !== reader.version) return;
      this.#add(
        'duplicate',
        `another row of job ${id} with the same version stands before it, and counts`,
        id,
      );
      return;
    }
    if (reader.status === 'processing')
      this.#lookAtOwner(id, at.locked_by < 0 ? '' : reader.field(at.locked_by));
    if (reader.status === 'pending' || reader.status === 'processing') {
      const payload = bytes.toString('utf8', ...reader.span(at.payload));
      if (!isJson(payload)) this.#add('payload', `the payload of job ${id} is not JSON; it will fail`, id);
    }
  }

  #lookAtOwner(id: string, owner: string): void {
    if (owner === '') {
      this.#add(
        'orphan',
        `job ${id} is processing, but by nobody; a worker takes it when its time limit is past`,
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
        `job ${id} is processing, but its worker (${owner}) is dead; the next worker takes it`,
        id,
      );
    }
  }

  /** A row that was being struck out as it was read looks damaged; read again, it doesn't. */
  #lookAgain(offset: number, length: number): void {
    const bytes = this.#index.file.readPiece(offset, length);
    if (this.#reader.read(bytes, 0, bytes.length) !== 'unreadable') return;
    const fields = bytes
      .toString('utf8')
      .replace(/[\r ]+$/, '')
      .split('\t');
    const id = this.#index.find(text(this.#reader.field(0))) === undefined ? undefined : fields[0];
    this.#add('unreadable', `${reasonOf(fields, this.#layout)}; it is kept and ignored`, id);
  }

  #add(kind: FindingKind, message: string, id?: string): void {
    this.findings.push({ kind, line: this.number, ...(id !== undefined && { id }), message });
  }
}

/** A field as text, of what {@link LineReader} gives byte by byte. */
const text = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();

/** Why a line is no row; see {@link LineReader}. */
function reasonOf(fields: readonly string[], { at, names }: Layout): string {
  if (fields.some((field) => field.includes('\0'))) return 'a NUL byte is in it';
  if (fields.length !== names.length) {
    return `${fields.length} fields, where the header has ${names.length}`;
  }
  if (fields[0] === '') return `its ${names[0]} is empty`;
  const status = fields[at.status] as string;
  if (!STATUSES.includes(status as Status)) {
    return `its status is ${JSON.stringify(status)}, which is none of ${STATUSES.join(', ')}`;
  }
  return `its version is ${JSON.stringify(fields[at.version])}, which is no whole number`;
}

function isJson(field: string): boolean {
  try {
    JSON.parse(field);
    return true;
  } catch {
    return false;
  }
}

function heldFindings(index: JobIndex, lines: readonly Finding[]): Finding[] {
  return index.held().map((key) => {
    const id = text(key);
    const line = lines.find((finding) => finding.kind === 'unreadable' && finding.id === id)?.line;
    const where = line === undefined ? 'a line with its id' : `line ${line}, which has its id,`;
    const message = `job ${id} is not run: ${where} can't be read; put that line right or delete it (queue lock)`;
    return { kind: 'held', ...(line !== undefined && { line }), id, message };
  });
}

// ---- beside the file ----

/** Who died holding the lock, or holds it for longer than a commit takes. */
async function lastingHolders(store: Store): Promise<Holder[]> {
  const { clock, lock } = store;
  let holders = lock.holders();
  const until = clock.now() + PATIENCE_MS;
  while (holders.some(({ liveness }) => liveness !== 'dead') && clock.now() < until) {
    await clock.sleep(LOOK_MS);
    const now = lock.holders();
    holders = now.filter(({ token }) => holders.some((holder) => holder.token === token));
  }
  return holders;
}

function lockFinding({ pid, host, since, liveness }: Holder): Finding {
  const who = `process ${pid} on ${host}`;
  const when = since.toISOString();
  const message = {
    alive: `${who} has held the lock since ${when}, and is alive; if it is stuck, end it, or: queue unlock --force`,
    dead: `${who} died holding the lock, at ${when} or later; the next write repairs the file, or: queue unlock`,
    unknown: `${who} has held the lock since ${when}; whether it is alive can't be told from here: queue unlock`,
  }[liveness];
  return { kind: 'lock', message };
}

/** What a compaction writes into before it takes the queue file's name. */
function temporaryFiles({ fs, realPath }: Store): string[] {
  const prefix = `${basename(realPath)}.`;
  return fs
    .readdir(dirname(realPath))
    .filter((name) => name.startsWith(prefix) && name.endsWith('.tmp'))
    .map((name) => join(dirname(realPath), name));
}

/** @param before what was there before the lock was looked at: a compaction under way has it, or has had it */
function leftoverFindings(store: Store, before: readonly string[], holders: readonly Holder[]): Finding[] {
  if (holders.some(({ liveness }) => liveness !== 'dead')) return [];
  return before
    .filter((path) => store.fs.stat(path) !== undefined)
    .map((path) => ({
      kind: 'leftover',
      message: `${path} is what a crash left of a compaction; delete it`,
    }));
}

function accessFindings({ fs, path, realPath }: Store): Finding[] {
  const file = fs.stat(realPath);
  const folder = fs.stat(dirname(realPath));
  if (file === undefined || folder === undefined) return [];
  const findings: string[] = [];
  if ((file.mode & 0o002) !== 0) {
    findings.push(
      `everybody on this machine may write ${path} (mode ${octal(file)}), and with it have jobs run; chmod o-w it`,
    );
  }
  if ((file.mode & 0o600) !== 0o600) {
    findings.push(`not even its owner may read and write ${path} (mode ${octal(file)}); chmod u+rw it`);
  }
  const shared = file.gid === folder.gid && (file.mode & 0o060) === 0o060;
  if (file.uid !== folder.uid && !shared) {
    findings.push(
      `${path} belongs to user ${file.uid}, its folder to user ${folder.uid}: only one of them can work it; chown them alike`,
    );
  }
  return findings.map((message) => ({ kind: 'access', message }));
}

const octal = ({ mode }: FileInfo): string => (mode & 0o777).toString(8).padStart(4, '0');
