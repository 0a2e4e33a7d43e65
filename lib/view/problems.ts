import { dirname, join } from 'node:path';
import type { Health } from '../job/health.js';
import type { Snapshot, TypeSnapshot } from './snapshot.js';
import { isoSeconds, size, span } from './text.js';

/** The kinds of problems, for programs; they stay the same. */
export const PROBLEM_CODES = [
  'obstacle',
  'no-worker',
  'worker-ahead',
  'late',
  'failing',
  'failed',
  'paused',
  'unreadable',
  'dated-ahead',
  'orphaned',
  'short-of-room',
  'other',
] as const;

/** Something that a person should look at. */
export interface Problem {
  /** For programs; it stays the same. */
  readonly code: (typeof PROBLEM_CODES)[number];
  /** One sentence without a full stop. */
  readonly text: string;
  /** What to do, or undefined if the text says it. */
  readonly hint: string | undefined;
  /** The type of the jobs that it is about, and the group of their errors; undefined if it is about others. */
  readonly type?: string;
  readonly group?: string;
}

/** From what on something is a problem. */
export interface Patience {
  /** The longest time without a worker, and the longest wait of a due job, in ms. */
  readonly maxAge: number;
  /** How many failed jobs are acceptable. */
  readonly maxFailed: number;
}

/** A type fails if so many of its jobs ended in the last hour, and so large a share of them failed. */
const LEAST_ENDED = 5;
const FAILING_SHARE = 0.25;
/** After so long, a person may have forgotten a pause. */
const FORGOTTEN_MS = 86_400_000;

/** Finds what is wrong with a queue, the worst first. All views and `queue check` ask it. */
export function findProblems(snapshot: Snapshot, health: Health, patience: Patience): Problem[] {
  const problems: Problem[] = [];
  const add: Add = (code, text, hint, jobs) => void problems.push({ code, text, hint, ...jobs });
  addWorker(snapshot, health, patience, add);
  if (health.obstacle !== undefined) add('obstacle', health.obstacle);
  addLate(snapshot, health, patience, add);
  const failing = snapshot.types.filter(isFailing);
  failing.sort((a, b) => b.counts.failedLately - a.counts.failedLately);
  for (const type of failing) addFailing(type, snapshot, add);
  const failed = snapshot.counts.failed - snapshot.counts.dismissed;
  if (failed > patience.maxFailed)
    add(
      'failed',
      `${failed} failed`,
      'queue errors, then queue retry, or queue dismiss for those that are dealt with',
    );
  for (const { type, since, by } of health.pauses) {
    if (snapshot.at.getTime() - since.getTime() <= FORGOTTEN_MS) continue;
    const what = type === '*' ? 'all jobs' : `jobs of type ${JSON.stringify(type)}`;
    add(
      'paused',
      `${what} paused since ${isoSeconds(since)}${by === undefined ? '' : `, by ${by}`} (see queue resume)`,
    );
  }
  addUnseen(health, add);
  if (health.shortOfRoom !== undefined) {
    const { at, free, minFree } = health.shortOfRoom;
    add(
      'short-of-room',
      `at ${isoSeconds(at)} a worker started no jobs: ${size(free)} free, fewer than minFree, ${size(minFree)}`,
      'free some space',
    );
  }
  for (const text of health.others) add('other', text);
  return problems;
}

type Add = (
  code: Problem['code'],
  text: string,
  hint?: string,
  jobs?: { readonly type: string; readonly group?: string },
) => void;

function addWorker(snapshot: Snapshot, health: Health, { maxAge }: Patience, add: Add): void {
  const now = snapshot.at.getTime();
  const { lastTick } = health;
  if (lastTick === undefined)
    add(
      'no-worker',
      'no worker has run yet',
      `queue cron install adds the line to your crontab; ${howToLook(health)}`,
    );
  else if (now - lastTick.getTime() > maxAge) {
    const ago = span(now - lastTick.getTime());
    add('no-worker', `no worker for ${ago} (the last one at ${isoSeconds(lastTick)})`, howToLook(health));
  }
  // Until this clock reaches lastTick, the check above would never find that no worker runs.
  else if (lastTick.getTime() - now > maxAge) {
    const ahead = span(lastTick.getTime() - now);
    add('worker-ahead', `the last worker ran ${ahead} ahead of this clock (at ${isoSeconds(lastTick)})`);
  }
}

/** Says where to find out why no worker runs. The log is the one of `queue cron print`. */
const howToLook = ({ file }: Health): string =>
  `queue cron check says if cron starts it; its log says more: tail ${join(dirname(file), 'worker.log')}`;

function addLate(snapshot: Snapshot, health: Health, { maxAge }: Patience, add: Add): void {
  const types = unpausedTypes(snapshot, health);
  const due = types.reduce((sum, { counts }) => sum + counts.due, 0);
  const oldestDue = Math.max(0, ...types.map(({ counts }) => counts.oldestDue));
  if (oldestDue <= maxAge) return;
  const reasons = reasonsToWait(types, health, maxAge);
  const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
  add('late', `${due} due, the oldest for ${span(oldestDue)}${why}`);
}

/** Leaves out paused types, whose jobs wait because a person wants it. */
function unpausedTypes({ types }: Snapshot, { pauses }: Health): TypeSnapshot[] {
  const paused = new Set(pauses.map(({ type }) => type));
  return types.filter(({ name }) => !paused.has(name) && !paused.has('*'));
}

/** Returns the reasons for which due jobs wait. A rate is one if jobs of its type have waited for longer than `maxAge`. */
function reasonsToWait(
  types: readonly TypeSnapshot[],
  { unhandled, limitedTypes, crowdedOutAt }: Health,
  maxAge: number,
): string[] {
  const reasons: string[] = [];
  // Another worker with the handler may have run the jobs since.
  const left = types.filter(({ name, counts }) => counts.due > 0 && unhandled.includes(name));
  if (left.length > 0)
    reasons.push(
      `the last worker had no handler for ${left.map(({ name }) => JSON.stringify(name)).join(', ')}`,
    );
  const limited = types.filter(
    ({ name, counts }) => counts.oldestDue > maxAge && limitedTypes.includes(name),
  );
  if (limited.length > 0)
    reasons.push(
      `jobs of type ${limited.map(({ name }) => JSON.stringify(name)).join(', ')} wait for their rate`,
    );
  if (crowdedOutAt !== undefined)
    reasons.push(
      `at ${isoSeconds(crowdedOutAt)} a worker had to leave due jobs: maxWorkers others were at work`,
    );
  return reasons;
}

function isFailing({ counts: { failedLately }, hour: { completed } }: TypeSnapshot): boolean {
  const ended = completed + failedLately;
  return ended >= LEAST_ENDED && failedLately >= ended * FAILING_SHARE;
}

/** From so many jobs on, a retry of all at once may be too much for what they call. */
const MANY = 100;

function addFailing({ name, counts, hour }: TypeSnapshot, { failures }: Snapshot, add: Add): void {
  const { failedLately } = counts;
  const worst = failures.find(({ types, lastHour }) => lastHour > 0 && types[0] === name);
  const most = worst !== undefined && worst.lastHour < failedLately ? `, ${worst.lastHour} of them` : '';
  const spread = (worst?.jobs ?? counts.failed) >= MANY ? ' --spread 10m' : '';
  add(
    'failing',
    `${name}: ${failedLately} of ${hour.completed + failedLately} failed in the last hour${most}` +
      (worst === undefined ? '' : ` — ${worst.text}`),
    `after the fix: queue retry --type ${name}${worst === undefined ? '' : ` --error ${worst.id}`}${spread}`,
    { type: name, ...(worst !== undefined && { group: worst.id }) },
  );
}

function addUnseen({ unreadable, held, ahead, orphaned }: Health, add: Add): void {
  const see = '(see queue doctor)';
  if (unreadable > 0) {
    const holding =
      held > 0 ? `, and ${counted(held, 'job')} ${held === 1 ? 'is' : 'are'} held because of that` : '';
    add('unreadable', `${counted(unreadable, 'line')} can't be read${holding} ${see}`);
  }
  if (ahead > 0) {
    const have = ahead === 1 ? 'has' : 'have';
    add(
      'dated-ahead',
      `${counted(ahead, 'job')} ${have} a time far in the future, by this machine's clock ${see}`,
    );
  }
  if (orphaned > 0) add('orphaned', `${counted(orphaned, 'job')} left by dead workers ${see}`);
}

/** Says in a few words how the queue is doing. */
export const verdictOf = ({ length }: readonly Problem[]): string =>
  length === 0 ? 'all is well' : `${length} ${length === 1 ? 'problem' : 'problems'}`;

const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
