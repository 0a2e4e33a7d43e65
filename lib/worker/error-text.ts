import { inspect } from 'node:util';

const FRAMES = 3;
const LONGEST = 4000;

/**
 * What stays of an error in the file: name, message and the first frames of the stack. Never throws, whatever was
 * thrown.
 */
export function errorText(error: unknown): string {
  try {
    if (!(error instanceof Error)) return cut(typeof error === 'string' ? error : inspect(error));
    const head = `${error.name}: ${error.message}`;
    return [head, ...frames(String(error.stack ?? ''))].map(cut).join('\n');
  } catch {
    return 'an error that could not be read';
  }
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
