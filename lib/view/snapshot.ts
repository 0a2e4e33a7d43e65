import type { Status } from '../job/job.js';
import type { Board, TypeBoard } from './board.js';
import { NO_ERROR } from './error-groups.js';
import { percentile } from './histogram.js';
import { addTo, noHour } from './minutes.js';

const HOUR_MS = 3_600_000;
/** How many running jobs, next retries and groups of errors a snapshot has at most. */
const MOST_JOBS = 20;
const MOST_GROUPS = 50;

/** How many jobs there are, of one type or of all. */
interface Counts extends Record<Exclude<Status, 'recurring'>, number> {
  /** Pending jobs whose time has come. */
  due: number;
  /** Pending jobs whose time has not come, and that have not failed yet. */
  later: number;
  /** Pending jobs that have failed, and wait for their next attempt. */
  retrying: number;
  /** Failed jobs that a person has seen. */
  dismissed: number;
  /** Jobs that failed in the last hour, without those. */
  failedLately: number;
  /** How long the oldest due job has waited, in ms; 0 if none is due. */
  oldestDue: number;
}

/** What happened in the last hour, of one type or of all. Times in ms; undefined if no job ended. */
interface Hour {
  readonly completed: number;
  readonly failed: number;
  /** How many jobs ended in each minute; the current one comes last. */
  readonly minutes: readonly number[];
  /** How many of them failed. */
  readonly failedMinutes: readonly number[];
  /** How long half of the jobs, and 95 % of them, ran at most. */
  readonly ran: { readonly p50: number | undefined; readonly p95: number | undefined };
  /** How long half of the jobs, and 95 % of them, were due at most before they started. */
  readonly waited: { readonly p50: number | undefined; readonly p95: number | undefined };
}

/** One type of job. */
export interface TypeSnapshot {
  readonly name: string;
  readonly counts: Counts;
  readonly hour: Hour;
}

/** Failed jobs whose errors have something in common. */
export interface FailureSnapshot {
  /** For `--error`, and the same in every process. */
  readonly id: string;
  readonly text: string;
  /** How many jobs; and how many of them failed in the last hour. */
  readonly jobs: number;
  readonly lastHour: number;
  /** The types of the jobs, the most frequent first. */
  readonly types: readonly string[];
  readonly newest: Date;
  /** The key of the job that failed last. */
  readonly newestKey: number;
}

/** What a view shows of a queue at one moment. */
export interface Snapshot {
  readonly at: Date;
  /** The number of jobs. */
  readonly total: number;
  readonly counts: Counts;
  readonly hour: Hour;
  /** By name. */
  readonly types: readonly TypeSnapshot[];
  /** The keys of the jobs that run, the longest first; the number of all is `counts.processing`. */
  readonly running: readonly number[];
  /** The keys of the jobs that are tried again, the next first; the number of all is `counts.retrying`. */
  readonly retries: readonly number[];
  /** The groups of failures that were not dismissed: those of the last hour first, then the largest. */
  readonly failures: readonly FailureSnapshot[];
}

/** Takes a snapshot. It costs a pass over the jobs that wait, run or have failed. @param now in ms since 1970 */
export function takeSnapshot(board: Board, now: number): Snapshot {
  const counts = new Map(board.types.map((type) => [type, countsOf(type)]));
  const all = none();
  const retries: number[] = [];
  board.pending.forEach((key) => {
    const state = board.pendingState(key, now);
    for (const each of [counts.get(board.type(key)) as Counts, all]) {
      each[state]++;
      if (state === 'due') each.oldestDue = Math.max(each.oldestDue, now - board.runAt(key));
    }
    if (state === 'retrying') retries.push(key);
  });
  for (const each of counts.values()) {
    for (const name of STATES) all[name] += each[name];
    all.dismissed += each.dismissed;
  }
  const running: number[] = [];
  board.running.forEach((key) => running.push(key));
  const types = board.types
    .filter((type) => STATES.some((name) => type.counts[name] > 0))
    .map((type) => ({ name: type.name, counts: counts.get(type) as Counts, hour: hourOf([type], now) }));
  return {
    at: new Date(now),
    total: STATES.reduce((sum, name) => sum + all[name], 0),
    counts: all,
    hour: hourOf(board.types, now),
    types: types.sort((a, b) => (a.name < b.name ? -1 : 1)),
    running: first(running, (key) => board.startedAt(key)),
    retries: first(retries, (key) => board.runAt(key)),
    failures: failuresOf(board, now, (key) => {
      (counts.get(board.type(key)) as Counts).failedLately++;
      all.failedLately++;
    }),
  };
}

const STATES = ['pending', 'processing', 'completed', 'failed', 'cancelled', 'waiting'] as const;

const none = (): Counts => ({
  ...{ pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, waiting: 0 },
  ...{ due: 0, later: 0, retrying: 0, dismissed: 0, failedLately: 0, oldestDue: 0 },
});

function countsOf({ counts, dismissed }: TypeBoard): Counts {
  const { recurring: _, ...jobs } = counts;
  return { ...none(), ...jobs, dismissed };
}

/** Returns the keys with the least values, in that order. */
function first(keys: number[], value: (key: number) => number): number[] {
  return keys.sort((a, b) => value(a) - value(b)).slice(0, MOST_JOBS);
}

function hourOf(types: readonly TypeBoard[], now: number): Hour {
  const sum = noHour();
  for (const { minutes } of types) {
    const hour = minutes?.lastHour(now);
    if (hour === undefined) continue;
    sum.completed += hour.completed;
    sum.failed += hour.failed;
    addTo(sum.minutes, hour.minutes);
    addTo(sum.failedMinutes, hour.failedMinutes);
    addTo(sum.ran, hour.ran);
    addTo(sum.waited, hour.waited);
  }
  return {
    completed: sum.completed,
    failed: sum.failed,
    minutes: [...sum.minutes],
    failedMinutes: [...sum.failedMinutes],
    ran: { p50: percentile(sum.ran, 0.5), p95: percentile(sum.ran, 0.95) },
    waited: { p50: percentile(sum.waited, 0.5), p95: percentile(sum.waited, 0.95) },
  };
}

/** @param onLate called for each job that failed in the last hour */
function failuresOf(board: Board, now: number, onLate: (key: number) => void): FailureSnapshot[] {
  const groups = new Map<
    number,
    { jobs: number; lastHour: number; newest: number; types: Map<string, number> }
  >();
  board.failed.forEach((key) => {
    if (board.isDismissed(key)) return;
    const number = board.group(key);
    const group = groups.get(number) ?? { jobs: 0, lastHour: 0, newest: key, types: new Map() };
    groups.set(number, group);
    group.jobs++;
    const finishedAt = board.finishedAt(key);
    if (finishedAt > now - HOUR_MS) {
      group.lastHour++;
      onLate(key);
    }
    if (!(finishedAt <= board.finishedAt(group.newest))) group.newest = key;
    const { name } = board.type(key);
    group.types.set(name, (group.types.get(name) ?? 0) + 1);
  });
  return [...groups]
    .sort(([, a], [, b]) => b.lastHour - a.lastHour || b.jobs - a.jobs)
    .slice(0, MOST_GROUPS)
    .map(([number, { jobs, lastHour, newest, types }]) => ({
      id: board.groups.get(number)?.id ?? NO_ERROR.id,
      text: board.groups.get(number)?.text ?? NO_ERROR.text,
      ...{ jobs, lastHour },
      types: [...types].sort(([, a], [, b]) => b - a).map(([name]) => name),
      newest: new Date(board.finishedAt(newest)),
      newestKey: newest,
    }));
}
