import { invalid, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import {
  type EnqueueOptions,
  type ResolvedDefaults,
  resolveEnqueueOptions,
  withDefaults,
} from '../../job/job-options.js';
import { checkName } from '../../job/name.js';
import { randomHex } from '../../job/random.js';
import type { Tracing } from '../../job/tracing.js';
import type { NewJobFields } from '../format/columns.js';
import { toJson } from '../format/json.js';
import { type Labels, MOST_LABEL_BYTES } from '../format/meta.js';
import { hashOfJson } from '../format/sorted-json.js';
import type { Wanted } from '../joins/unique.js';

/** A job to add, as the caller describes it. */
export interface JobRequest {
  type: string;
  payload?: unknown;
  options?: EnqueueOptions | undefined;
}

/** What a {@link JobRequest} is checked by. */
export interface NewJobRules {
  /** The most bytes of a payload. */
  readonly maxPayload: number;
  readonly defaults: Readonly<ResolvedDefaults>;
  /** Undefined if jobs carry no trace. */
  readonly tracing?: Tracing | undefined;
}

/**
 * Checks a job, and draws the id that it gets if it is added. @param where the text before argument names in errors
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
 */
export function checkJob(request: JobRequest, now: number, rules: NewJobRules, where = ''): Wanted {
  const { fields, dedupe } = checkFields(request, now, rules, where);
  return { id: randomHex(8), fields, dedupe };
}

/** Checks a job like {@link checkJob}, without an id, which would load node:crypto. */
export function checkFields(
  request: JobRequest,
  now: number,
  { maxPayload, defaults, tracing }: NewJobRules,
  where: string,
): Omit<Wanted, 'id'> {
  if (typeof request !== 'object' || request === null) {
    throw invalid(where.slice(0, -1) || 'job', request, 'an object {type, payload, options}');
  }
  onlyKnown(where.slice(0, -1) || 'job', request, ['type', 'payload', 'options']);
  const { type: name, payload: value, options = {} } = request;
  const type = checkName(`${where}type`, name);
  const payload = toJson(value, `${where}payload`);
  const bytes = Buffer.byteLength(payload);
  if (bytes > maxPayload) {
    throw new TsvqError(
      'PAYLOAD_TOO_LARGE',
      `${where}payload of a job of type ${type} is ${bytes} bytes as JSON; the limit is ${maxPayload}. ` +
        'Store it elsewhere and enqueue its address, or raise maxPayload.',
    );
  }
  const given = withDefaults(options, defaults[type]);
  const { runAt, priority, maxAttempts, timeout, dedupe } = resolveEnqueueOptions(given, now, where);
  const fields: NewJobFields = { type, payload, createdAt: now, runAt, priority, maxAttempts, timeout };
  const { group, dedupeKey: key, meta } = given;
  const trace = tracing?.carrier();
  // Most jobs have none of these.
  if ((group ?? key ?? meta ?? trace) === undefined) return { fields, dedupe };
  const dedupeKey = key === true ? hashOfJson(payload) : key;
  return {
    fields: {
      ...fields,
      ...(group !== undefined && { group }),
      ...(dedupeKey !== undefined && { dedupeKey }),
      ...((meta ?? trace) !== undefined && {
        meta: {
          ...(meta !== undefined && labels(`${where}meta`, meta)),
          ...(trace !== undefined && { '@trace': trace }),
        },
      }),
    },
    dedupe,
  };
}

/**
 * Checks a follow-up like {@link checkJob}. What it does as a duplicate is fixed, because it is decided when its parent
 * completes: it is left out if an open job has its key.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
 */
export function checkFollowUp(request: JobRequest, now: number, rules: NewJobRules): Wanted {
  const { dedupe = 'active', onDuplicate = 'return' } = request.options ?? {};
  if (dedupe !== 'active') throw invalid('dedupe', dedupe, "'active' for a follow-up");
  if (onDuplicate !== 'return') throw invalid('onDuplicate', onDuplicate, "'return' for a follow-up");
  return checkJob(request, now, rules);
}

/** Checks labels, and copies them through JSON. @throws TsvqError `INVALID_ARGUMENT` */
function labels(name: string, value: unknown): Labels {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(name, value, 'an object of labels');
  const json = toJson(value, name);
  const bytes = Buffer.byteLength(json);
  if (bytes > MOST_LABEL_BYTES)
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${name} is ${bytes} bytes as JSON; the limit is ${MOST_LABEL_BYTES}. Put it into the payload.`,
    );
  const copy = JSON.parse(json) as Labels;
  const own = Object.keys(copy).find((label) => label.startsWith('@'));
  if (own !== undefined)
    throw invalid(`${name}[${JSON.stringify(own)}]`, copy[own], "left out: names with @ are the queue's own");
  return copy;
}
