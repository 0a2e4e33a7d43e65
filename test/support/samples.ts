/** Whether this is the nightly form, which tries all that the normal form takes a sample of. */
export const isThorough: boolean = process.env.DEATHS === 'all';

/** Of all cases so many, spread evenly over them, each time the same ones; in the nightly form, every one. */
export function sampled<Case>(all: readonly Case[], most: number): Case[] {
  const every = isThorough ? 1 : Math.max(1, all.length / most);
  return all.filter((_, i) => Math.floor(i / every) !== Math.floor((i - 1) / every));
}
