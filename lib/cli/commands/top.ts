import { constants } from 'node:os';
import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { coloursOf } from '../screen/colours.js';
import { KEYS } from '../top/help-page.js';
import { Top } from '../top/top.js';

interface Options {
  interval: string;
  maxAge: string;
  readOnly: boolean;
  color: boolean;
}

/** The shortest time from a look to the next, in ms. */
const SHORTEST = 100;

export function define(command: Command, cli: Cli): void {
  about(
    command
      .option('--interval <time>', 'how long it is from a look at the queue to the next; default: 1s')
      .option(
        '--max-age <time>',
        'the longest time without a worker, and the longest wait of a due job; default: 10m',
      )
      .option('--read-only', 'refuse all changes')
      .option('--no-color', 'use no colours, as with NO_COLOR in the environment'),
    {
      text: `Shows a live screen of the queue: what is wrong, figures of all jobs, and lists to go through. It takes the whole
terminal, and gives it back at the end. It reads what is new in the file at each look, without the lock; only changes take
the lock. For output to read later, use \`queue status\`.

The keys:

${KEYS.map(([keys, does]) => `  ${keys.padEnd(11)}${does}`).join('\n')}

A change of more than one job asks first, and so does each cancel; any key but y is no. What came of a change stands in the
last line. A search is like that of the file: upper and lower case differ, and a part of the JSON of a payload, like
\`"to":"ann\`, is found as well. It stops at 20,000 jobs, the newest ones.`,
      exits:
        '0; 2 without a terminal; 3 if there is no queue file; 130, 143 or 129 if SIGINT, SIGTERM or SIGHUP ended it.',
      examples: ['queue top', 'queue top --read-only --interval 5s'],
    },
  ).action(async ({ interval = '1s', maxAge = '10m', readOnly = false, color }: Partial<Options>) => {
    const { store, queue } = { store: cli.existingStore, queue: cli.queue };
    if (!process.stdin.isTTY || !process.stdout.isTTY)
      throw usageError('queue top needs a terminal to show and to take keys; use queue status for output');
    if (cli.output.format !== 'human')
      throw usageError('queue top has no --json and no --plain; use queue status with them');
    const every = durationText('--interval', interval);
    if (every < SHORTEST) throw usageError(`--interval is ${interval}; it must be at least ${SHORTEST}ms`);
    const patience = { maxAge: durationText('--max-age', maxAge), maxFailed: 0 };
    const shown = { queue, store, view: new View(queue), patience, isReadOnly: readOnly };
    const signal = await new Top(shown, every, coloursOf(color === false ? false : undefined)).run();
    // As a shell says it of a program that such a signal ends.
    if (signal !== undefined) process.exitCode = 128 + constants.signals[signal];
  });
}
