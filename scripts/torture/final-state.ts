import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A row as awk sees it. */
export type Row = Readonly<Record<string, string>>;

/** What is left when all is over. */
export interface FinalState {
  /** Of each job the newest row, in the file or the archive. */
  readonly jobs: ReadonlyMap<string, Row>;
  /** Of each schedule that goes on the newest row. */
  readonly schedules: ReadonlyMap<string, Row>;
  /** Ids of the uncrossed rows of the queue file, as often as they stand there. */
  readonly ids: readonly string[];
  /** Lines of the queue file that a person wrote. */
  readonly notes: readonly string[];
  /** Lines that are neither. */
  readonly strange: readonly string[];
}

const STATUS = /^(pending|waiting|processing|completed|failed|cancelled|recurring)$/;

/**
 * Reads the file and the archive by the rule of docs/file-format.md, by other means than the library's, since it is
 * what the library is judged by.
 */
export function readFinalState(file: string): FinalState {
  const jobs = new Map<string, Row>();
  const { ids, others } = readRows(file, jobs);
  const archive = join(dirname(file), 'archive');
  for (const name of existsSync(archive) ? readdirSync(archive) : []) readRows(join(archive, name), jobs);
  // Rows that a killed process had on their way there.
  for (const name of readdirSync(dirname(file)))
    if (/\.tsv\.\d{4}-\d\d\.[0-9a-f]{12}\.tmp$/.test(name)) readRows(join(dirname(file), name), jobs);
  const schedules = new Map([...jobs].filter(([, { status }]) => status === 'recurring'));
  for (const id of schedules.keys()) jobs.delete(id);
  const notes = others.filter((line) => line.startsWith('# note'));
  // Marks of a compaction, blank lines, closed tails, rows that are crossed out.
  const ours = /^# (note|tsvq format 2$|finished jobs end|open jobs begin)|^$|\t#torn$|^#([^\t]*\t){3}-+\t/;
  return { jobs, schedules, ids, notes, strange: others.filter((line) => !ours.test(line)) };
}

function readRows(path: string, jobs: Map<string, Row>): { ids: string[]; others: string[] } {
  const [header = '', ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const names = header.split('\t');
  const ids: string[] = [];
  const others: string[] = [];
  for (const line of lines) {
    const fields = line.split('\t');
    const row: Row = Object.fromEntries(names.map((name, i) => [name, fields[i] ?? '']));
    const { id = '', status = '', version = '' } = row;
    if (line.startsWith('#') || fields.length !== names.length || !STATUS.test(status)) others.push(line);
    else {
      ids.push(id);
      if (Number(version) > Number(jobs.get(id)?.version ?? 0)) jobs.set(id, row);
    }
  }
  return { ids, others };
}
