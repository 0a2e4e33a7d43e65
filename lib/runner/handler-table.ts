import { invalid, onlyKnown } from '../job/checks.js';
import { checkName } from '../job/name.js';
import { type CheckedPolicy, checkPolicy, POLICY_OPTIONS } from '../job/policy.js';
import type { Handler, HandlerEntries, HandlerEntry } from './handler.js';

/** A checked {@link HandlerEntry}. */
export interface CheckedEntry {
  readonly handler: Handler;
  readonly policy: CheckedPolicy;
}

const ENTRY_OPTIONS = ['handler', ...POLICY_OPTIONS];

/** True for `{}` or a module, whose functions are all their own properties. */
const isPlain = (value: object): boolean => [null, Object.prototype].includes(Object.getPrototypeOf(value));

/** Checks the handlers of a worker and their policies, by type. @throws TsvqError `INVALID_ARGUMENT` */
export function checkHandlers(handlers: Partial<HandlerEntries>): Map<string, CheckedEntry> {
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers)) {
    throw invalid('handlers', handlers, 'an object of functions, one per job type');
  }
  const table = new Map<string, CheckedEntry>();
  if (Object.keys(handlers).length === 0 && !isPlain(handlers)) {
    throw invalid(
      'handlers',
      handlers,
      'an object with functions as its own properties, because methods of a class are not seen',
    );
  }
  for (const [type, entry] of Object.entries(handlers)) {
    checkName('the name of a handler', type);
    if (entry !== undefined) table.set(type, checkEntry(`handlers.${type}`, entry));
  }
  return table;
}

function checkEntry(name: string, entry: HandlerEntry): CheckedEntry {
  if (typeof entry === 'function') return { handler: entry, policy: checkPolicy(name, {}) };
  if (typeof entry !== 'object' || entry === null)
    throw invalid(name, entry, 'a function, or an object with a handler');
  onlyKnown(name, entry, ENTRY_OPTIONS);
  const { handler } = entry;
  if (typeof handler !== 'function') throw invalid(`${name}.handler`, handler, 'a function');
  return { handler, policy: checkPolicy(name, entry) };
}
