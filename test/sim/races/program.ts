import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build, type Plugin } from 'esbuild';
import { root } from '../../support/folders.js';
import { Channel } from './channel.js';
import type { Patch } from './variants.js';

const here = (name: string): string => join(root, 'test/sim/races', name);

/** lib/job/random.ts comes from the seed, and pieces of other files may be replaced by wrong ones. */
function inPlaceOf(patches: readonly Patch[]): Plugin {
  return {
    name: 'in place of',
    setup(bundler) {
      bundler.onResolve({ filter: /\/random\.js$/ }, ({ resolveDir }) =>
        resolveDir.startsWith(join(root, 'lib')) ? { path: here('realm.ts') } : undefined,
      );
      bundler.onLoad({ filter: /\/lib\/.*\.ts$/ }, ({ path }) => {
        const name = relative(root, path).replaceAll('\\', '/');
        let contents = readFileSync(path, 'utf8');
        for (const { file, find, replace } of patches) {
          if (file !== name) continue;
          if (find === undefined) {
            contents = replace + contents;
            continue;
          }
          if (contents.split(find).length !== 2) throw new Error(`${name} has not exactly one "${find}"`);
          contents = contents.replace(find, () => replace);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** The code of a virtual process, with lib/ as it is but for the patches. */
export async function bundle(patches: readonly Patch[] = []): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [here('thread.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    logLevel: 'warning',
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'lib/index.ts')).href) },
    plugins: [inPlaceOf(patches)],
  });
  return (outputFiles[0] as { text: string }).text;
}

/** Threads that are one virtual process after another. */
export class Threads {
  readonly channels: Channel[] = [];
  readonly #workers: Worker[] = [];

  static async start(count: number, code: string): Promise<Threads> {
    const threads = new Threads();
    for (let i = 0; i < count; i++) {
      const channel = new Channel('scheduler');
      threads.channels.push(channel);
      threads.#workers.push(new Worker(code, { eval: true, execArgv: [], workerData: channel.shared }));
    }
    await Promise.all(threads.#workers.map((worker) => once(worker, 'online')));
    // The first word of each: it has nothing to do.
    for (const channel of threads.channels) channel.hear();
    return threads;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
