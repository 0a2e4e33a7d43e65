import { TsvqError } from '../../job/errors.js';
import type { AttemptLog } from '../../runner/attempt-log.js';
import { MemoryLog } from '../../runner/memory-log.js';
import type { StepJournal } from '../../runner/step-journal.js';
import { toJson } from '../format/json.js';
import { StepsFile } from '../job-files/steps-file.js';
import type { NewJobRules } from '../operations/new-job.js';
import type { Store } from '../store.js';

/** What a claimed job's context needs of its queue. */
export interface AttemptTools {
  readonly now: () => number;
  readonly rules: NewJobRules;
  journal(id: string): StepJournal;
  log(id: string, attempt: number): AttemptLog;
}

/** Returns the tools of all attempts of a worker. */
export const attemptTools = (store: Store): AttemptTools => ({
  now: store.clock.now,
  rules: store.options,
  journal: (id) => new StepsFile(store, id),
  log: () => new MemoryLog(),
});

/** Returns the result of a step as JSON text. @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE` */
export function encodeResult(result: unknown, name: string, { maxPayload }: NewJobRules): string {
  if (result === undefined) return '';
  const json = toJson(result, name);
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxPayload) return json;
  throw new TsvqError(
    'PAYLOAD_TOO_LARGE',
    `${name} is ${bytes} bytes as JSON; the limit is ${maxPayload}. Store it elsewhere, and return its address.`,
  );
}
