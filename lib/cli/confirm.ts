import { createInterface } from 'node:readline/promises';
import { usageError } from './exit.js';

/** Asks the person at the terminal. @throws CliError (usage) without a terminal */
export async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw usageError('this is no terminal to ask at, so nothing was changed; give --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
