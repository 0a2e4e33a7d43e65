import { errorMessage, TsvqError } from '../../job/errors.js';
import type { AttemptLog } from '../../runner/attempt-log.js';
import type { StepJournal } from '../../runner/step-journal.js';
import { storeError } from '../disk/fs.js';
import { toJson } from '../format/json.js';
import { JobLogs, MAX_LOG } from '../job-files/job-log.js';
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

/** Returns the tools of all attempts of a worker. @param warn tells the worker's log, once for each kind of trouble */
export function attemptTools(store: Store, warn: (message: string) => void): AttemptTools {
  const { clock, fs, options } = store;
  let logs: JobLogs | undefined;
  const jobLogs = (): JobLogs =>
    new JobLogs({
      ...{ fs, clock, queueFile: store.realPath, maxLog: MAX_LOG },
      onLoss: (path, error) => warn(`lines of ${path} are lost: ${errorMessage(storeError(error, path))}`),
    });
  return {
    now: clock.now,
    rules: options,
    journal: (id) => new StepsFile(store, id),
    log: (id, attempt) => {
      logs ??= jobLogs();
      return logs.of(id, attempt);
    },
  };
}

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
