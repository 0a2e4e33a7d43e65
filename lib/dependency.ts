import { createRequire } from 'node:module';

let require: NodeJS.Require | undefined;

/**
 * Loads a module at its first use: most ticks of cron find nothing to do, and what they load is what they cost.
 *
 * @example papa ??= dependency<typeof Papa>('papaparse');
 */
export function dependency<Module>(name: string): Module {
  require ??= createRequire(import.meta.url);
  return require(name) as Module;
}
