import { declaredText } from '../format/declared-text.js';
import type { Layout } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import { eachRowWith } from '../format/rows-by-word.js';

/** Knows which schedules the file has, for a worker that declares some. */
export class DeclaredRows {
  readonly #layout: Layout;
  readonly #reader: LineReader;
  /** The newest row of each schedule, by id. One that was removed has no text. */
  readonly #newest = new Map<string, { version: number; text: string | undefined }>();

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#reader = new LineReader(layout);
  }

  /** Reads the rows of schedules in a block. Removed ones count, since the row before may not be struck yet. */
  look(bytes: Buffer, end: number): void {
    for (const status of ['recurring', 'cancelled'] as const) {
      eachRowWith(this.#reader, bytes, end, status, () => {
        this.#add();
        return false;
      });
    }
  }

  /** Returns the declarations that the file lacks. */
  without<D extends { readonly text: string }>(declared: readonly D[]): D[] {
    const texts = new Set([...this.#newest.values()].map(({ text }) => text));
    return declared.filter(({ text }) => !texts.has(text));
  }

  #add(): void {
    const { version, status } = this.#reader;
    const { at } = this.#layout;
    const field = (column: keyof Layout['at']): string => this.#reader.text(at[column]);
    const id = field('id');
    if (version <= (this.#newest.get(id)?.version ?? 0)) return;
    this.#newest.set(id, { version, text: status === 'recurring' ? declaredText(field) : undefined });
  }
}
