import type { Command } from 'commander';
import { ALL_TYPES, type Pause, pausedTypes } from '../../file/admission/paused.js';
import { readHeartbeat, type ShortOfRoom, shortOfRoomLately } from '../../file/disk/heartbeat.js';
import { brokenSchedules } from '../../file/doctor/broken-schedules.js';
import { DAY_MS } from '../../file/doctor/dated-ahead.js';
import { interruptedProblem } from '../../file/doctor/interrupted.js';
import type { Stats } from '../../file/operations/stats.js';
import { type Survey, survey } from '../../file/operations/survey.js';
import { countText, durationText } from '../../job/checks.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { isoSeconds, size, span } from '../format.js';
import { examples } from '../help.js';

interface Options {
  maxAge: string;
  maxFailed: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--max-age <time>', 'the longest time without a worker, and the longest wait of a due job', '10m')
    .option('--max-failed <number>', 'how many failed jobs are acceptable', '0')
    .addHelpText(
      'after',
      `
Prints nothing and exits with 0 if all is well. Otherwise prints one line, which cron mails, and exits with 1.
--plain prints a line for each problem: file problem
In crontab: */10 * * * * cd /srv/app && /usr/bin/node node_modules/tsvq/dist/cli.js check
${examples('queue check --max-age 10m --max-failed 0')}`,
    )
    .action(async (options: Options) => {
      const { output, queue, existingStore: store } = cli;
      const maxAge = durationText('--max-age', options.maxAge);
      const maxFailed = countText('--max-failed', options.maxFailed, 0);
      const stats = await queue.stats();
      const pauses = await queue.paused();
      const { obstacle } = store;
      const interrupted = await interruptedProblem(store);
      const problems = [
        ...(obstacle === undefined ? [] : [obstacle]),
        ...findProblems(withoutPaused(stats, pauses), maxAge, maxFailed, Date.now()),
        ...findPauses(pauses, Date.now()),
        ...findUnseen(stats, await survey(store, maxAge)),
        ...(interrupted === undefined ? [] : [interrupted]),
        ...findShortage(shortOfRoomLately(readHeartbeat(store.fs, store.realPath), Date.now())),
        ...(await brokenSchedules(store)),
      ];
      if (problems.length === 0) return;
      process.exitCode = EXIT.failed;
      output.text(`queue ${queue.file}: ${problems.join('; ')}`);
      for (const problem of problems) output.data({ file: queue.file, problem }, [queue.file, problem]);
    });
}

function findProblems(stats: Stats, maxAge: number, maxFailed: number, now: number): string[] {
  const { lastTick, due, oldestDueSeconds } = stats;
  const failed = stats.failed - stats.dismissed;
  const problems: string[] = [];
  if (lastTick === undefined) problems.push('no worker has run yet');
  else if (now - lastTick.getTime() > maxAge) {
    problems.push(
      `no worker for ${span(now - lastTick.getTime())} (the last one at ${isoSeconds(lastTick)})`,
    );
  }
  // Until this clock reaches lastTick, the check above would never find that no worker runs.
  else if (lastTick.getTime() - now > maxAge) {
    problems.push(
      `the last worker ran ${span(lastTick.getTime() - now)} ahead of this clock (at ${isoSeconds(lastTick)})`,
    );
  }
  if (oldestDueSeconds * 1000 > maxAge) {
    const reasons = reasonsToWait(stats, maxAge);
    problems.push(
      `${due} due, the oldest for ${span(oldestDueSeconds * 1000)}` +
        (reasons.length > 0 ? ` (${reasons.join('; ')})` : ''),
    );
  }
  if (failed > maxFailed) problems.push(`${failed} failed`);
  return problems;
}

/** Leaves out the due jobs of paused types, which wait because a person wants it. */
function withoutPaused(stats: Stats, pauses: readonly Pause[]): Stats {
  const isPaused = pausedTypes(pauses);
  const rest = Object.entries(stats.types).filter(([type]) => !isPaused(type));
  const due = rest.reduce((sum, [, counts]) => sum + counts.due, 0);
  const oldestDueSeconds = Math.max(0, ...rest.map(([, counts]) => counts.oldestDueSeconds));
  return { ...stats, types: Object.fromEntries(rest), due, oldestDueSeconds };
}

/** Reports each pause that is older than a day, because a person may have forgotten it. */
function findPauses(pauses: readonly Pause[], now: number): string[] {
  return pauses
    .filter(({ since }) => now - since.getTime() > DAY_MS)
    .map(({ type, since, by }) => {
      const what = type === ALL_TYPES ? 'all jobs' : `jobs of type ${JSON.stringify(type)}`;
      return `${what} paused since ${isoSeconds(since)}${by === undefined ? '' : `, by ${by}`} (see queue resume)`;
    });
}

/** Returns the reasons for which due jobs wait. A rate is one if jobs of its type have waited for longer than `maxAge`. */
function reasonsToWait({ unhandled, rateLimits, crowdedOutAt, types }: Stats, maxAge: number): string[] {
  const reasons: string[] = [];
  if (unhandled.length > 0) {
    const types = unhandled.map((type) => JSON.stringify(type)).join(', ');
    reasons.push(`the last worker had no handler for ${types}`);
  }
  const limited = rateLimits.filter(({ type }) => (types[type]?.oldestDueSeconds ?? 0) * 1000 > maxAge);
  if (limited.length > 0) {
    const names = limited.map(({ type }) => JSON.stringify(type)).join(', ');
    reasons.push(`jobs of type ${names} wait for their rate`);
  }
  if (crowdedOutAt !== undefined) {
    reasons.push(
      `at ${isoSeconds(crowdedOutAt)} a worker had to leave due jobs: maxWorkers others were at work`,
    );
  }
  return reasons;
}

/** Reports that a worker started nothing, because the disk had less room than its queue's `minFree`. */
function findShortage(shortage: ShortOfRoom | undefined): string[] {
  if (shortage === undefined) return [];
  const { at, free, minFree } = shortage;
  return [
    `at ${isoSeconds(new Date(at))} a worker started no jobs: ${size(free)} free, fewer than minFree, ${size(minFree)}`,
  ];
}

function findUnseen({ unreadable }: Stats, { held, ahead, orphaned }: Survey): string[] {
  const problems: string[] = [];
  if (unreadable > 0) {
    const holding =
      held > 0 ? `, and ${counted(held, 'job')} ${held === 1 ? 'is' : 'are'} held because of that` : '';
    problems.push(`${counted(unreadable, 'line')} can't be read${holding}`);
  }
  if (ahead > 0) {
    const have = ahead === 1 ? 'has' : 'have';
    problems.push(`${counted(ahead, 'job')} ${have} a time far in the future, by this machine's clock`);
  }
  if (orphaned > 0) problems.push(`${counted(orphaned, 'job')} left by dead workers`);
  return problems.map((problem) => `${problem} (see queue doctor)`);
}

const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
