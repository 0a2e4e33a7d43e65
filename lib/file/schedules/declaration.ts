import { invalid, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { checkName } from '../../job/name.js';
import type { Recurrence, ScheduleSpec } from '../../job/schedule-spec.js';
import { checkRecurrence, noteOf } from '../../schedule/recurrence.js';
import { slotsOf } from '../../schedule/slots.js';
import type { Transaction } from '../commit/transaction.js';
import type { NewJobFields } from '../format/columns.js';
import { declaredText } from '../format/declared-text.js';
import { scheduleId } from '../format/derived-id.js';
import { newLayout } from '../format/layout.js';
import type { Meta } from '../format/meta.js';
import { goesOnAfter, NEVER } from '../format/schedule-row.js';
import { StoredJob } from '../format/stored-job.js';
import { checkFields } from '../operations/new-job.js';
import type { Store } from '../store.js';

/** A checked declaration of a schedule. */
export interface Declaration {
  readonly name: string;
  readonly recurrence: Recurrence;
  readonly fields: Omit<NewJobFields, 'createdAt' | 'runAt'> & { readonly meta: Meta };
  /** See {@link declaredText}. */
  readonly text: string;
}

const OPTIONS = ['priority', 'maxAttempts', 'timeout', 'group', 'meta'] as const;
const SPEC = [
  ...['type', 'payload', 'cron', 'every', 'timezone', 'catchUp', 'catchUpWithin', 'overlap', 'jitter'],
  ...['startAt', 'endAt', 'options'],
];

/**
 * Checks schedules as far as that takes neither croner nor the file, because a worker declares its schedules at each
 * start. {@link declare} checks the rest of new ones.
 *
 * @param maxPayload in bytes of JSON
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
 */
export function checkSchedules(
  specs: Readonly<Record<string, ScheduleSpec | undefined>>,
  maxPayload: number,
): Declaration[] {
  if (typeof specs !== 'object' || specs === null || Array.isArray(specs))
    throw invalid('schedules', specs, 'an object: a schedule for each name');
  return Object.entries(specs).flatMap(([name, spec]) =>
    spec === undefined ? [] : [checkSchedule(name, spec, maxPayload)],
  );
}

/** Checks one schedule like {@link checkSchedules}. */
export function checkSchedule(name: string, spec: ScheduleSpec, maxPayload: number): Declaration {
  checkName('the name of a schedule', name);
  const where = `schedule ${name}: `;
  onlyKnown(`schedule ${name}`, spec, SPEC);
  const { type, payload, options = {} } = spec;
  onlyKnown(`${where}options`, options, OPTIONS);
  const recurrence = checkRecurrence(spec, where);
  const job = checkFields({ type, payload, options }, 0, { maxPayload, defaults: {} }, where).fields;
  const meta: Meta = { ...job.meta, '@schedule': { name, ...noteOf(recurrence) } };
  const row = StoredJob.first('', { ...job, meta: { ...meta, '@paused': true } }, newLayout());
  if (row.meta['@paused'] !== true)
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `${where}options.meta leaves no room for the schedule's own note`,
    );
  const { layout } = row;
  const text = declaredText((column) => row.row[layout.at[column]] ?? '');
  const { priority, maxAttempts, timeout, group = '' } = job;
  return {
    name,
    recurrence,
    fields: { ...{ type, payload: job.payload, priority, maxAttempts, timeout, group }, meta },
    text,
  };
}

/** What came of a declaration. */
export interface Declared {
  readonly name: string;
  /** The id of the schedule's row. */
  readonly id: string;
  /** The next slot; undefined if it is paused, or none comes. */
  readonly nextRun: Date | undefined;
  /** False if the schedule was there, with this spec. */
  readonly changed: boolean;
}

/**
 * Declares schedules, in one commit. One that was removed, or has another spec, goes on with this spec from now; a slot
 * that is due already stays due. Nothing is written if all are there.
 *
 * @throws TsvqError `INVALID_ARGUMENT` for an expression or time zone that can't be used, and the store's errors
 */
export async function declare(store: Store, declarations: readonly Declaration[]): Promise<Declared[]> {
  const wanted = declarations.map((declaration) => ({
    declaration,
    id: scheduleId(declaration.name),
    slots: slotsOf(declaration.recurrence, `schedule ${declaration.name}: `),
  }));
  const index = await store.read('open');
  // One that was removed may be in the sealed part, and goes on with its next version.
  const isKnown = index !== undefined && wanted.every(({ id }) => index.find(id) !== undefined);
  const now = store.clock.now();
  const from = new Map(wanted.map(({ id }) => [id, now]));
  for (;;) {
    // Outside of the lock, because it loads croner.
    const first = new Map(wanted.map(({ id, slots }) => [id, slots.next(from.get(id) ?? now)]));
    const declared = await store.update(isKnown ? 'open' : 'all', (tx) => {
      const later = wanted.map(({ id }) => [id, goesOnAfter(tx.job(id), now)] as const);
      if (later.some(([id, after]) => after > (from.get(id) ?? now))) {
        for (const [id, after] of later) from.set(id, after);
        return undefined;
      }
      // What is found may be another process's, and not durable yet.
      tx.reliesOnRows = true;
      return wanted.map(({ declaration, id }) => declareOne(tx, declaration, id, first.get(id) ?? NEVER));
    });
    if (declared !== undefined) return declared;
  }
}

function declareOne(
  tx: Transaction,
  { name, fields, text }: Declaration,
  id: string,
  first: number,
): Declared {
  const before = tx.job(id);
  const told = (runAt: number, changed: boolean): Declared => ({
    ...{ name, id, changed },
    nextRun: runAt === NEVER ? undefined : new Date(runAt),
  });
  if (before === undefined) {
    tx.add({ ...fields, status: 'recurring', createdAt: tx.now, runAt: first }, id);
    return told(first, true);
  }
  const isThere = before.status === 'recurring';
  if (isThere && declaredText((column) => before.row[before.layout.at[column]] ?? '') === text)
    return told(before.runAt, false);
  const isPaused = isThere && before.meta['@paused'] === true;
  const runAt = isPaused ? NEVER : isThere && before.runAt <= tx.now ? before.runAt : first;
  const others = Object.keys(before.meta).filter((label) => !Object.hasOwn(fields.meta, label));
  tx.change(before, {
    ...fields,
    status: 'recurring',
    runAt,
    finishedAt: undefined,
    meta: {
      ...Object.fromEntries(others.map((label) => [label, undefined])),
      ...fields.meta,
      ...(isPaused && { '@paused': true }),
    },
  });
  return told(runAt, true);
}
