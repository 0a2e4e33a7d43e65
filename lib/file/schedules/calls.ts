import { TsvqError } from '../../job/errors.js';
import type { Added } from '../../job/job-options.js';
import { randomHex } from '../../job/random.js';
import type { Recurrence, Schedule, ScheduleSpec } from '../../job/schedule-spec.js';
import { slotsOf } from '../../schedule/slots.js';
import type { Transaction } from '../commit/transaction.js';
import { scheduleId } from '../format/derived-id.js';
import { labelsOf } from '../format/meta.js';
import { goesOnAfter, lastSlot, NEVER, readSchedule, type ScheduleRow } from '../format/schedule-row.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { eachJob } from '../index/rows.js';
import { cancel } from '../operations/cancel.js';
import type { Store } from '../store.js';
import { checkSchedule, type Declared, declare } from './declaration.js';
import { admitSlotJob, earlierJobs } from './slot-job.js';

/** How often rows are read again at most. */
const MOST_TRIES = 5;

/** Declares one schedule. @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`, and the store's errors */
export async function schedule(
  store: Store,
  name: string,
  spec: ScheduleSpec,
): Promise<Omit<Declared, 'name'>> {
  const [declared] = await declare(store, [checkSchedule(name, spec, store.options.maxPayload)]);
  const { id, nextRun, changed } = declared as Declared;
  return { id, nextRun, changed };
}

/** Removes a schedule. Its jobs stay. @returns false if there is none of this name */
export const unschedule = async (store: Store, name: string): Promise<boolean> =>
  cancel(store, scheduleId(name));

/** Stops a schedule from making jobs. @returns false if there is none of this name */
export async function pauseSchedule(store: Store, name: string): Promise<boolean> {
  return change(store, name, (tx, row) => {
    if (row.meta['@paused'] !== true) tx.change(row, { runAt: NEVER, meta: { '@paused': true } });
    return true;
  });
}

/** Lets a schedule go on at its next slot after now. @returns false if there is none of this name */
export async function resumeSchedule(store: Store, name: string): Promise<boolean> {
  const nextOf = ({ recurrence }: ScheduleRow, from: number): number =>
    slotsOf(recurrence, `schedule ${name}: `).next(from) ?? NEVER;
  const resume = (tx: Transaction, row: StoredJob, _: ScheduleRow, runAt = NEVER): boolean => {
    if (row.meta['@paused'] === true) tx.change(row, { runAt, meta: { '@paused': undefined } });
    return true;
  };
  return change(store, name, resume, nextOf);
}

/** Makes a job of a schedule now, beside its slots, by the rules of its overlap. @throws TsvqError `INVALID_ARGUMENT` */
export async function runNow(store: Store, name: string): Promise<Added> {
  const id = randomHex(8);
  const added = await change(store, name, (tx, row, schedule): Added => {
    tx.reliesOnRows = true;
    const earlier = earlierJobs(tx, row, schedule);
    const admitted = admitSlotJob(tx.now, row, schedule, { runAt: tx.now, earlier });
    if ('by' in admitted) return { id: admitted.by.id, outcome: 'existing' };
    for (const ended of admitted.cancelled)
      tx.change(ended, { status: 'cancelled', finishedAt: tx.now, lockedBy: '' });
    tx.add(admitted.fields, id);
    return { id, outcome: 'added' };
  });
  if (added) return added;
  throw new TsvqError('INVALID_ARGUMENT', `there is no schedule ${JSON.stringify(name)}; nothing was added`);
}

/**
 * Changes a schedule's row.
 *
 * @param run gets what `nextOf` returned
 * @param nextOf returns the first slot after a time. Only a call that needs it gives it, because it takes croner.
 * @returns false if there is no such schedule
 */
async function change<T>(
  store: Store,
  name: string,
  run: (tx: Transaction, row: StoredJob, schedule: ScheduleRow, next: number | undefined) => T,
  nextOf?: (schedule: ScheduleRow, from: number) => number,
): Promise<T | false> {
  const id = scheduleId(name);
  for (;;) {
    const [row] = await readRows(store, (index) => {
      const slot = index.find(id);
      return slot !== undefined && index.status(slot) === 'recurring' ? [slot] : [];
    });
    const schedule = row && readSchedule(row);
    if (row === undefined || schedule === undefined) return false;
    // Outside of the lock, because it loads croner.
    const next = nextOf?.(schedule, goesOnAfter(row, store.clock.now()));
    const done = await store.update('open', (tx) =>
      tx.isNewest(row) ? { result: run(tx, tx.job(id) as StoredJob, schedule, next) } : undefined,
    );
    if (done !== undefined) return done.result;
  }
}

/** Reads rows. One can be struck between its lookup and the read; then the file has a newer one, which is read. */
async function readRows(store: Store, pick: (index: JobIndex) => readonly number[]): Promise<StoredJob[]> {
  for (let tries = 0; ; tries++) {
    const index = await store.read('open');
    if (index === undefined) return [];
    const rows = [...eachJob(index, pick(index))];
    if (tries === MOST_TRIES || !rows.includes(undefined)) return rows.filter((row) => row !== undefined);
    await store.forget();
  }
}

/** Lists the schedules, by name. Rows that are no schedules are left out; see `queue doctor`. */
export async function listSchedules(store: Store): Promise<Schedule[]> {
  const found: Schedule[] = [];
  for (const row of await readRows(store, (index) => [...index.withStatus('recurring')])) {
    const schedule = readSchedule(row);
    if (schedule !== undefined) found.push(scheduleOf(row, schedule));
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function scheduleOf(row: StoredJob, { name, recurrence }: ScheduleRow): Schedule {
  const last = lastSlot(row);
  return {
    name,
    id: row.id,
    spec: specOf(row, recurrence),
    nextRun: row.runAt === NEVER ? undefined : new Date(row.runAt),
    lastSlot: last && new Date(last.slot * 1000),
    lastJob: last?.job,
    skipped: last?.skipped,
    fired: row.attempts,
    paused: row.meta['@paused'] === true,
  };
}

function specOf(row: StoredJob, recurrence: Recurrence): ScheduleSpec {
  const { cron, every, timezone, catchUp, catchUpWithin, overlap, jitter, startAt, endAt } = recurrence;
  const { type, priority, maxAttempts, timeout, group } = row;
  const meta = labelsOf(row.meta);
  const options = {
    ...(priority !== 0 && { priority }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(timeout !== undefined && { timeout }),
    ...(group !== '' && { group }),
    ...(Object.keys(meta).length > 0 && { meta }),
  };
  return {
    type,
    payload: row.toJob().payload,
    ...(cron !== undefined && { cron, timezone }),
    ...(every !== undefined && { every }),
    catchUp,
    ...((catchUp === 'all' || Number.isFinite(catchUpWithin)) && { catchUpWithin }),
    overlap,
    ...(jitter > 0 && { jitter }),
    ...(startAt !== undefined && { startAt: new Date(startAt) }),
    ...(endAt !== undefined && { endAt: new Date(endAt) }),
    ...(Object.keys(options).length > 0 && { options }),
  };
}
