import { firstLine, harmless, harmlessLines, toSafeJson } from '../view/text.js';
import type { Column, Table } from './screen/table.js';

/*
 * Only this module prints: data to stdout, messages to stderr. All its output is harmless to a terminal.
 */

/** The output format. `json`: JSON Lines; `plain`: fields split by a TAB, without a header; `human`: may change. */
export type Format = 'human' | 'json' | 'plain';

/** One field of `plain`; a Date is printed as ISO, undefined as nothing. */
export type Field = string | number | Date | undefined;

/** The display of one kind of record for people and for `plain`. JSON shows the record unchanged. */
export interface Shape<T> {
  readonly columns: readonly Column<T>[];
  readonly plain: (record: T) => readonly Field[];
}

/** The size up to which lines are buffered before a write. */
const PIECE = 64 * 1024;
/** The width limit of table cells; the longest type allowed fits. */
const WIDEST = 200;

let readerIsGone = false;

/** True once the reader of stdout has closed it. */
export const isReaderGone = (): boolean => readerIsGone;

/** Handles streams that break: `queue list | head` is no error. */
export function guardStreams(onFailure: (error: Error) => void): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Reports it once, because a handler's console.log fails again and again.
    if (readerIsGone) return;
    readerIsGone = true;
    if (error.code !== 'EPIPE') onFailure(error);
  });
}

/** Prints text that is harmless already. */
export function writeOut(text: string): void {
  if (!readerIsGone && text !== '') write(process.stdout, text);
}

/** Prints pieces of text that are harmless already, or meant for a program, until the reader is gone. */
export async function writeAll(pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) {
    writeOut(piece);
    await flushed();
    if (readerIsGone) return;
  }
}

/** Prints to stderr. */
export function writeErr(text: string): void {
  write(process.stderr, text);
}

/** Writes without throwing, as some streams do: a worker's log must not affect jobs. */
function write(stream: NodeJS.WriteStream, text: string): void {
  try {
    stream.write(text);
  } catch (error) {
    stream.emit('error', error);
  }
}

/** Prints a message for a person on stderr. */
export function say(message: string): void {
  writeErr(`queue: ${harmlessLines(message)}\n`);
}

export class Output {
  readonly format: Format;

  constructor(format: Format) {
    this.format = format;
  }

  /** Prints text for people, in one or more lines; nothing in other formats. */
  text(text: string): void {
    if (this.format === 'human') writeOut(`${harmlessLines(text)}\n`);
  }

  /** Prints records until there are no more, or the reader is gone. @returns how many there were */
  async records<T>(records: Iterable<T> | AsyncIterable<T>, shape: Shape<T>): Promise<number> {
    const table = this.format === 'human' ? await tableOf(shape, await screenOf()) : undefined;
    let count = 0;
    let text = '';
    for await (const record of records) {
      count++;
      text += table?.add(record) ?? this.#line(record, shape.plain(record));
      if (text.length < PIECE) continue;
      writeOut(text);
      text = '';
      await flushed();
      if (readerIsGone) return count;
    }
    if (table !== undefined && count > 0) text += table.end();
    writeOut(text);
    return count;
  }

  /** Prints a record as one line; nothing for people. */
  data(record: unknown, plain: readonly Field[]): void {
    if (this.format !== 'human') writeOut(this.#line(record, plain));
  }

  /** Prints a record, or `human` for people. */
  record(record: unknown, human: string, plain: readonly Field[]): void {
    this.text(human);
    this.data(record, plain);
  }

  /** Reports a change: to people on stderr, to programs as a record. */
  changed(record: unknown, human: string, plain: readonly Field[]): void {
    if (this.format === 'human') say(human);
    this.data(record, plain);
  }

  #line(record: unknown, plain: readonly Field[]): string {
    return `${this.format === 'json' ? toSafeJson(record) : plain.map(plainField).join('\t')}\n`;
  }
}

/** Makes the table of records, whose cells may be too long, and harmful. What measures texts loads only for it. */
export async function tableOf<T>({ columns }: Shape<T>, screen: number | undefined): Promise<Table<T>> {
  const { Table } = await import('./screen/table.js');
  const harmlessly = columns.map(({ cell, ...column }) => ({
    ...column,
    cell: (record: T) => harmless(firstLine(cell(record), WIDEST)),
  }));
  return new Table(harmlessly, screen);
}

/** Returns the width of the terminal; undefined if stdout is none. */
export async function screenOf(): Promise<number | undefined> {
  if (!process.stdout.isTTY) return undefined;
  const { columnsOf } = await import('./screen/colours.js');
  return columnsOf();
}

function plainField(field: Field): string {
  if (field instanceof Date) return Number.isNaN(field.getTime()) ? '' : field.toISOString();
  return field === undefined ? '' : harmless(String(field));
}

/** Resolves when stdout takes more, and could report that its reader is gone. */
export async function flushed(): Promise<void> {
  if (process.stdout.writableNeedDrain && !readerIsGone) {
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        process.stdout.off('drain', goOn).off('close', goOn);
        resolve();
      };
      process.stdout.on('drain', goOn).on('close', goOn);
    });
  }
  await new Promise(setImmediate);
}
