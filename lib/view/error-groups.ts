import { groupId, groupText } from './error-group.js';

/** The most groups; further errors share one. */
const MOST = 5000;
const OTHERS = 'other errors';

/** Failures with something in common. */
export interface ErrorGroup {
  /** The group's name in every process, ten hex digits. */
  readonly id: string;
  /** What the errors have in common. */
  readonly text: string;
}

/** The group of failed jobs without an error: an edit by hand. Its number is 0. */
export const NO_ERROR: ErrorGroup = { id: '-', text: '(no error)' };

/** Numbers the groups of errors. 0 stands for no error. */
export class ErrorGroups {
  readonly #groups: (ErrorGroup | undefined)[] = [undefined];
  readonly #numbers = new Map<string, number>();
  /** The error before and its number, because one cause fails many jobs in a row. */
  #last = { error: '', number: 0 };

  /** Returns the number of an error's group. */
  numberOf(error: string): number {
    if (error === this.#last.error) return this.#last.number;
    const number = this.#numberOf(groupText(error));
    this.#last = { error, number };
    return number;
  }

  get(number: number): ErrorGroup | undefined {
    return this.#groups[number];
  }

  /** Returns the number of the group with an id; undefined if no error had it. */
  find(id: string): number | undefined {
    if (id === NO_ERROR.id) return 0;
    const number = this.#groups.findIndex((group) => group?.id === id);
    return number < 0 ? undefined : number;
  }

  #numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (text !== OTHERS && this.#groups.length >= MOST) return this.#numberOf(OTHERS);
    const number = this.#groups.length;
    this.#groups.push({ id: groupId(text), text });
    this.#numbers.set(text, number);
    return number;
  }
}
