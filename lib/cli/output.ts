import { firstLine, harmless, harmlessLines, toSafeJson } from '../view/text.js';
import { Table } from './streamed-table.js';

/*
 * Only this module prints: data to stdout, messages to stderr. All its output is harmless to a terminal. It uses no
 * colours, so it needn't heed NO_COLOR.
 */

/** The output format. `json`: JSON Lines; `plain`: fields split by a TAB, without a header; `human`: may change. */
export type Format = 'human' | 'json' | 'plain';

/** One field of `plain`; a Date is printed as ISO, undefined as nothing. */
export type Field = string | number | Date | undefined;

/** The display of one kind of record for people and for `plain`. JSON shows the record unchanged. */
export interface Shape<T> {
  readonly head: readonly string[];
  readonly cells: (record: T) => readonly string[];
  readonly plain: (record: T) => readonly Field[];
}

/** The size up to which lines are buffered before a write. */
const PIECE = 64 * 1024;
/** The width limit of table cells; the longest type allowed fits. */
const WIDEST = 200;

let readerIsGone = false;

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
    await written();
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
    const table = this.format === 'human' ? new Table(shape.head) : undefined;
    let count = 0;
    let text = '';
    for await (const record of records) {
      count++;
      text += table?.add(shape.cells(record).map(cell)) ?? this.#line(record, shape.plain(record));
      if (text.length < PIECE) continue;
      writeOut(text);
      text = '';
      await written();
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

/** Makes a table cell of a field that may be too long. */
const cell = (text: string): string => harmless(firstLine(text, WIDEST));

function plainField(field: Field): string {
  if (field instanceof Date) return Number.isNaN(field.getTime()) ? '' : field.toISOString();
  return field === undefined ? '' : harmless(String(field));
}

/** Resolves when stdout takes more, and could report that its reader is gone. */
async function written(): Promise<void> {
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
