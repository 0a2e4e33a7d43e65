import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type * as Doctor from '../../../../lib/file/doctor/inspect.js';
import type * as Layouts from '../../../../lib/file/format/layout.js';
import type * as Jobs from '../../../../lib/file/format/stored-job.js';
import type * as Upgrades from '../../../../lib/file/format/upgrade.js';
import type * as Stores from '../../../../lib/file/store.js';
import type * as Options from '../../../../lib/job/queue-options.js';
import { root, temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, line, text, writeQueue } from '../../../support/queue-file.js';

type Library = typeof Doctor &
  typeof Layouts &
  typeof Jobs &
  typeof Upgrades &
  typeof Stores &
  typeof Options;

/** The library with one more entry in the list of columns, and nothing else. */
async function withOneMore(folder: string): Promise<Library> {
  const names = ['doctor/inspect', 'format/layout', 'format/stored-job', 'format/upgrade', 'store'];
  const contents = [...names.map((name) => `file/${name}`), 'job/queue-options']
    .map((name) => `export * from '${root}lib/${name}.ts';`)
    .join('\n');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const outfile = join(folder, 'library.mjs');
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    plugins: [
      {
        name: 'one more column',
        setup: ({ onLoad }) =>
          onLoad({ filter: /format[/\\]columns\.ts$/ }, ({ path }) => ({
            contents: readFileSync(path, 'utf8').replace(
              "column('version',",
              "column('tint', 'tint', text, { ...sometimes, show: orUndefined }),\n  column('version',",
            ),
            loader: 'ts',
          })),
      },
    ],
  });
  return (await import(pathToFileURL(outfile).href)) as Library;
}

test('a field of a job is one entry in the list of columns', async (t) => {
  const folder = temporaryFolder(t);
  const library = await withOneMore(folder);
  const { newLayout, parseHeader, upgraded, StoredJob, upgrade } = library;
  assert.deepEqual(newLayout().names.slice(-2), ['tint', 'version']);

  // New, changed, and shown.
  const fields = { type: 'email', payload: '{}', createdAt: 1000, runAt: 1000, priority: 0, tint: 'red' };
  const first = StoredJob.first(jobId(1), fields, newLayout());
  const tintOf = (job: object): unknown => (job as { tint?: unknown }).tint;
  assert.deepEqual([tintOf(first), tintOf(first.toJob())], ['red', 'red']);
  assert.equal(tintOf(first.next({ status: 'cancelled' })), 'red');
  assert.equal(tintOf(first.next({ tint: 'blue' } as object).toJob()), 'blue');

  // An older row gets the column, and its own fields stay.
  const older = parseHeader(HEADER, 'queue.tsv');
  const moved = upgrade(
    line({ id: jobId(2) })
      .slice(0, -1)
      .split('\t'),
    older,
    upgraded(older),
    0,
  );
  assert.equal(tintOf(new StoredJob(moved, upgraded(older))), '');

  // So does an older file, with the first change, and the doctor finds it well.
  const file = join(folder, 'queue.tsv');
  writeQueue(file, line({ id: jobId(2) }));
  const store = new library.Store(file, library.resolveQueueOptions({ anyFileSystem: true }));
  await store.update('nothing', (tx) => void tx.add(fields));
  assert.match(text(file).split('\n')[0] ?? '', /\ttint\tversion$/);
  assert.match(text(file), /\tred\t1\n$/);
  assert.deepEqual(await library.inspect(store), []);
  await store.close();
});
