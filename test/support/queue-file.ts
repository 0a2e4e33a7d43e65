import * as fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { COLUMNS, type Column } from '../../lib/file/format/columns.js';
import { type Layout, newLayout } from '../../lib/file/format/layout.js';
import { type Row, splitRows } from '../../lib/file/format/row.js';
import { StoredJob } from '../../lib/file/format/stored-job.js';
import { temporaryFolder } from './folders.js';

/** The first line of a file that is up to date, without its LF. */
export const COLUMN_NAMES: string = COLUMNS.join('\t');
/** Its first two lines, without the last LF. */
export const HEADER: string = `${COLUMN_NAMES}\n# tsvq format 2`;
/** The header of dbbasic-queue. */
export const NINE: string = COLUMNS.slice(0, 9).join('\t');

/** A line of the file, with its LF: a pending job that is due, but for the fields that are given. */
export function line(
  fields: Partial<Record<Column, string | number>>,
  columns: readonly string[] = COLUMNS,
): string {
  const all: Record<string, string | number> = {
    id: '0000000000000001',
    type: 'email',
    payload: '{}',
    status: 'pending',
    created_at: 1000,
    run_at: 1000,
    attempts: 0,
    priority: 0,
    forgiven: 0,
    version: 1,
    ...fields,
  };
  return `${columns.map((name) => all[name] ?? '').join('\t')}\n`;
}

/** The job in a line. */
export const jobOf = (line: string, layout: Layout = newLayout()): StoredJob =>
  new StoredJob(splitRows(line)[0] as Row, layout);

/** Writes a queue file of these lines. */
export function writeQueue(file: string, ...lines: string[]): void {
  fs.writeFileSync(file, `${HEADER}\n${lines.join('')}`);
}

/** A queue file of these lines. */
export function fileOf(t: TestContext, ...lines: string[]): string {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(file, ...lines);
  return file;
}

/** As sed -i and most editors save: a new file takes the name. */
export function saveAs(file: string, content: string): void {
  fs.writeFileSync(`${file}~`, content);
  fs.renameSync(`${file}~`, file);
}

export const text = (file: string): string => fs.readFileSync(file, 'utf8');

/** Every line but the header and the format's, without LF. */
export const linesOf = (file: string): string[] =>
  text(file)
    .split('\n')
    .slice(1, -1)
    .filter((found, i) => i > 0 || found !== '# tsvq format 2');

/**
 * The rows as `awk -F'\t'` sees them: every line but the header that does not begin with `#`. Written again here,
 * by other means than the library's, since it is what the library is judged by.
 */
export function rowsOf(file: string): Record<string, string>[] {
  const [header = '', ...lines] = text(file).split('\n');
  const names = header.split('\t');
  return lines
    .filter((row) => row !== '' && !row.startsWith('#'))
    .map((row) => Object.fromEntries(row.split('\t').map((field, i) => [names[i] ?? `extra ${i}`, field])));
}

/** `id status` of each row, as {@link rowsOf} sees them. */
export const statesOf = (file: string): string[] => rowsOf(file).map(({ id, status }) => `${id} ${status}`);

/** 16 hex digits. */
export const jobId = (n: number): string => n.toString(16).padStart(16, '0');

/** A line as it is once a newer row of its job supersedes it. */
export function struck(row: string): string {
  const fields = row.split('\t');
  fields[0] = `#${fields[0]?.slice(1)}`;
  fields[3] = '-'.repeat(fields[3]?.length ?? 0);
  return fields.join('\t');
}
