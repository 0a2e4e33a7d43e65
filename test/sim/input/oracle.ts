import { COLUMNS } from '../../../lib/file/format/columns.js';
import { STATUSES } from '../../../lib/job/job.js';

/*
 * The rule for reading of docs/file-format.md, written again by other means than the library's. Lines are strings of
 * bytes (latin1), so that nothing is lost in between.
 */

/** A row, by the names in the header. */
export interface OracleRow {
  readonly fields: Readonly<Record<string, string>>;
  readonly line: string;
  readonly offset: number;
  readonly version: number;
}

/** What the bytes of a file say. */
export interface Oracle {
  readonly names: readonly string[];
  /** The newest row of each job, by id. */
  readonly jobs: ReadonlyMap<string, OracleRow>;
  readonly rows: readonly OracleRow[];
  /** Lines that are a person's, or that nobody can read; a compaction keeps them byte for byte. */
  readonly kept: readonly string[];
  /** First fields of lines that can't be read. */
  readonly held: ReadonlySet<string>;
  /** Where the file says that its finished jobs end, or 0. */
  readonly settledEnd: number;
  /** The number of its format; 1 if it names none. */
  readonly format: number;
}

const MARK = '# open jobs begin here\n';
const NOTE = /^# finished jobs end at byte (\d{15}), rows are new from byte (\d{15})$/;
const FORMAT = /^# tsvq format (\S+)\s*$/;
const LONGEST_HEADER = 64 * 1024;
const LONGEST_ROW = 384 * 1024 * 1024;

export const decoded = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();

/** What the file says; undefined if it is no queue. */
export function readByRule(bytes: Buffer): Oracle | undefined {
  const text = bytes.toString('latin1');
  const [header = '', ...rest] = text.split('\n');
  const names = decoded(header)
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split('\t');
  const known = COLUMNS.slice(0, 9).every((name) => names.includes(name)) && names[0] === 'id';
  if (!known || new Set(names).size < names.length || header.length >= LONGEST_HEADER) return undefined;
  const rows: OracleRow[] = [];
  const kept: string[] = [];
  const held = new Set<string>();
  const jobs = new Map<string, OracleRow>();
  let offset = header.length + 1;
  let settledEnd = 0;
  // Among the comments behind the header, as far as its reader looks.
  const head = text.slice(0, LONGEST_HEADER).split('\n').slice(1, -1);
  const firstOther = head.findIndex((line) => !line.startsWith('#'));
  const comments = firstOther < 0 ? head : head.slice(0, firstOther);
  const formatLine = comments.find((line) => FORMAT.test(line));
  const named = FORMAT.exec(formatLine ?? '')?.[1] ?? '1';
  const format = /^[1-9]\d{0,8}$/.test(named) ? Number(named) : Number.POSITIVE_INFINITY;
  const start = offset + (formatLine !== undefined && formatLine === rest[0] ? formatLine.length + 1 : 0);
  // What stands behind the last line end is no line yet.
  for (const line of rest.slice(0, -1)) {
    const trimmed = line.replace(/[\r ]+$/, '');
    const row = rowOf(trimmed, names);
    if (row !== undefined) {
      const found = { ...row, line, offset };
      rows.push(found);
      const id = decoded(row.fields.id as string);
      const other = jobs.get(id);
      if (other === undefined || other.version < found.version) jobs.set(id, found);
    } else if (trimmed.startsWith('#')) {
      const note = NOTE.exec(line);
      if (note !== null && offset === start && text.startsWith(MARK, Number(note[1])))
        settledEnd = Number(note[1]);
      if (!isStruck(trimmed, names) && note === null && !FORMAT.test(line) && `${line}\n` !== MARK)
        kept.push(line);
    } else if (!trimmed.endsWith('\t#torn') && !isStruck(trimmed, names)) {
      kept.push(line);
      if (trimmed !== '') held.add(decoded(trimmed.split(/[\t\0]/, 1)[0] as string));
    }
    offset += line.length + 1;
  }
  const isSuperseded = (line: string): boolean => isHalfStruck(line, names, jobs);
  return { names, jobs, rows, kept: kept.filter((line) => !isSuperseded(line)), held, settledEnd, format };
}

function rowOf(line: string, names: readonly string[]): Pick<OracleRow, 'fields' | 'version'> | undefined {
  if (line.length > LONGEST_ROW) return undefined;
  const values = line.split('\t');
  const fields = Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));
  const { id = '', status = '', version } = fields;
  if (line.startsWith('#') || line.endsWith('\t#torn') || line.includes('\0')) return undefined;
  if (values.length !== names.length || id === '' || !STATUSES.some((word) => word === status))
    return undefined;
  // Through text and back again it has to be the same; a byte order mark before it isn't.
  if (/^[0-9a-f]{17,32}$/.test(id)) return undefined;
  if (id.startsWith('\xef\xbb\xbf') || Buffer.from(decoded(id)).toString('latin1') !== id) return undefined;
  if (version !== undefined && !/^\d{1,15}$/.test(version)) return undefined;
  return { fields, version: Number(version ?? 0) };
}

/** The job whose whole row stands at the end of an unreadable line, behind something else. */
export function gluedJob(line: string, names: readonly string[]): string | undefined {
  const values = line.replace(/[\r ]+$/, '').split('\t');
  const first = values.slice(0, 1 - names.length).join('\t');
  const id = first.slice(-16);
  if (line.startsWith('#') || first.length <= 16 || !/^[0-9a-f]{16}$/.test(id)) return undefined;
  return rowOf([id, ...values.slice(1 - names.length)].join('\t'), names) && id;
}

/** The jobs of all such lines; also of what stands before the row, where that lacks nothing but its end. */
export const gluedJobs = ({ kept, names }: Oracle): Set<string> =>
  new Set(
    kept.flatMap((line) => {
      const second = gluedJob(line, names);
      if (second === undefined) return [];
      const end =
        line
          .split('\t')
          .slice(0, 1 - names.length)
          .join('\t').length - second.length;
      const first = rowOf(line.slice(0, end), names)?.fields.id;
      return first === undefined ? [second] : [decoded(first), second];
    }),
  );

function isStruck(line: string, names: readonly string[]): boolean {
  const values = line.split('\t');
  const [id = ''] = values;
  const status = values[names.indexOf('status')] ?? '';
  if (values.length !== names.length || line.includes('\0')) return false;
  // What is longer than a status word is none, and no pattern can be as long as a field.
  if (status.length > 16) return line.startsWith('#') && !id.includes(' ') && /^-+$/.test(status);
  const crossedOut = new RegExp(
    `^${[...status].map((letter) => (letter === '-' ? '.' : `\\x${hex(letter)}`)).join('')}$`,
  );
  const half = status.includes('-') && STATUSES.some((word) => crossedOut.test(word));
  if (line.startsWith('#')) return !id.includes(' ') && (half || /^-+$/.test(status));
  return (
    half &&
    rowOf(values.map((value, i) => (names[i] === 'status' ? 'pending' : value)).join('\t'), names) !==
      undefined
  );
}

const hex = (letter: string): string => letter.charCodeAt(0).toString(16).padStart(2, '0');

/** Whether a comment is an old row of a job that has a newer one, with a `#` for its first digit. */
function isHalfStruck(line: string, names: readonly string[], jobs: ReadonlyMap<string, OracleRow>): boolean {
  if (!line.startsWith('#')) return false;
  return [...'0123456789abcdef'].some((digit) => {
    const row = rowOf(digit + line.replace(/[\r ]+$/, '').slice(1), names);
    const newest = row && jobs.get(decoded(row.fields.id as string));
    return newest !== undefined && newest.version > (row as OracleRow).version;
  });
}

/**
 * The file as whoever takes the lock next makes it: a last line that has no end gets one, or is marked as torn. Where a
 * NUL follows a whole row, its end was lost, and goes there.
 */
export function withClosedTail(bytes: Buffer): Buffer {
  const oracle = readByRule(bytes);
  if (oracle === undefined || bytes.length === 0 || bytes.at(-1) === 10) return bytes;
  const lf = bytes.lastIndexOf(10);
  const nul = bytes.indexOf(0, lf + 1);
  const row = nul < 0 ? '' : bytes.toString('latin1', lf + 1, nul).replace(/[\r ]+$/, '');
  if (rowOf(row, oracle.names) !== undefined)
    return withClosedTail(
      Buffer.concat([bytes.subarray(0, nul), Buffer.from('\n'), bytes.subarray(nul + 1)]),
    );
  const tail = bytes.toString('latin1', lf + 1).replace(/[\r ]+$/, '');
  // A comment with a NUL in it has lost something as well.
  const whole =
    lf < 0 || tail === '' || (tail.startsWith('#') && nul < 0) || rowOf(tail, oracle.names) !== undefined;
  return Buffer.concat([bytes, Buffer.from(whole ? '\n' : '\t#torn\n')]);
}
