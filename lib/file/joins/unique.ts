import { TsvqError } from '../../job/errors.js';
import { isFinal } from '../../job/job.js';
import type { Added, Dedupe } from '../../job/job-options.js';
import type { NewJobFields } from '../format/columns.js';
import type { FollowUp } from '../format/follow-ups.js';
import { keyName } from '../format/key-name.js';
import type { Layout } from '../format/layout.js';
import { otherLabels, RETRIED_META } from '../format/meta.js';
import { type Change, StoredJob } from '../format/stored-job.js';
import { brief } from '../format/text.js';

/** The view of the queue that these decisions need: a transaction's. */
export interface KeyView {
  readonly layout: Layout;
  /** Returns the newest rows of the jobs with a key, as this change finds them. */
  withKey(type: string, key: string): StoredJob[];
  /** Returns the row that an earlier try of this change has written for a job. */
  written(id: string): StoredJob | undefined;
}

/** A checked job to add, with the id that it gets if it is added. The id stays when the decision is made again. */
export interface Wanted {
  readonly id: string;
  readonly fields: NewJobFields;
  /** What its key means; undefined if it has none. */
  readonly dedupe: Dedupe | undefined;
}

/**
 * Decides what comes of jobs that have keys: each is added, or is a duplicate of one in the file or before it in the
 * list. The key's holder is the job itself, so there is no lock object that could be left behind.
 *
 * @returns an outcome for each job, and the rows to write
 * @throws TsvqError `DUPLICATE_JOB` with all conflicts
 */
export function addUnique(view: KeyView, jobs: readonly Wanted[]): { added: Added[]; rows: StoredJob[] } {
  const drafts = new Drafts(view);
  const conflicts: StoredJob[] = [];
  const added = jobs.map((job): Added => {
    const { id, dedupe } = job;
    const written = view.written(id);
    if (written !== undefined || dedupe === undefined) {
      drafts.put(written ?? StoredJob.first(id, job.fields, view.layout));
      return { id, outcome: 'added' };
    }
    const holders = drafts.holdersOf(job.fields).filter((holder) => counts(holder, dedupe));
    const newest = newestOf(holders);
    if (newest === undefined) return drafts.add(job, dedupe);
    if (dedupe.onDuplicate === 'reject') conflicts.push(newest);
    if (dedupe.onDuplicate === 'reject' || dedupe.onDuplicate === 'return')
      return { id: newest.id, outcome: 'existing' };
    const queued = newestOf(holders.filter(({ status }) => status === 'pending' || status === 'waiting'));
    if (queued !== undefined) return drafts.change(queued, job.fields, dedupe);
    const running = newestOf(holders.filter(({ status }) => status === 'processing'));
    return drafts.add(job, dedupe, running);
  });
  if (conflicts.length > 0) throw duplicates(conflicts, drafts);
  return { added, rows: drafts.rows };
}

/**
 * Returns the follow-ups of a job that completes, with null for each whose key another open job has.
 *
 * @param parent the id of the job, which no longer counts
 */
export function withoutDuplicates(
  view: KeyView,
  parent: string,
  followUps: readonly FollowUp[],
): readonly FollowUp[] {
  const taken = new Set<string>();
  return followUps.map((job) => {
    if (job?.dedupeKey === undefined) return job;
    const { type, dedupeKey } = job;
    const name = keyName(type, dedupeKey);
    const isTaken = view
      .withKey(type, dedupeKey)
      .some((other) => other.id !== parent && counts(other, ACTIVE));
    if (isTaken || taken.has(name)) return null;
    taken.add(name);
    return job;
  });
}

/** The rows that one call asks for. A job has at most one, because a commit can't have two of a job. */
class Drafts {
  readonly #view: KeyView;
  readonly #byId = new Map<string, StoredJob>();
  /** The drafts with a key, by type and key. */
  readonly #byKey = new Map<string, Set<string>>();
  /** The jobs of the file with the key that was asked for last, because many in a row may have one, and rows be large. */
  #last: { readonly name: string; readonly jobs: readonly StoredJob[] } | undefined;

  constructor(view: KeyView) {
    this.#view = view;
  }

  get rows(): StoredJob[] {
    return [...this.#byId.values()];
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  put(row: StoredJob): void {
    this.#byId.set(row.id, row);
    const { dedupeKey } = row;
    if (dedupeKey === '') return;
    const name = keyName(row.type, dedupeKey);
    this.#byKey.set(name, (this.#byKey.get(name) ?? new Set()).add(row.id));
  }

  /** Returns the jobs with the key of a new one: those of the file, and those of this call. */
  holdersOf({ type, dedupeKey = '' }: NewJobFields): StoredJob[] {
    const name = keyName(type, dedupeKey);
    if (this.#last?.name !== name) this.#last = { name, jobs: this.#view.withKey(type, dedupeKey) };
    const own = this.#byKey.get(name) ?? new Set();
    const others = this.#last.jobs.filter(({ id }) => !own.has(id));
    return [...others, ...[...own].map((id) => this.#byId.get(id) as StoredJob)];
  }

  /** Adds a job. @param parent the job that runs with the same key, for whose end it waits */
  add({ id, fields }: Wanted, { maxDelay }: Dedupe, parent?: StoredJob): Added {
    const runAt = Math.min(fields.runAt, fields.createdAt + maxDelay);
    const after = parent && ({ status: 'waiting', after: { ids: [parent.id], else: 'run' } } as const);
    this.put(StoredJob.first(id, { ...fields, runAt, ...after }, this.#view.layout));
    return { id, outcome: 'added' };
  }

  /** Gives a job that has not begun the values of a new one. */
  change(job: StoredJob, fields: NewJobFields, { onDuplicate, maxDelay }: Dedupe): Added {
    const { id, createdAt, status, after } = job;
    const runAt = onDuplicate === 'update' ? job.runAt : Math.min(fields.runAt, createdAt + maxDelay);
    const isNew = this.has(id) && job.from === undefined;
    if (isNew)
      this.put(
        StoredJob.first(id, { ...fields, createdAt, runAt, status, ...(after && { after }) }, job.layout),
      );
    else {
      // A draft of this call is made again from the row in the file.
      const base = (this.has(id) ? job.from : undefined) ?? job;
      this.put(base.next(changeTo(base, { ...fields, runAt })));
    }
    return { id, outcome: onDuplicate === 'update' ? 'updated' : 'replaced' };
  }
}

/** Returns the change that gives a job a new one's values, and all its attempts. */
function changeTo(job: StoredJob, fields: NewJobFields): Change {
  const { payload, runAt, priority, maxAttempts, timeout, group = '', meta = {} } = fields;
  return {
    payload,
    runAt,
    priority,
    maxAttempts,
    timeout,
    group,
    forgiven: job.attempts,
    meta: { ...RETRIED_META, ...otherLabels(job.meta, meta) },
  };
}

/** The scope of follow-ups, and of a retry. */
export const ACTIVE: Pick<Dedupe, 'scope'> = { scope: 'active' };

/** True if a job with the key counts. */
export function counts({ status }: StoredJob, { scope }: Pick<Dedupe, 'scope'>): boolean {
  if (scope === 'kept') return true;
  return !isFinal(status) && !(scope === 'queued' && status === 'processing');
}

/** Returns the job that was created last; of two, the later one in the list. */
function newestOf(jobs: readonly StoredJob[]): StoredJob | undefined {
  return jobs.reduce<StoredJob | undefined>(
    (newest, job) => (newest === undefined || job.createdAt >= newest.createdAt ? job : newest),
    undefined,
  );
}

/** Makes the error of a call that is refused. */
function duplicates(conflicts: readonly StoredJob[], drafts: Drafts): TsvqError {
  const [first] = conflicts as [StoredJob];
  const { type, dedupeKey, id, status } = first;
  const what = drafts.has(id)
    ? `two jobs of type ${type} in this call have the key ${JSON.stringify(brief(dedupeKey))}`
    : `a job of type ${type} with the key ${JSON.stringify(brief(dedupeKey))} is ${status}: ${id}`;
  const more = conflicts.length > 1 ? `; ${conflicts.length - 1} more of this call are duplicates` : '';
  return new TsvqError('DUPLICATE_JOB', `${what}${more}; nothing was added`, {
    existing: [...new Set(conflicts.map((job) => job.id))].filter((other) => !drafts.has(other)),
  });
}
