import { arrayBuffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { findInexact, parseJson, tellInexact } from '../../file/format/parse-json.js';
import { countText, durationText } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import type { EnqueueOptions } from '../../job/job-options.js';
import { overStore } from '../../open-queue.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { examples } from '../help.js';

interface Options {
  runAt?: string;
  delay?: string;
  priority?: string;
  maxAttempts?: string;
  timeout?: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('<type>', 'the type of the job, which picks its handler')
    .argument('[json]', 'the payload as JSON; - reads it from stdin; default: null')
    .option(
      '--run-at <time>',
      "the earliest start: ISO with an offset ('2030-01-31T09:00:00Z'), or Unix seconds",
    )
    .option('--delay <time>', "how long to wait before the start: '30s', '10m', '2h'")
    .option('--priority <number>', 'higher first; default: 0')
    .option('--max-attempts <number>', "how often to try; default: the worker's limit")
    .option('--timeout <time>', "the time limit of one attempt; default: the worker's")
    .addHelpText(
      'after',
      `\nPrints only the id. Makes the file if it is missing.\n${examples(
        `queue add send_email '{"to": "ann@example.com", "subject": "Welcome"}'`,
        'queue add report --run-at 2030-01-31T09:00:00+01:00 --max-attempts 1',
        'jq -c . order.json | queue add order -',
      )}`,
    )
    .action(async (type: string, json: string | undefined, options: Options) => {
      const payload = json === undefined ? undefined : await parse(json);
      const id = await overStore(cli.store).enqueue(type, payload, enqueueOptions(options));
      cli.output.record({ id }, id, [id]);
    });
}

async function parse(json: string): Promise<unknown> {
  const input = json === '-' ? await arrayBuffer(process.stdin) : undefined;
  try {
    // Invalid UTF-8 would become another text.
    const text = input === undefined ? json : new TextDecoder('utf-8', { fatal: true }).decode(input);
    return parseJson(text, 'payload');
  } catch (error) {
    if (error instanceof TsvqError) throw error;
    const what = json === '-' ? 'stdin' : `the payload ${json}`;
    throw usageError(
      `${what} is not JSON: ${(error as Error).message} (text needs its own quotes: '"text"')`,
    );
  }
}

function enqueueOptions({ runAt, delay, priority, maxAttempts, timeout }: Options): EnqueueOptions {
  return {
    // Fewer digits are a year or a day, not seconds since 1970.
    ...(runAt !== undefined && { runAt: /^\d{9,}(\.\d+)?$/.test(runAt) ? Number(runAt) : runAt }),
    ...(delay !== undefined && { delay: durationText('--delay', delay) }),
    ...(priority !== undefined && { priority: numberOf('--priority', priority) }),
    ...(maxAttempts !== undefined && { maxAttempts: countText('--max-attempts', maxAttempts) }),
    ...(timeout !== undefined && { timeout: durationText('--timeout', timeout) }),
  };
}

/** Reads a number. Returns NaN if it isn't one; then the queue's error names the option. */
function numberOf(option: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const inexact = Number.isNaN(value) ? undefined : findInexact(text);
  if (inexact !== undefined) throw usageError(tellInexact(inexact, option));
  return value;
}
