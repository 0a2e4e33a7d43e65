import type { OpenFile } from '../disk/open-file.js';
import { OUR_ID } from '../format/id.js';
import { HASH, LineReader } from '../format/line.js';
import { IdMap } from './id-map.js';
import type { SealedPart } from './sealed.js';

/**
 * Finds late rows: rows that may supersede a row of the sealed part. A late row is not its job's first. Its
 * job isn't in the sealed part if a struck row proves that: the job's first row, or a row that was there when
 * the file was written.
 *
 * A struck row has lost the first digit of its id. The other fifteen tell a job from all others.
 */
export class LateRows {
  /** The number of late rows so far. */
  count = 0;
  readonly #file: OpenFile;
  readonly #sealed: SealedPart;
  /** False if all lines are read, because then no row is late. */
  readonly #isPart: boolean;
  /** Ids of jobs that are proven not to be in the sealed part. */
  #others = new IdMap();
  /** Slots whose row may be older than their job's row in the sealed part, which was not read. */
  #unproven = new Set<number>();

  constructor(file: OpenFile, sealed: SealedPart) {
    this.#file = file;
    this.#sealed = sealed;
    this.#isPart = sealed.end > file.start;
  }

  /** Notes the struck row that was just read. */
  addStruck(offset: number, row: LineReader): void {
    if (!this.#isPart) return;
    const { at } = this.#file.layout;
    const id = row.field(at.id);
    const isOther = row.field(at.version) === '1' || offset < this.#sealed.newFrom;
    if (isOther && id.length === OUR_ID) this.#others.numberOf(key(id));
  }

  /** Notes a row if it is late. Call it for rows whose job has no other row yet. */
  add(slot: number, offset: number, row: LineReader): void {
    if (!this.#isPart || row.version <= 1 || offset < this.#sealed.newFrom) return;
    if (this.#others.size > 0 && this.#others.has(key(row.field(this.#file.layout.at.id)))) return;
    this.#unproven.add(slot);
    this.count++;
  }

  /**
   * Looks for the late rows' jobs in the sealed part. Call it at the end of the file, because from then on the
   * index has an earlier row of each job whose row is struck.
   *
   * @param slotOf returns the slot of a row's job
   * @param found is called for each row in the sealed part whose job has a late row
   */
  async prove(
    slotOf: (row: LineReader) => number | undefined,
    found: (slot: number, row: LineReader, offset: number, length: number) => void,
  ): Promise<void> {
    if (this.#others.size > 0) this.#others = new IdMap();
    if (this.#unproven.size === 0) return;
    const unproven = this.#unproven;
    this.#unproven = new Set();
    const reader = new LineReader(this.#file.layout);
    await this.#file.eachLine(
      this.#file.start,
      (bytes, start, end, offset) => {
        if (bytes[start] === HASH || reader.read(bytes, start, end) !== 'row') return;
        const slot = slotOf(reader);
        if (slot !== undefined && unproven.has(slot)) found(slot, reader, offset, end - start);
      },
      { to: this.#sealed.end },
    );
  }
}

const key = (id: string): string => `0${id.slice(1)}`;
