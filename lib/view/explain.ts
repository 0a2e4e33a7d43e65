import type { Health } from '../job/health.js';
import type { Job } from '../job/job.js';
import type { JobSurroundings } from '../job/row-source.js';
import { groupId, groupText } from './error-group.js';
import { firstLine, isoSeconds, span } from './text.js';

/** Why a job is where it is, what happens next, and what a person can do. */
export interface Explanation {
  /** One sentence. */
  readonly why: string;
  /** One sentence: what happens next, and when. */
  readonly next: string;
  /** Commands, the first one the most useful. */
  readonly commands: readonly string[];
}

/** What an explanation needs to know besides the job. */
export interface Surroundings extends JobSurroundings {
  readonly now: number;
  readonly health: Health;
  /** True if its worker lives, false if it is dead; undefined if that can't be told. */
  readonly isWorkerAlive: boolean | undefined;
  /** The jobs that it waits for and that are not over, as `id (type): status`. */
  readonly parents: readonly string[];
}

/** Explains a job of the archive. */
export const explainArchived = (job: Job): Explanation => ({
  why: explainEnded(job).why,
  next: 'It is in the archive, where nothing changes it any more.',
  commands: [`queue show --archive ${job.id}`],
});

/** Explains a job. */
export function explain(job: Job, around: Surroundings): Explanation {
  if (around.isHeld)
    return {
      why: `No worker runs this job, because another line of the file with its id can't be read and may say how it ended.`,
      next: 'It waits until a person has repaired or removed that line.',
      commands: ['queue doctor'],
    };
  switch (job.status) {
    case 'pending':
      return job.runAt.getTime() > around.now ? explainLater(job, around) : explainDue(job, around);
    case 'processing':
      return explainRunning(job, around);
    case 'waiting':
      return {
        why: `It waits for ${list(around.parents)}.`,
        next:
          around.parents.length > 0
            ? 'It is due as soon as they have ended.'
            : 'A worker or queue compact makes it due.',
        commands: [`queue cancel ${job.id}`],
      };
    case 'recurring':
      return {
        why: 'This is a schedule, which makes jobs, and is none itself.',
        next: `Its next slot is at ${isoSeconds(job.runAt)}.`,
        commands: ['queue schedule list'],
      };
    default:
      return explainEnded(job);
  }
}

function explainLater(job: Job, around: Surroundings): Explanation {
  const { id, attempts: all, forgiven, runAt, error, schedule } = job;
  const [stop, end, ...commands] = stopOf(job, around) ?? [];
  const { now } = around;
  const when = `${isoSeconds(runAt)}, in ${span(runAt.getTime() - now)}`;
  const attempts = all - forgiven;
  const isRetry = attempts > 0 && error !== undefined;
  const why = isRetry
    ? `It failed ${times(attempts)}, the last time with: ${firstLine(error ?? '')}.`
    : schedule === undefined
      ? forgiven > 0
        ? 'A person let it run again, later.'
        : 'It was added to start later.'
      : `The schedule ${schedule.name} made it to start later.`;
  return {
    why,
    next:
      `${isRetry ? 'Its next attempt is' : 'It is due'} at ${when}` +
      (stop === undefined ? '; then the next worker starts it.' : `. ${stop}. ${end}`),
    commands: [...commands, `queue promote ${id}`, `queue cancel ${id}`],
  };
}

/** Why a due job doesn't start; when it does; and commands. */
type Reason = [why: string, next: string, ...commands: string[]];

/** A person, or the file, keeps jobs of its type from starting; undefined if neither does. */
function stopOf(job: Job, around: Surroundings): Reason | undefined {
  const { health } = around;
  const pauses = health.pauses.filter(({ type }) => type === '*' || type === job.type);
  const [pause] = pauses;
  if (health.obstacle !== undefined)
    return [
      `Nothing can be changed: ${health.obstacle}`,
      'Nothing runs until that is mended.',
      'queue doctor',
    ];
  if (pause !== undefined) {
    const all = pause.type === '*' ? 'All jobs are' : `Jobs of type ${job.type} are`;
    const by = pause.by === undefined ? '' : `, by ${pause.by}`;
    return [
      `${all} paused since ${isoSeconds(pause.since)}${by}`,
      whenResumed(pauses.map(({ until }) => until)),
      ...pauses.map(({ type }) => (type === '*' ? 'queue resume' : `queue resume ${type}`)),
    ];
  }
  return undefined;
}

/** Says when the last of several pauses ends. */
function whenResumed(ends: readonly (Date | undefined)[]): string {
  if (ends.includes(undefined))
    return `It starts once a person ends the ${ends.length === 1 ? 'pause' : 'pauses'}.`;
  const last = new Date(Math.max(...ends.map(Number)));
  return `The ${ends.length === 1 ? 'pause ends' : 'pauses end'} at ${isoSeconds(last)}.`;
}

/** Why a due job that may start doesn't, the surest reason first. */
function delayOf(job: Job, around: Surroundings): Reason {
  const { health, now } = around;
  const { lastTick, shortOfRoom } = health;
  if (lastTick === undefined || now - lastTick.getTime() > 120_000) {
    const since = lastTick === undefined ? 'yet' : `since ${isoSeconds(lastTick)}`;
    return [
      `No worker has looked at the queue ${since}`,
      'It starts once one does: see cron, its mail, and the log of the worker.',
      'queue cron print',
      'queue check',
    ];
  }
  if (shortOfRoom !== undefined)
    return [
      'The disk has less room than minFree, so workers start nothing',
      'It starts once there is room.',
      'df -h',
    ];
  if (health.unhandled.includes(job.type))
    return [
      `The last worker had no handler for jobs of type ${job.type}`,
      'It starts once a worker has one.',
      'queue stats',
    ];
  if (around.rateUntil !== undefined)
    return [
      `Jobs of ${job.group === undefined ? `type ${job.type}` : `type ${job.type} in group ${job.group}`} have used up their rate`,
      `It may start at ${isoSeconds(around.rateUntil)} at the latest, if it is its turn.`,
      'queue stats',
    ];
  if (health.crowdedOutAt !== undefined)
    return [
      'Other workers are at work, as many as maxWorkers allows',
      'It starts once one of them is free.',
      'queue list --status processing',
    ];
  if (around.runningOfType > 0)
    return [
      `${around.runningOfType} jobs of its type run, and its worker or the type's limit may allow no more`,
      'It starts once one of them has ended.',
      `queue list --status processing --type ${job.type}`,
    ];
  return [
    'A worker looked lately, and is about to start it, or has none of its places free',
    'It starts with the next look, at the latest in a minute.',
    'queue list --status processing',
  ];
}

function explainDue(job: Job, around: Surroundings): Explanation {
  const [why, next, ...commands] = stopOf(job, around) ?? delayOf(job, around);
  const line = around.ahead > 0 ? `, and ${around.ahead} due jobs come before it` : '';
  return { why: `It is due since ${isoSeconds(job.runAt)}. ${why}${line}.`, next, commands };
}

function explainRunning(
  { id, attempts, startedAt, lockedBy }: Job,
  { now, isWorkerAlive, overdueAt }: Surroundings,
): Explanation {
  const since = startedAt === undefined ? '' : ` for ${span(now - startedAt.getTime())}`;
  const why = `Its attempt ${attempts} runs${since} in the worker ${lockedBy ?? '(unnamed)'}`;
  if (isWorkerAlive === false)
    return {
      why: `${why}, which is dead.`,
      next: 'The next worker takes the job back within seconds; the attempt may have done its work, so look before you help.',
      commands: ['queue check', `queue cancel ${id}`],
    };
  const overdue =
    overdueAt === undefined
      ? ''
      : ` If that worker goes silent, another takes the job back at ${isoSeconds(new Date(overdueAt))}.`;
  return {
    why: `${why}, which ${isWorkerAlive ? 'lives' : "can't be judged from here"}.`,
    next: `It ends when its handler does, or at its time limit.${overdue}`,
    commands: [`queue cancel ${id}`],
  };
}

function explainEnded({ id, status, attempts, finishedAt, error, dismissed }: Job): Explanation {
  const at = finishedAt === undefined ? '' : ` at ${isoSeconds(finishedAt)}`;
  if (status === 'completed')
    return {
      why: `It completed${at}, in attempt ${attempts}.`,
      next: 'Nothing happens any more.',
      commands: [`queue show ${id}`],
    };
  if (status === 'cancelled')
    return {
      why: `It was cancelled${at}.`,
      next: 'Nothing happens any more, unless a person retries it.',
      commands: [`queue retry ${id}`],
    };
  const text = error === undefined ? '' : `, the last time with: ${firstLine(error)}`;
  return {
    why: `It failed for good${at}, after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}${text}.`,
    next: `Nothing happens any more${dismissed ? '; a person has dismissed it' : ', unless a person retries it'}.`,
    commands: [
      `queue show ${id}`,
      `queue retry ${id}`,
      ...(error === undefined ? [] : [`queue retry --error ${groupId(groupText(error))}`]),
      ...(dismissed ? [] : [`queue dismiss ${id}`]),
    ],
  };
}

const times = (attempts: number): string => (attempts === 1 ? 'once' : `${attempts} times`);

const list = (parents: readonly string[]): string =>
  parents.length === 0 ? 'other jobs, which are over' : parents.join(', ');
