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
    const frames = String(error.stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, FRAMES);
    return [head, ...frames].map(cut).join('\n');
  } catch {
    return 'an error that could not be read';
  }
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
