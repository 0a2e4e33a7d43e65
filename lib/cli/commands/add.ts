import { type Command, Option } from 'commander';
import { durationText } from '../../job/checks.js';
import {
  type Added,
  type DedupeScope,
  type EnqueueOptions,
  ON_DUPLICATE,
  type OnDuplicate,
  SCOPES,
} from '../../job/job-options.js';
import { overStore } from '../../open-queue.js';
import type { Queue } from '../../queue.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { instantOf, type JobTexts, jobOptionsOf } from '../job-texts.js';
import { labelOption } from '../labels.js';
import { say } from '../output.js';
import { payloadOf } from '../payload.js';

interface Options extends JobTexts {
  runAt?: string;
  delay?: string;
  key?: string;
  unique?: true;
  onDuplicate?: OnDuplicate;
  dedupe?: DedupeScope;
  maxDelay?: string;
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
    .option('--max-attempts <number>', "how often to try; default: the type's, or the worker's")
    .option('--timeout <time>', "the time limit of one attempt; default: the type's, or the worker's")
    .option(
      '--group <group>',
      "the customer or host that the job is for, which the type's limits may count apart",
    )
    .option('--key <key>', 'at most one job of the type waits or runs with this key')
    .addOption(new Option('--unique', 'the payload itself is the key').conflicts('key'))
    .addOption(
      new Option(
        '--on-duplicate <what>',
        'what to do if another job has the key; default: return its id',
      ).choices(ON_DUPLICATE),
    )
    .addOption(
      new Option('--dedupe <which>', 'which jobs with the key count; default: active').choices(SCOPES),
    )
    .option(
      '--max-delay <time>',
      'with --on-duplicate replace: it starts no later than so long after the job was created',
    )
    .addOption(labelOption('a label of the job; its value is a text. May be given several times'));
  about(command, {
    text: `Adds a job and prints its id. It makes the file if it is missing. The payload is JSON; \`-\` reads it from stdin.

With a key, the id may be that of a job that is there already. A message on stderr says so: \`existing: a job with this key
is pending\`. With \`--json\` (\`{ id, outcome }\`) or \`--plain\`, the outcome is on stdout instead: \`added\`, \`existing\`, \`replaced\` or
\`updated\`. See [Unique jobs](api.md#unique-jobs).`,
    plain: 'id, outcome.',
    exits:
      "0 if the job, or the one with its key, is on the disk; 1 if `--on-duplicate reject` refused it, because another job, which stderr names, has the key; 2 if type, payload or option can't be used; 75.",
    examples: [
      'queue add send_email \'{"to": "ann@example.com", "subject": "Welcome"}\' --delay 10m',
      'queue add report --run-at 2030-01-31T09:00:00+01:00 --max-attempts 1',
      'jq -c . order.json | queue add order -',
      'queue add report --key daily --label by=cron',
    ],
  }).action(async (type: string, json: string | undefined, options: Options) => {
    const payload = json === undefined ? undefined : await payloadOf(json);
    const queue = overStore(cli.store, ({ message }) => say(message));
    const { id, outcome } = await queue.add(type, payload, enqueueOptions(options));
    const { output } = cli;
    output.record({ id, outcome }, id, [id, outcome]);
    if (output.format === 'human' && outcome !== 'added') say(await describe(queue, { id, outcome }));
  });
}

/** Says what came of a duplicate. */
async function describe(queue: Queue, { id, outcome }: Added): Promise<string> {
  if (outcome === 'replaced')
    return 'replaced: a job with this key waited, and has the new payload, options and start now';
  if (outcome === 'updated')
    return 'updated: a job with this key waited, and has the new payload and options now; it keeps its start';
  // The job may have been archived meanwhile.
  return `existing: a job with this key is ${(await queue.getJob(id))?.status ?? 'there'}`;
}

function enqueueOptions(options: Options): EnqueueOptions {
  const { runAt, delay } = options;
  return {
    ...(runAt !== undefined && { runAt: instantOf(runAt) }),
    ...(delay !== undefined && { delay: durationText('--delay', delay) }),
    ...jobOptionsOf(options),
    ...keyOptions(options),
  };
}

function keyOptions({ key, unique, onDuplicate, dedupe, maxDelay }: Options): EnqueueOptions {
  const dedupeKey = key ?? unique;
  if (dedupeKey === undefined) {
    const given = { '--on-duplicate': onDuplicate, '--dedupe': dedupe, '--max-delay': maxDelay };
    for (const [option, value] of Object.entries(given))
      if (value !== undefined) throw usageError(`${option} is ${value}, and needs --key or --unique`);
    return {};
  }
  if (maxDelay !== undefined && onDuplicate !== 'replace')
    throw usageError(`--max-delay is ${maxDelay}, and needs --on-duplicate replace`);
  return {
    dedupeKey,
    dedupe,
    onDuplicate,
    ...(maxDelay !== undefined && { maxDelay: durationText('--max-delay', maxDelay) }),
  };
}
