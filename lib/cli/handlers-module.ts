import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WorkerOptions } from '../job/options.js';
import type { HandlerEntries, HandlerEntry } from '../runner/handler.js';
import { CliError, EXIT, notFound, usageError } from './exit.js';
import { say } from './output.js';

/** Node's exit code if a top-level await was still waiting. */
const UNSETTLED = 13;

/** What a module has for a worker. */
interface Loaded {
  readonly handlers: HandlerEntries;
  readonly schedules: WorkerOptions['schedules'];
}

/**
 * Imports a module with handlers.
 *
 * @throws CliError if there is no such module, it can't be imported, or has no handlers; and what the module throws
 */
export async function load(file: string): Promise<Loaded> {
  const path = resolve(file);
  let module: Record<string, unknown>;
  // Node ends silently with this code if nothing is left that the module could wait for.
  const onExit = (): void => {
    if (process.exitCode === UNSETTLED)
      say(`${path} waits for ever: it awaits something at its top level that never comes`);
  };
  process.on('exit', onExit);
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof Error)) throw new CliError(EXIT.failed, `${path} threw ${String(error)}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw usageError(`this node can't import ${path}; try: NODE_OPTIONS='--import tsx' queue work ${file}`);
    }
    if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' && message.includes(`'${path}'`)) {
      throw usageError(`${path} is a directory; name the module in it`);
    }
    // Node prints the place of a syntax error only for the main program, so this error doesn't name it.
    if (error instanceof SyntaxError && !error.stack?.replaceAll(import.meta.url, '').includes('file:')) {
      throw new CliError(EXIT.failed, `can't import ${path}: ${message}; to see where: node ${file}`);
    }
    // The module itself is missing, not one that it imports.
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${path}' imported from`)) {
      throw notFound(`there is no module at ${path}`);
    }
    throw error;
  } finally {
    process.off('exit', onExit);
  }
  const { handlers, schedules } = read(exportsOf(module));
  if (Object.keys(handlers).length === 0) {
    throw usageError(
      `${path} exports no handlers: neither functions by name (or objects with a handler), nor an object of them as default or as handlers`,
    );
  }
  return { handlers, schedules };
}

/** Takes handlers and schedules from a module's exports. */
function read(exported: Record<string, unknown>): Loaded {
  const named = Object.entries(exported).filter(([name, value]) => isEntry(name, value));
  const inDefault = entriesOf(exported.default);
  // A function, or an object with a handler, is the handler of a type that is called schedules.
  const isSchedules = ([name, value]: [string, unknown]): boolean =>
    name === 'schedules' && !isEntry(name, value);
  const [, schedules] = [...Object.entries(exported), ...inDefault].find(isSchedules) ?? [];
  const others = inDefault.filter((entry) => !isSchedules(entry));
  const handlers = Object.fromEntries([...named, ...entriesOf(exported.handlers), ...others]);
  return {
    handlers: handlers as Record<string, HandlerEntry>,
    schedules: schedules as Loaded['schedules'],
  };
}

const entriesOf = (table: unknown): [string, unknown][] =>
  typeof table === 'object' ? Object.entries(table ?? {}) : [];

/** The names of exports that are tables of handlers; the last one is the default export of CommonJS, in newer Nodes. */
const TABLES = ['default', 'handlers', 'module.exports'];

/** True if an export is the handler of the type that it is named after, or an object with the handler. */
function isEntry(name: string, value: unknown): boolean {
  if (typeof value === 'function') return name !== 'default';
  if (typeof value !== 'object' || value === null || TABLES.includes(name)) return false;
  return typeof (value as { handler?: unknown }).handler === 'function';
}

/** Returns a module's exports. In CommonJS the default export has all of them; the named ones may be only some. */
function exportsOf(module: Record<string, unknown>): Record<string, unknown> {
  const { default: main, ...named } = module;
  if (typeof main !== 'object' || main === null) return module;
  const table = main as Record<string, unknown>;
  const isCommonJs =
    '__esModule' in table ||
    typeof table.handlers === 'object' ||
    Object.entries(named).some(([name, value]) => Object.hasOwn(table, name) && table[name] === value);
  return isCommonJs ? { ...named, ...table } : module;
}
