import { inspect } from 'node:util';
import { isError } from '../job/errors.js';

const FRAMES = 3;
const CAUSES = 3;
/** The least length of a cause's text to look for in the error's, because a shorter one may be there by chance. */
const TELLING = 8;
const LONGEST = 4000;

/**
 * Returns an error as text for the file: name and message, its causes, and the first stack frames.
 * Never throws, whatever the error is.
 *
 * @param notes lines between causes and frames
 */
export function errorText(error: unknown, notes: readonly string[] = []): string {
  return linesOf(error, notes).map(cut).join('\n');
}

function linesOf(error: unknown, notes: readonly string[]): string[] {
  try {
    if (!isError(error))
      return [typeof error === 'string' && error !== '' ? error : inspect(error), ...notes];
    const head = headOf(error);
    return [head, ...causes(error, head), ...notes, ...frames(String(error.stack ?? ''))];
  } catch {
    return ['an error that could not be read', ...notes];
  }
}

/** Returns an error's name and message. A failed connection to several addresses has only a code. */
function headOf({ name, message, code }: Error & { code?: unknown }): string {
  return `${name}: ${message || (typeof code === 'string' ? code : '')}`;
}

const textOf = (reason: unknown): string =>
  isError(reason) ? headOf(reason) : typeof reason === 'string' ? reason : inspect(reason);

/** Lists an error's causes, because fetch's reason is only there. Leaves out known text and unreadable causes. */
function causes(error: Error, head: string): string[] {
  const found: string[] = [];
  try {
    // Promise.any's own message says nothing about the reasons.
    const reasons: unknown[] = isAggregate(error) ? error.errors.slice(0, CAUSES) : [];
    for (const reason of reasons) found.push(`caused by: ${textOf(reason)}`);
    let { cause } = error;
    for (let depth = 0; cause !== undefined && cause !== null && depth < CAUSES; depth++) {
      const text = textOf(cause);
      const said = isError(cause) ? cause.message : text;
      if (said.length < TELLING || !head.includes(said)) found.push(`caused by: ${text}`);
      cause = isError(cause) ? cause.cause : undefined;
    }
  } catch {
    // The error itself matters more.
  }
  return found;
}

/** True for an AggregateError. In Jest, Node's own isn't an instance. */
const isAggregate = (error: Error): error is AggregateError =>
  error instanceof AggregateError || error.name === 'AggregateError';

/** Returns the first frames of a stack, found one by one, because a message of millions of lines may precede them. */
function frames(stack: string): string[] {
  const found: string[] = [];
  for (const [frame] of stack.matchAll(/^[ \t]+at .*/gm)) {
    found.push(frame);
    if (found.length === FRAMES) break;
  }
  return found;
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
