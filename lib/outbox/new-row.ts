import { checkFields, type JobRequest, type NewJobRules } from '../file/operations/new-job.js';
import { invalid, onlyKnown } from '../job/checks.js';
import type { DefaultJobs } from '../job/job.js';
import { type QueueOptions, resolveQueueOptions } from '../job/queue-options.js';

/**
 * The options of an outbox: those of its queue that its jobs are checked by.
 *
 * @example
 * const outbox = sqliteOutbox(db, { maxPayload: 4_194_304 });
 */
export interface OutboxOptions<Jobs = DefaultJobs> {
  /** The largest payload, in bytes of JSON, as of {@link QueueOptions}. Default 1 MiB. */
  maxPayload?: QueueOptions['maxPayload'];
  /** The default options of job types, as of {@link QueueOptions}. Default: none. */
  defaults?: QueueOptions<Jobs>['defaults'];
}

/** Checks the options of an outbox. @throws TsvqError `INVALID_ARGUMENT` */
export function resolveOutboxOptions(options: OutboxOptions): NewJobRules {
  onlyKnown('options', options, ['maxPayload', 'defaults']);
  const { maxPayload, defaults } = resolveQueueOptions(options);
  return { maxPayload, defaults };
}

/** The values of a new row, in the order of its columns: type, payload, options, created_at. */
export type NewRow = readonly [type: string, payload: string, options: string, createdAt: number];

/**
 * Checks a job like `enqueue`, and makes its row.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
 */
export function newRow(request: JobRequest, now: number, rules: NewJobRules): NewRow {
  const { options = {} } = request;
  const { fields } = checkFields(request, now, rules, '');
  if (options.onDuplicate === 'reject')
    throw invalid('onDuplicate', 'reject', 'another one in an outbox: the transaction is over by then');
  const json = JSON.stringify(options, (_, value: unknown) =>
    // JSON has no Infinity, and durations may be texts.
    value === Number.POSITIVE_INFINITY ? 'Infinity' : value,
  );
  return [fields.type, fields.payload, json, now / 1000];
}
