import { archiveFiles, eachArchivedLine } from '../file/compaction/archive.js';
import { withStoreErrors } from '../file/disk/fs.js';
import type { Layout } from '../file/format/layout.js';
import { LineReader } from '../file/format/line.js';
import type { Store } from '../file/store.js';
import { usageError } from './exit.js';

/** The most matches named for an ambiguous prefix. */
const MOST_NAMED = 10;

/**
 * Resolves ids or prefixes of ids to ids, or to undefined if no job has such an id.
 *
 * @param archive true to search the archived jobs as well
 * @throws CliError (usage) for a prefix that several ids share
 */
export async function resolveIds(
  store: Store,
  given: readonly string[],
  archive = false,
): Promise<(string | undefined)[]> {
  for (const id of given) if (id === '') throw usageError('an ID is empty');
  const index = await store.read('all');
  const shortened = given.filter((id) => index?.find(id) === undefined);
  const matches = new Map(shortened.map((id) => [id, new Set<string>()]));
  if (matches.size > 0) {
    await withStoreErrors(store.path, async () => {
      const collect = collector(matches);
      if (index !== undefined) await index.file.eachLine(index.file.start, collect(index.file.layout));
      for (const path of archive ? archiveFiles(store.fs, store.realPath) : [])
        await eachArchivedLine(store.fs, path, collect);
    });
  }
  return given.map((id) => {
    const ids = matches.get(id);
    return ids === undefined ? id : only(id, [...ids]);
  });
}

function only(given: string, ids: readonly string[]): string | undefined {
  if (ids.length < 2 || ids.includes(given)) return ids.includes(given) ? given : ids[0];
  const more = ids.length > MOST_NAMED ? `, and ${ids.length - MOST_NAMED} more` : '';
  throw usageError(`${given} could be ${ids.slice(0, MOST_NAMED).join(', ')}${more}; give more of the ID`);
}

/** Makes a reader for a layout that adds a line's id to `matches` if it begins with one of their keys. */
const collector = (matches: ReadonlyMap<string, Set<string>>) => (layout: Layout) => {
  const reader = new LineReader(layout);
  return (bytes: Buffer, start: number, end: number): void => {
    if (reader.read(bytes, start, end) !== 'row') return;
    const id = reader.text(layout.at.id);
    for (const [prefix, ids] of matches) if (id.startsWith(prefix)) ids.add(id);
  };
};
