import { basename, dirname } from 'node:path';
import { QUEUE, type Work } from './actor.js';
import { filesOf, find, type Snapshot } from './snapshot.js';
import type { Fact, Witness } from './witness.js';

/*
 * Reads a queue file by other means than the library's, and says whether it keeps what was promised. The library is
 * judged by it, so it shares no code with it.
 */

const STATUSES = new Set([
  'pending',
  'processing',
  'completed',
  'failed',
  'cancelled',
  'waiting',
  'recurring',
]);

export type Row = Readonly<Record<string, string>>;

/** A queue file or an archive, line by line. */
interface Reading {
  readonly header: readonly string[];
  /** Every row that isn't crossed out, in the order of the file. */
  readonly rows: readonly Row[];
  /** Lines that are neither rows nor comments, nor torn, nor empty. */
  readonly unreadable: readonly string[];
  /** Lines that power loss has torn a hole into, whatever they were taken for since: it may have kept a strike's `#`. */
  readonly holes: readonly string[];
  /** Comments that `awk '$4=="pending"'` takes for jobs. */
  readonly hidden: readonly string[];
}

function readText(text: string): Reading {
  const [head = '', ...lines] = text.split('\n');
  // An archive whose first block was lost before its first sync names columns that none of its rows were written for.
  if (!text.includes('\n') || head.includes('\0'))
    return { header: [], rows: [], unreadable: [], holes: [], hidden: [] };
  const header = head.split('\t');
  const rows: Row[] = [];
  const unreadable: string[] = [];
  const holes: string[] = [];
  const hidden: string[] = [];
  for (const [i, found] of lines.entries()) {
    // Who closes the last line puts its LF in the place of a NUL.
    const line = i < lines.length - 1 ? found : found.replace(/\0+$/, '');
    const fields = line.split('\t');
    if (i < lines.length - 1 && line.startsWith('#') && STATUSES.has(fields[header.indexOf('status')] ?? ''))
      hidden.push(line);
    if (i < lines.length - 1 && line.includes('\0')) holes.push(line);
    if (line === '' || line.startsWith('#') || line.endsWith('\t#torn')) continue;
    const row = Object.fromEntries(header.map((name, i) => [name, fields[i] ?? '']));
    const version = row.version ?? '0';
    const good =
      fields.length === header.length &&
      !line.includes('\0') &&
      STATUSES.has(row.status ?? '') &&
      /^\d+$/.test(version);
    // What stands behind the last LF is a write that a crash cut, or a whole row whose end a person has left out.
    if (good) rows.push(row);
    else if (i < lines.length - 1) unreadable.push(line);
  }
  return { header, rows, unreadable, holes, hidden };
}

/** The newest row of each job: of two with one version the earlier. */
function newest(rows: readonly Row[]): Map<string, Row> {
  const jobs = new Map<string, Row>();
  for (const row of rows) {
    const known = jobs.get(row.id as string);
    if (known === undefined || Number(row.version) > Number(known.version)) jobs.set(row.id as string, row);
  }
  return jobs;
}

/** The jobs that are on a disk, in the queue or in its archive. */
export interface Found {
  readonly queue: Reading | undefined;
  readonly open: ReadonlyMap<string, Row>;
  readonly archived: ReadonlyMap<string, Row>;
}

export function look(disk: Snapshot): Found {
  const ino = find(disk, QUEUE);
  const inode = ino === undefined ? undefined : disk.get(ino);
  const queue = inode?.kind === 'file' ? readText(inode.data.toString('utf8')) : undefined;
  const archived: Row[] = [];
  for (const [path, data] of filesOf(disk)) {
    const isStaged = /\.tsv\.\d{4}-\d\d\.[0-9a-f]{12}\.tmp$/.test(path);
    if (basename(dirname(path)) === 'archive' || isStaged)
      archived.push(...readText(data.toString('utf8')).rows);
  }
  return { queue, open: newest(queue?.rows ?? []), archived: newest(archived) };
}

const workOf = (row: Row): Work => JSON.parse(row.payload as string) as Work;

/** Whether every promise is kept. @returns what is not */
export function broken(
  { queue, open, archived }: Found,
  { facts, asked }: Pick<Witness, 'facts' | 'asked'>,
): string[] {
  const violations: string[] = [];
  const byId = new Map<string, Fact[]>();
  for (const fact of facts) {
    const known = byId.get(fact.id);
    if (known === undefined) byId.set(fact.id, [fact]);
    else known.push(fact);
  }
  for (const [id, known] of byId) {
    const told = known.filter(({ what }) => what !== 'follows' && !what.startsWith('asked'));
    const row = open.get(id) ?? archived.get(id);
    if (row === undefined) {
      if (told.length > 0)
        violations.push(`job ${id} is lost, which was ${told.map(({ what }) => what).join(', ')}`);
    } else violations.push(...brokenFor(row, known), ...brokenPayload(row, known, asked));
  }
  if (queue !== undefined && queue.holes.length === 0) violations.push(...sharedKeys(open));
  for (const row of [...open.values(), ...archived.values()]) {
    if (!asked.has(workOf(row).tag)) violations.push(`job ${row.id} exists, and nobody asked for it`);
  }
  const runs = new Set<string>();
  for (const fact of facts) {
    if (fact.what !== 'ran') continue;
    const run = `${fact.id}:${fact.attempt}`;
    if (runs.has(run)) violations.push(`attempt ${run} ran twice`);
    runs.add(run);
    if (!asked.has(fact.tag)) violations.push(`job ${fact.id} ran, and nobody asked for it`);
  }
  return violations;
}

/** A key is held by one job at most, and another that waits behind it. */
function sharedKeys(open: Found['open']): string[] {
  const violations: string[] = [];
  const fronts = new Map<string, Row>();
  const waiting = new Map<string, Row>();
  for (const row of open.values()) {
    const { dedupe_key: key = '', status = '' } = row;
    // Jobs of a schedule share its key; see slots.ts.
    if (key === '' || key.startsWith('@') || /^(completed|failed|cancelled)$/.test(status)) continue;
    const others = status === 'waiting' ? waiting : fronts;
    const other = others.get(key);
    if (other !== undefined) violations.push(`jobs ${other.id} and ${row.id} both have the key ${key}`);
    others.set(key, row);
  }
  for (const [key, { id, after }] of waiting) {
    const front = fronts.get(key);
    if (front !== undefined && !after?.includes(front.id as string))
      violations.push(`job ${id} doesn't wait for job ${front.id}, which has its key ${key}`);
  }
  return violations;
}

/** A job has the last payload that a caller was told of, or a later one, and runs with it. */
function brokenPayload(row: Row, facts: readonly Fact[], asked: Witness['asked']): string[] {
  const told = facts.findLast((fact) => fact.what === 'is to do');
  if (told?.what !== 'is to do') return [];
  const order = [...asked.keys()];
  const { tag } = workOf(row);
  if (order.indexOf(tag) < order.indexOf(told.tag))
    return [`job ${row.id} was to do ${told.tag}, and has the older payload ${tag}`];
  const ran = facts.findLast((fact) => fact.what === 'ran');
  const isWrong = row.status === 'completed' && ran?.what === 'ran' && ran.tag !== tag;
  return isWrong ? [`job ${row.id} completed with ${ran.tag}, and was to do ${tag}`] : [];
}

function brokenFor(row: Row, facts: readonly Fact[]): string[] {
  const violations: string[] = [];
  const { id, status } = row;
  const attempts = Number(row.attempts);
  const last = (what: Fact['what']): number => facts.findLastIndex((fact) => fact.what === what);
  const is = (expected: string): void => {
    if (status !== expected) violations.push(`job ${id} was ${expected}, and is ${status}`);
  };
  if (last('completed') >= 0) is('completed');
  else if (last('failed') > last('asked to retry')) is('failed');
  else if (last('cancelled') > last('asked to retry')) is('cancelled');
  else if (status === 'cancelled' && last('asked to cancel') < last('retried')) {
    violations.push(`job ${id} was retried, and is cancelled again`);
  }
  // A schedule may cancel its own.
  const isOfSchedule = row.dedupe_key?.startsWith('@') ?? false;
  if (status === 'cancelled' && last('asked to cancel') < 0 && !isOfSchedule)
    violations.push(`job ${id} was never to be cancelled`);
  for (const fact of facts) {
    if (!('attempt' in fact) || fact.what === 'follows') continue;
    if (attempts < fact.attempt)
      violations.push(`attempt ${fact.attempt} of job ${id} is forgotten: ${fact.what}`);
    if (fact.what === 'completed' && row.result !== JSON.stringify({ attempt: fact.attempt })) {
      violations.push(`job ${id} completed with attempt ${fact.attempt}, and has the result ${row.result}`);
    }
    if (fact.what !== 'waits' || attempts !== fact.attempt) continue;
    if (status === 'processing' || row.error?.startsWith('worker died')) {
      violations.push(`the failure of attempt ${fact.attempt} of job ${id} is forgotten`);
    }
  }
  return violations;
}

/**
 * What else has to hold once a worker has been at work, and a compaction after it.
 *
 * Where power loss has kept a later block of an append and lost an earlier one, the file has a line with NULs in its
 * midst. It is not told from one that the disk has damaged: the job whose id it bears is held, and a follow-up behind
 * it may be there without the completion that stood in it.
 */
export function untidy({ queue, open, archived }: Found, { facts }: Pick<Witness, 'facts'>): string[] {
  if (queue === undefined) return ['there is no queue file'];
  const held = new Set(
    queue.unreadable.filter((line) => line.includes('\0')).map((line) => line.split(/[\t\0]/, 1)[0]),
  );
  const violations = queue.unreadable
    .filter((line) => !line.includes('\0'))
    .map((line) => `unreadable: ${JSON.stringify(line.slice(0, 200))}`);
  if (queue.rows.length !== open.size) violations.push('a job stands in the file twice');
  for (const line of queue.hidden) violations.push(`awk sees a job that is none: ${line.slice(0, 200)}`);
  // A job that waits for a held one waits as long.
  const isHeld = (row: Row | undefined): boolean =>
    row?.status === 'waiting'
      ? held.has(row.id) || parentsOf(row).some((id) => held.has(id) || isHeld(open.get(id)))
      : row !== undefined && held.has(row.id);
  for (const row of open.values()) {
    if (/^(pending|processing|waiting)$/.test(row.status ?? '') && !isHeld(row)) {
      violations.push(`job ${row.id} (${row.payload?.slice(0, 60)}) is still ${row.status}`);
    }
  }
  for (const fact of facts) {
    if (fact.what !== 'follows') continue;
    const parent = open.get(fact.parent) ?? archived.get(fact.parent);
    const completed = parent?.status === 'completed' && Number(parent.attempts) === fact.attempt;
    const exists = open.has(fact.id) || archived.has(fact.id);
    if (completed && !exists) violations.push(`follow-up ${fact.id} is missing`);
    if (exists && !completed && queue.holes.length === 0) {
      violations.push(`follow-up ${fact.id} exists, and its parent did not complete`);
    }
  }
  return violations;
}

const parentsOf = ({ after }: Row): string[] => (JSON.parse(after || '{"ids":[]}') as { ids: string[] }).ids;

/** Whether a line of the file has lost a part of itself. */
export const hasHole = ({ queue }: Found): boolean => queue !== undefined && queue.holes.length > 0;
