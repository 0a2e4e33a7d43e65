import { createRequire } from 'node:module';
import { errorMessage, TsvqError } from './errors.js';

let require: NodeJS.Require | undefined;

/**
 * Loads a module at its first use: most ticks of cron find nothing to do, and what they load is what they cost.
 *
 * @throws TsvqError `PACKAGE_REPLACED` if it is gone
 * @example papa ??= dependency<typeof Papa>('papaparse');
 */
export function dependency<Module>(name: string): Module {
  require ??= createRequire(import.meta.url);
  try {
    return require(name) as Module;
  } catch (error) {
    throw loadingError(error);
  }
}

/** What loading a part of this package, or a dependency, failed with: told as such if the module is gone. */
export function loadingError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') return error;
  const [, module = 'a module'] = errorMessage(error).match(/'([^']+)'/) ?? [];
  return new TsvqError(
    'PACKAGE_REPLACED',
    `${module} is not there any more: tsvq was replaced or removed while this process ran (npm install does that); ` +
      'restart this process. If that does not help, install tsvq again',
    { cause: error },
  );
}
