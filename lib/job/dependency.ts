// Under another name: the banner that many an ES bundle needs declares a createRequire of its own.
import { createRequire as requireFrom } from 'node:module';
import { errorMessage, TsvqError } from './errors.js';

const modules = new Map<string, unknown>();

/**
 * Loads a module at its first use: most ticks of cron find nothing to do, and what they load is what they cost.
 *
 * @param visible requires it by a literal name: a bundler sees that, and Jest can mock it. An ES module in Node has no
 *   require; the module is then loaded from where this file is.
 * @throws TsvqError `NOT_INSTALLED`
 * @example papa ??= dependency<typeof Papa>('papaparse', () => require('papaparse'));
 */
export function dependency<Module>(name: string, visible: () => unknown): Module {
  if (!modules.has(name)) modules.set(name, load(name, visible));
  return modules.get(name) as Module;
}

function load(name: string, visible: () => unknown): unknown {
  try {
    return visible();
  } catch {
    // No require here, or one that an ES bundle has only for show.
  }
  try {
    return requireFrom(here())(name);
  } catch (cause) {
    throw notInstalled(name, cause);
  }
}

/** An error for a module of this package, or a dependency, that can't be loaded. @param name of it, or its path */
function notInstalled(name: string, cause: unknown): TsvqError {
  return new TsvqError(
    'NOT_INSTALLED',
    `${name}, which tsvq needs, can't be loaded from ${here()}: ${errorMessage(cause)}. ` +
      'If tsvq was replaced or removed while this process ran (npm install does that), restart this process. ' +
      'Otherwise install tsvq with its dependencies; for a bundle, see "Bundlers" in docs/operations.md.',
    { cause },
  );
}

/**
 * Waits for a part of this package that is loaded at its first use.
 *
 * @throws TsvqError `NOT_INSTALLED`
 * @example const { Changes } = await loaded('what changes the file', import('./commit/changes.js'));
 */
export async function loaded<Module>(what: string, loading: Promise<Module>): Promise<Module> {
  return loading.catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ERR_MODULE_NOT_FOUND' ? notInstalled(what, error) : error;
  });
}

/** Where this code is: an absolute path, or a URL. esbuild leaves import.meta empty in a bundle for CommonJS. */
export const here = (): string => import.meta.url ?? __filename;
