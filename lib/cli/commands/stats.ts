import type { Command } from 'commander';
import type { Stats, TypeStats } from '../../file/operations/stats.js';
import { isoSeconds, size, span } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import type { Shape } from '../output.js';
import type { Column } from '../screen/table.js';

type Line = TypeStats & { name: string };

/** Returns a column of numbers. */
const count = (head: string, rank: number, of: (line: Line) => number): Column<Line> => ({
  ...{ head, rank, isRight: true },
  cell: (line) => String(of(line)),
});

const shape: Shape<Line> = {
  columns: [
    { head: 'TYPE', cell: ({ name }) => (name === '' ? '(all)' : name), least: 14 },
    count('PENDING', 3, ({ pending }) => pending),
    count('DUE', 0, ({ due }) => due),
    {
      head: 'OLDEST',
      ...{ rank: 2, isRight: true },
      cell: ({ due, oldestDueSeconds }) => (due > 0 ? span(oldestDueSeconds * 1000) : ''),
    },
    count('PROCESSING', 1, ({ processing }) => processing),
    count('COMPLETED', 4, ({ completed }) => completed),
    count('FAILED', 0, ({ failed }) => failed),
    count('DISMISSED', 5, ({ dismissed }) => dismissed),
    count('CANCELLED', 6, ({ cancelled }) => cancelled),
    count('WAITING', 7, ({ waiting }) => waiting),
  ],
  plain: (line) => [
    line.name,
    line.pending,
    line.due,
    line.oldestDueSeconds,
    line.processing,
    line.completed,
    line.failed,
    line.cancelled,
    line.waiting,
    line.dismissed,
  ],
};

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Counts jobs by status and type, and says when a worker last looked. Schedules don't count, but one that was removed counts as
a cancelled job until it is archived. \`DISMISSED\` counts the failed jobs that \`queue dismiss\` has dealt with, which \`FAILED\`
counts, too. \`DUE\` counts pending jobs whose time has come. \`OLDEST\` is how long the first of them has waited. Archived jobs don't
count. It also says when a worker left due jobs because it found no place, and which types have used up their
[rate](limits.md#what-you-see), and when their next job may start at the latest.

\`--json\` prints one object.`,
    plain:
      'a line for all, whose type is empty, and one for each type: type, pending, due, oldest_due_seconds, processing, completed, failed, cancelled, waiting, dismissed.',
    exits: '0; 3 if there is no queue file.',
    examples: ['queue stats', 'queue stats --json | jq .oldestDueSeconds'],
  }).action(async () => {
    const { output, queue } = cli;
    const stats = await queue.stats();
    if (output.format === 'json') return output.data(stats, []);
    const unreadable =
      stats.unreadable > 0 ? `\nLines that can't be read: ${stats.unreadable} (see queue doctor)` : '';
    const about = `${worker(stats, Date.now())}${rates(stats)}${unreadable}`;
    output.text(`${stats.file}, ${size(stats.bytes)}\n${about}\n`);
    const types = Object.entries(stats.types).sort(([a], [b]) => (a < b ? -1 : 1));
    const lines: Line[] = [{ ...stats, name: '' }, ...types.map(([name, counts]) => ({ ...counts, name }))];
    await output.records(lines, shape);
  });
}

function worker({ lastTick, unhandled, crowdedOutAt }: Stats, now: number): string {
  if (lastTick === undefined) return 'No worker has run yet (see queue cron print).';
  const looked = `Last worker: ${isoSeconds(lastTick)}, ${span(now - lastTick.getTime())} ago.`;
  const handlers =
    unhandled.length === 0
      ? ''
      : ` It had no handler for: ${unhandled.map((type) => JSON.stringify(type)).join(', ')}`;
  const place =
    crowdedOutAt === undefined
      ? ''
      : `\nNo place: a worker left due jobs at ${isoSeconds(crowdedOutAt)}, because maxWorkers others run such jobs.`;
  return `${looked}${handlers}${place}`;
}

/** Says of each type whose rate is used up when it is back. With a burst, the next job may start earlier. */
const rates = ({ rateLimits }: Stats): string =>
  rateLimits
    .map(({ type, groups, until }) => {
      const counted = groups === 0 ? '' : ` in ${groups} ${groups === 1 ? 'group' : 'groups'}`;
      const back = `${JSON.stringify(type)}${counted} has its full rate again at ${isoSeconds(until)}`;
      return `\nRate limit: ${back}; its next job may start then at the latest.`;
    })
    .join('');
