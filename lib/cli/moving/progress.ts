import { writeErr } from '../output.js';

/** How often the line is written again, in ms. */
const EVERY_MS = 100;
const WIDTH = 24;
const CLEAR = '\r\u001b[K';

/** A line on a terminal's stderr that says how far a long command is. */
export class Progress {
  readonly #isShown: boolean;
  /** The amount that is 100 %; undefined if it isn't known. */
  readonly #total: number | undefined;
  #next = Date.now() + EVERY_MS;
  #isThere = false;

  constructor(isShown: boolean, total: number | undefined) {
    this.#isShown = isShown && process.stderr.isTTY === true;
    this.#total = total;
  }

  /** @param done how much of the total is done @param what a text for a person, harmless already */
  show(done: number, what: string): void {
    const now = Date.now();
    if (!this.#isShown || now < this.#next) return;
    this.#next = now + EVERY_MS;
    this.#isThere = true;
    writeErr(`${CLEAR}${this.#bar(done)}${what}`);
  }

  /** Removes the line. */
  end(): void {
    if (this.#isThere) writeErr(CLEAR);
    this.#isThere = false;
  }

  #bar(done: number): string {
    if (!this.#total) return '';
    const part = Math.min(done / this.#total, 1);
    const filled = Math.round(part * WIDTH);
    return `[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${Math.floor(part * 100)} % `;
  }
}
