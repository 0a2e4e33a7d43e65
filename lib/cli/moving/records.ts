import type Papa from 'papaparse';
import { parseJson } from '../../file/format/parse-json.js';
import { dependency } from '../../job/dependency.js';
import { errorMessage } from '../../job/errors.js';
import { type Lines, LONGEST, unusable } from './lines.js';

/** The formats of files with jobs. */
export const FORMATS = ['tsv', 'csv', 'jsonl'] as const;
export type MovedFormat = (typeof FORMATS)[number];

/** One job as a file has it: its fields by their names, or why there are none. */
export interface InputRecord {
  /** The number of the line that it begins in, from 1. */
  readonly line: number;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** True if JSON in the fields is not parsed yet, because they are texts. */
  readonly isText?: boolean;
  readonly error?: string;
}

/** Reads the records of a file, piece by piece. */
export interface RecordReader {
  /** @param isLast true if no more lines come */
  read(lines: Lines, isLast: boolean): Iterable<InputRecord>;
}

/** Returns the format that a file's name or its first line tells. */
export function formatOf(name: string, firstLine: string): MovedFormat {
  const [, ending = ''] = /\.([a-z]+)$/i.exec(name) ?? [];
  const named = { tsv: 'tsv', tab: 'tsv', csv: 'csv', jsonl: 'jsonl', ndjson: 'jsonl' } as const;
  const known = named[ending.toLowerCase() as keyof typeof named];
  if (known !== undefined) return known;
  if (firstLine.trimStart().startsWith('{')) return 'jsonl';
  if (firstLine.trimStart().startsWith('['))
    throw unusable("the file is a JSON array; write one object in each line: jq -c '.[]'");
  return firstLine.includes('\t') ? 'tsv' : 'csv';
}

/** @param header is told the names of the columns; it may throw */
export function readerOf(format: MovedFormat, header: (names: readonly string[]) => void): RecordReader {
  if (format === 'jsonl') return new JsonReader();
  return format === 'tsv'
    ? new RowReader(new TabSplitter(), header)
    : new RowReader(new CsvSplitter(), header);
}

class JsonReader implements RecordReader {
  *read({ text, first }: Lines): Iterable<InputRecord> {
    let line = first;
    for (const json of text.split('\n')) {
      if (json.trim() !== '') yield readObject(json, line);
      line++;
    }
  }
}

function readObject(json: string, line: number): InputRecord {
  let value: unknown;
  try {
    value = parseJson(json, 'line');
  } catch (error) {
    return {
      line,
      error: error instanceof SyntaxError ? `it is not JSON: ${error.message}` : errorMessage(error),
    };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { line, error: 'it is not a JSON object' };
  // A null stands for a value that is not given, except in the payload, where it means the same.
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return { line, fields: Object.fromEntries(fields) };
}

/** A row of fields, before their names are known. */
interface SplitRow {
  readonly line: number;
  readonly cells: readonly string[];
  readonly error?: string;
}

interface Splitter {
  split(lines: Lines, isLast: boolean): Iterable<SplitRow>;
}

/** Reads rows below a header. */
class RowReader implements RecordReader {
  readonly #splitter: Splitter;
  readonly #onHeader: (names: readonly string[]) => void;
  #names: readonly string[] | undefined;

  constructor(splitter: Splitter, header: (names: readonly string[]) => void) {
    this.#splitter = splitter;
    this.#onHeader = header;
  }

  *read(lines: Lines, isLast: boolean): Iterable<InputRecord> {
    for (const { line, cells, error } of this.#splitter.split(lines, isLast)) {
      const isBlank = cells.length === 1 && cells[0]?.trim() === '';
      if (error !== undefined) yield { line, error };
      else if (isBlank) continue;
      else if (this.#names === undefined) this.#takeHeader(cells);
      else yield recordOf(line, this.#names, cells);
    }
  }

  #takeHeader(cells: readonly string[]): void {
    this.#names = cells.map((name) => name.trim());
    this.#onHeader(this.#names);
  }
}

function recordOf(line: number, names: readonly string[], cells: readonly string[]): InputRecord {
  if (cells.length !== names.length) {
    const count = `${cells.length} ${cells.length === 1 ? 'field' : 'fields'}`;
    return { line, error: `it has ${count}, where the header has ${names.length}` };
  }
  const fields: Record<string, string> = {};
  for (const [i, cell] of cells.entries()) if (cell !== '') fields[names[i] as string] = cell;
  return { line, fields, isText: true };
}

/** Splits rows like those of the queue file: a quote means nothing. */
class TabSplitter implements Splitter {
  *split({ text, first }: Lines): Iterable<SplitRow> {
    let line = first;
    for (const row of text.split('\n')) {
      const isQueue = line === 2 && row.startsWith('# tsvq format');
      if (isQueue)
        throw unusable(
          'this is a queue file, which has superseded rows; import what queue export writes of it: ' +
            'queue --file OLD export | queue import -',
        );
      yield { line, cells: (row.endsWith('\r') ? row.slice(0, -1) : row).split('\t') };
      line++;
    }
  }
}

/** What a cell begins with so that a spreadsheet doesn't take it for a formula; see export. */
const GUARDED = /^'+[=+\-@\t\r]/;

/** Splits CSV, with all that may stand between quotes. Between the fields are commas, or semicolons without any comma. */
class CsvSplitter implements Splitter {
  #papa: typeof Papa | undefined;
  #delimiter: string | undefined;
  /** The text of a record that is not whole yet, and the number of its first line. */
  #rest = '';
  #line = 1;
  /** How long the text has to be before it is worth reading again, for a record of many pieces. */
  #enough = 0;

  *split({ text }: Lines, isLast: boolean): Iterable<SplitRow> {
    const all = this.#rest + text;
    this.#rest = all;
    if (all.length < this.#enough && !isLast) return;
    if (all.length > LONGEST)
      throw unusable(
        `a quote in the record at line ${this.#line} is never closed, or it is longer than ${LONGEST} characters`,
      );
    this.#papa ??= dependency<typeof Papa>('papaparse', () => require('papaparse'));
    this.#delimiter ??= delimiterOf(all);
    const parser = new this.#papa.Parser({ delimiter: this.#delimiter, newline: '\n' });
    const { data, errors, meta } = parser.parse(all, 0, !isLast) as Papa.ParseResult<string[]>;
    this.#rest = isLast ? '' : all.slice(meta.cursor);
    this.#enough = data.length === 0 ? all.length * 2 : 0;
    const broken = new Map(errors.map(({ row, code }) => [row, code]));
    for (const [i, cells] of data.entries()) {
      const line = this.#line;
      this.#line += 1 + cells.reduce((sum, cell) => sum + countLf(cell), 0);
      const code = broken.get(i);
      if (code === undefined) yield { line, cells: cells.map(cleared(cells.length)) };
      else yield { line, cells, error: QUOTES[code] ?? `its quotes can't be read (${code})` };
    }
  }
}

const QUOTES: Record<string, string> = {
  MissingQuotes: 'a quote that opens a field in it is never closed',
  InvalidQuotes: 'a quote in a quoted field is not doubled',
};

/** Removes a CR at the end of a line, and the guard against formulas. */
const cleared =
  (count: number) =>
  (cell: string, i: number): string => {
    const text = i === count - 1 && cell.endsWith('\r') ? cell.slice(0, -1) : cell;
    return GUARDED.test(text) ? text.slice(1) : text;
  };

function countLf(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count++;
  return count;
}

/** Returns what is between the fields. No name of a column has a comma or semicolon. */
function delimiterOf(text: string): string {
  const [header = ''] = text.split('\n', 1);
  return header.includes(';') && !header.includes(',') ? ';' : ',';
}
