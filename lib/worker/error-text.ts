import { inspect } from 'node:util';

const FRAMES = 3;
const CAUSES = 3;
const LONGEST = 4000;

/**
 * What stays of an error in the file: name and message, those of its causes, and the first frames of the stack. Never
 * throws, whatever was thrown.
 */
export function errorText(error: unknown): string {
  try {
    if (!(error instanceof Error)) return cut(typeof error === 'string' ? error : inspect(error));
    return [headOf(error), ...causes(error), ...frames(String(error.stack ?? ''))].map(cut).join('\n');
  } catch {
    return 'an error that could not be read';
  }
}

/** A failed connection to several addresses has a code, and no message. */
function headOf({ name, message, code }: Error & { code?: unknown }): string {
  return `${name}: ${message || (typeof code === 'string' ? code : '')}`;
}

/** fetch says "fetch failed", and why is in the cause. */
function causes(error: Error): string[] {
  const found: string[] = [];
  for (let { cause } = error; cause !== undefined && found.length < CAUSES; ) {
    if (!(cause instanceof Error))
      return [...found, `caused by: ${typeof cause === 'string' ? cause : inspect(cause)}`];
    found.push(`caused by: ${headOf(cause)}`);
    ({ cause } = cause);
  }
  return found;
}

/** Looked for one by one: a stack begins with the message, which may have millions of lines. */
function frames(stack: string): string[] {
  const found: string[] = [];
  for (const [frame] of stack.matchAll(/^[ \t]+at .*/gm)) {
    found.push(frame);
    if (found.length === FRAMES) break;
  }
  return found;
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
