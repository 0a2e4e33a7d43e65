import { archiveFiles } from '../store/archive.js';
import { telling } from '../store/fs.js';
import { OpenFile } from '../store/open-file.js';
import type { Store } from '../store/store.js';
import { LineReader } from '../tsv/line.js';
import { usageError } from './exit.js';

/** So many matches of an ambiguous prefix are named. */
const MOST_NAMED = 10;

/**
 * The ids that are meant by ids or beginnings of ids; undefined for what is the beginning of none.
 *
 * @param archive look among the archived jobs as well
 * @throws CliError (usage) for a beginning that several ids share
 */
export async function resolveIds(
  store: Store,
  given: readonly string[],
  archive = false,
): Promise<(string | undefined)[]> {
  for (const id of given) if (id === '') throw usageError('an ID is empty');
  const index = await store.read('all');
  const matches = new Map(given.map((id) => [id, new Set<string>()]));
  const shortened = given.filter((id) => index?.find(id) === undefined);
  if (shortened.length > 0) {
    await telling(store.path, async () => {
      if (index !== undefined) await collect(index.file, shortened, matches);
      for (const path of archive ? archiveFiles(store.fs, store.realPath) : []) {
        const file = OpenFile.open(store.fs, path);
        if (file !== undefined) await collect(file, shortened, matches).finally(() => file.release());
      }
    });
  }
  return given.map((id) => (shortened.includes(id) ? only(id, [...(matches.get(id) ?? [])]) : id));
}

function only(given: string, ids: readonly string[]): string | undefined {
  if (ids.length < 2 || ids.includes(given)) return ids.includes(given) ? given : ids[0];
  const more = ids.length > MOST_NAMED ? `, and ${ids.length - MOST_NAMED} more` : '';
  throw usageError(`${given} could be ${ids.slice(0, MOST_NAMED).join(', ')}${more}; give more of the ID`);
}

/** Adds to `matches` the ids in a file that begin with its keys. */
async function collect(
  file: OpenFile,
  prefixes: readonly string[],
  matches: ReadonlyMap<string, Set<string>>,
): Promise<void> {
  const reader = new LineReader(file.layout);
  const { at } = file.layout;
  // The reader gives the bytes of a field one by one.
  const wanted = prefixes.map(
    (prefix) => [Buffer.from(prefix).toString('latin1'), matches.get(prefix)] as const,
  );
  await file.eachLine(file.start, (bytes, start, end) => {
    if (reader.read(bytes, start, end) !== 'row') return;
    const id = reader.field(at.id);
    for (const [prefix, ids] of wanted)
      if (id.startsWith(prefix)) ids?.add(Buffer.from(id, 'latin1').toString());
  });
}
