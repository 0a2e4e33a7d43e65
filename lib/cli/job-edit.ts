import { parseJson } from '../file/format/parse-json.js';
import type { JobEdit } from '../file/operations/edit.js';
import { onlyKnown } from '../job/checks.js';
import { TsvqError } from '../job/errors.js';
import type { Job } from '../job/job.js';
import { exactSpan, toSafeJson } from '../view/text.js';
import { usageError } from './exit.js';

/** Writes a job as the text that `queue edit` opens. */
export function writeJobText(job: Job): string {
  const { id, type, status, attempts, payload, runAt, priority, maxAttempts, timeout, group, meta } = job;
  const isWaiting = status === 'pending' || status === 'waiting';
  const values = {
    payload,
    ...(isWaiting && { runAt }),
    priority,
    maxAttempts: maxAttempts ?? null,
    timeout: timeout === undefined ? null : exactSpan(timeout),
    group: group ?? null,
    meta,
  };
  return `# Job ${id} of type ${type}: ${status}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} so far.
# Save it to write the job's next version. Leave it as it is to change nothing. null stands for the default.
# Lines that begin with # are ignored.
${toSafeJson(values, 2)}
`;
}

/** Reads an edited job. @throws CliError (usage), TsvqError `INVALID_ARGUMENT` */
export function readJobText(text: string): JobEdit {
  const json = text.replaceAll(/^#.*$/gm, '');
  const values = objectOf(json);
  onlyKnown('the job', values, ['payload', 'runAt', 'priority', 'maxAttempts', 'timeout', 'group', 'meta']);
  const { payload, ...options } = values;
  if (payload === undefined) throw usageError('the text has no "payload"; null stands for none');
  const given = Object.entries(options).filter(([, value]) => value !== null);
  return { payload, options: Object.fromEntries(given) as JobEdit['options'] };
}

function objectOf(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(json, 'the text');
  } catch (error) {
    if (error instanceof TsvqError) throw error;
    throw usageError(`the text is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError('the text is not an object in braces: { "payload": … }');
  return value as Record<string, unknown>;
}
