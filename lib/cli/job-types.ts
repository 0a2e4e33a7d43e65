import type { Store } from '../file/store.js';
import { didYouMean } from './nearest.js';
import { say } from './output.js';

/** The types that an option names, and those of them that no job has. */
export interface GivenTypes {
  readonly types: readonly string[];
  readonly unknown: readonly string[];
  /** The types of all jobs. */
  readonly known: ReadonlySet<string>;
}

/** Reads the types of an option, each of which may be several with commas. A type may have a comma in its name. */
export async function givenTypes(store: Store, given: readonly string[]): Promise<GivenTypes> {
  const index = await store.read('all');
  const known = new Set<string>();
  for (let slot = 0; slot < (index?.size ?? 0); slot++) known.add(index?.type(slot) as string);
  const types = given.flatMap((text) =>
    known.has(text)
      ? [text]
      : text
          .split(',')
          .map((type) => type.trim())
          .filter((type) => type !== ''),
  );
  return { types, unknown: types.filter((type) => !known.has(type)), known };
}

/** Says which types no job has, and which ones they are like. */
export function sayUnknownTypes({ unknown, known }: GivenTypes, file: string): void {
  for (const type of unknown) {
    const hint = didYouMean(type, known);
    say(`no jobs of type ${JSON.stringify(type)} in ${file}${hint && `; ${hint}`}`);
  }
}
