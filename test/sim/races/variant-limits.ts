/*
 * A design that writes the starts of jobs with limits when their claims are in the file.
 */

const afterwards = new WeakMap<object, () => void>();

/** Does this once the turn's rows are in the file. */
export const doAfterwards = (turn: object, act: () => void): void => void afterwards.set(turn, act);

/** @returns what it was given */
export function nowAfterwards<T>(turn: object, decided: T): T {
  afterwards.get(turn)?.();
  return decided;
}
