// Imported under another name, because the banner of many ES bundles declares its own createRequire.
import { createRequire as requireFrom } from 'node:module';
import { errorMessage, TsvqError } from './errors.js';

const modules = new Map<string, unknown>();

/**
 * Loads a module at its first use, because most cron ticks find nothing to do, and their cost is what they load.
 *
 * @param visible a function that requires the module by a literal name, which a bundler sees and Jest can mock. An ES
 *   module in Node has no require; then the module is loaded from this file's place.
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
    // There is no require here, or only that of an ES bundle, which throws.
  }
  try {
    return requireFrom(here())(name);
  } catch (cause) {
    throw notInstalled(name, cause);
  }
}

/** Makes an error for a module of the package or a dependency that can't load. @param name name or path */
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
 * Waits for a part of this package to load at its first use.
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

/** Returns this code's absolute path or URL. esbuild leaves import.meta empty in a CommonJS bundle. */
export const here = (): string => import.meta.url ?? __filename;
