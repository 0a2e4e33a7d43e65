import { Option } from 'commander';
import { usageError } from './exit.js';

/** Makes the option `--label`, which may be given several times. Its value is an array of `NAME=VALUE`. */
export const labelOption = (description: string): Option =>
  new Option('--label <name=value>', description).argParser((text: string, others: string[] = []) => [
    ...others,
    text,
  ]);

/**
 * Returns the labels of `--label NAME=VALUE`. A value is always a text, also if it looks like a number, because what
 * finds a label has to be written like what made it.
 *
 * @throws CliError (usage) for one without a name or value, or a name that is given twice
 */
export function labelsOf(given: readonly string[]): Record<string, string> {
  const labels = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    if (at < 1) throw usageError(`--label is ${JSON.stringify(text)}; it must be NAME=VALUE`);
    const name = text.slice(0, at);
    if (labels.has(name)) throw usageError(`--label ${name} is given twice; a job has one value for a name`);
    labels.set(name, text.slice(at + 1));
  }
  return Object.fromEntries(labels);
}
