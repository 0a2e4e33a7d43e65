import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { recordOf } from '../../view/record.js';
import { type Look, View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { about } from '../help.js';
import { writeOut } from '../output.js';
import { coloursOf, columnsOf } from '../screen/colours.js';
import { screenLines } from '../status/screen.js';

interface Options {
  maxAge: string;
  color: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--max-age <time>', 'the longest time without a worker, and the longest wait of a due job', '10m')
    .option('--no-color', 'print no colours, as with NO_COLOR in the environment');
  about(command, {
    text: `Shows how the queue is doing: what is wrong and what to do about it, figures of all jobs and of each type, the jobs that
run, the next retries, and the failures by what they have in common. It fits the width of the terminal. The figures of the
last hour (\`OK/H\`, \`FAIL/H\`, \`P50\` and \`P95\` of how long jobs ran, \`WAIT\` for how long they were due) are within 5 %. A job counts as
long as it is in the file.

\`--json\` prints one object: counts, hour, types, health, problems, running, retries, failures.`,
    plain:
      'a line for each problem: `problem`, code, text; then one for each type: `type`, name, due, oldest_due_ms, later, retrying, running, completed_hour, failed_hour, run_p50_ms, run_p95_ms, wait_p50_ms, failed (without the dismissed).',
    exits: '0 if all is well; 1 if something is wrong, as with `queue check`; 3 if there is no queue file.',
    examples: ['queue status', 'queue status --json | jq .problems'],
  }).action(async ({ maxAge, color }: Options) => {
    const { output, queue } = cli;
    const view = new View(queue);
    const look = await view.look(Date.now(), {
      maxAge: durationText('--max-age', maxAge),
      maxFailed: 0,
    });
    if (look.problems.length > 0) process.exitCode = EXIT.failed;
    if (output.format === 'human') {
      const screen = { view, columns: columnsOf(), colours: coloursOf(color ? undefined : false) };
      writeOut(`${screenLines(look, screen).join('\n')}\n`);
      return;
    }
    if (output.format === 'json') output.data(recordOf(look, view), []);
    else for (const fields of plainLines(look)) output.data({}, fields);
  });
}

function plainLines({ snapshot, problems }: Look): (string | number | undefined)[][] {
  return [
    ...problems.map(({ code, text }) => ['problem', code, text]),
    ...snapshot.types.map(({ name, counts, hour }) => [
      ...[
        'type',
        name,
        counts.due,
        Math.round(counts.oldestDue),
        counts.later,
        counts.retrying,
        counts.processing,
      ],
      ...[hour.completed, hour.failed],
      ...[hour.ran.p50, hour.ran.p95, hour.waited.p50].map((ms) => ms && Math.round(ms)),
      counts.failed - counts.dismissed,
    ]),
  ];
}
