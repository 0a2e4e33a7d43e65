import { findInexact, tellInexact } from '../file/format/parse-json.js';
import { countText, durationText } from '../job/checks.js';
import type { EnqueueOptions } from '../job/job-options.js';
import { usageError } from './exit.js';
import { labelsOf } from './labels.js';

/** The options of a job as texts, for `add` and `schedule add`. */
export interface JobTexts {
  priority?: string;
  maxAttempts?: string;
  timeout?: string;
  group?: string;
  label?: string[];
}

/** Reads the options of a job. @throws CliError (usage), TsvqError `INVALID_ARGUMENT` */
export function jobOptionsOf({
  priority,
  maxAttempts,
  timeout,
  group,
  label,
}: JobTexts): Pick<EnqueueOptions, 'priority' | 'maxAttempts' | 'timeout' | 'group' | 'meta'> {
  return {
    ...(priority !== undefined && { priority: numberOf('--priority', priority) }),
    ...(maxAttempts !== undefined && { maxAttempts: countText('--max-attempts', maxAttempts) }),
    ...(timeout !== undefined && { timeout: durationText('--timeout', timeout) }),
    ...(group !== undefined && { group }),
    ...(label !== undefined && { meta: labelsOf(label) }),
  };
}

/** Reads a time: Unix seconds, or a text for the library. Fewer than nine digits are a year or a day, not seconds. */
export const instantOf = (text: string): string | number =>
  /^\d{9,}(\.\d+)?$/.test(text) ? Number(text) : text;

/** Reads a number. */
function numberOf(option: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw usageError(`${option} is ${JSON.stringify(text)}; it must be a number`);
  const inexact = findInexact(text);
  if (inexact !== undefined) throw usageError(tellInexact(inexact, option));
  return value;
}
