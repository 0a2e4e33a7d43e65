import type { Command } from 'commander';
import { datedAhead } from '../../file/doctor/dated-ahead.js';
import { escapeText } from '../../file/format/text.js';
import type { Job } from '../../job/job.js';
import type { HistoryEntry } from '../../view/history.js';
import type { ShownStep } from '../../view/steps.js';
import { toSafeJson } from '../../view/text.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { notFound } from '../exit.js';
import { about } from '../help.js';
import { resolveIds } from '../ids.js';
import { type Field, say } from '../output.js';
import { addTimes, type TimeOptions } from '../screen/times.js';
import { joinFields } from '../shapes.js';

interface Options extends TimeOptions {
  archive?: boolean;
  color: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'ID of the job, or the beginning of it')
    .option('--archive', 'also look among the archived jobs')
    .option('--no-color', 'print no colours, as with NO_COLOR in the environment');
  addTimes(command);
  about(command, {
    text: `Shows all of a job: its options, a timeline with the time that passed in between, payload, result, the last
error with its causes, and what \`queue explain\` says of it.

The timeline has what the file still knows. A compaction drops the rows of earlier attempts with their errors; what is left
then is when the job was added, and its last attempt. When an attempt failed that was tried again, no row says.
Below it are the steps that are recorded, with their results, and sleeps with their end.

Times are in the zone of this machine, with their offset, unless \`--utc\` is given. \`--json\` and \`--plain\` always have
UTC. \`--json\` has the timeline as \`history\`: event, at, attempt, error, worker; and \`steps\`: name, attempt, at, and result or
until.`,
    plain:
      'a line for each field: name value; then a line for each entry of the timeline: history event at attempt error; then one for each recorded step: step name at attempt, and its result or the end of its sleep.',
    exits: '0; 3 if there is no such job; 2 if several IDs begin like that.',
    examples: [
      'queue show 3fa9',
      'queue show --archive 3fa95c01d2e8b764',
      'queue show 3fa9 --json | jq .payload',
      "queue show 3fa9 --json | jq '.history[] | select(.error)'",
    ],
  }).action(async (given: string, options: Options) => show(cli, given, options));
}

async function show(cli: Cli, given: string, { archive = false, color, ...times }: Options): Promise<void> {
  const { output, existingStore: store, queue } = cli;
  const job = await findJob(cli, given, archive);
  const view = new View(queue);
  const history = await view.history(job.id, Date.now());
  if (output.format === 'human') {
    const { printJob } = await import('../job-page.js');
    await printJob(job, history, { store, queue, view }, { ...times, color });
  } else if (output.format === 'json') output.data({ ...job, history, steps: await view.steps(job.id) }, []);
  else {
    for (const field of fields(job)) output.data(job, field);
    for (const entry of history) output.data(entry, entryFields(entry));
    for (const step of await view.steps(job.id)) output.data(step, stepFields(step));
  }
  const ahead = datedAhead(job.status, timesOf(job), Date.now());
  if (ahead !== undefined) say(`job ${job.id} is dated far ahead: ${ahead}`);
  if ((await store.read('all'))?.isHeld(job.id)) {
    say(
      `job ${job.id} is held, so no worker runs it: another line with its id can't be read; see queue doctor`,
    );
  }
}

async function findJob({ existingStore: store, queue }: Cli, given: string, archive: boolean): Promise<Job> {
  // A full ID needs no search for other IDs that begin with it.
  let job = await queue.getJob(given, { archive });
  if (job === undefined) {
    const [id] = await resolveIds(store, [given], archive);
    job = id === undefined ? undefined : await queue.getJob(id, { archive });
  }
  if (job !== undefined) return job;
  const hint = archive
    ? ''
    : '; jobs that finished long ago are found with --archive, damaged lines by queue doctor';
  throw notFound(`there is no job ${given} in ${store.path}${hint}`);
}

const entryFields = ({ event, at, attempt, error = '' }: HistoryEntry): Field[] => [
  ...['history', event, at, attempt],
  escapeText(error),
];

const stepFields = ({ name, at, attempt, result, until }: ShownStep): Field[] => [
  ...['step', escapeText(name), at, attempt],
  until ?? (result === undefined ? '' : toSafeJson(result)),
];

/** Returns the times of a job, in ms. A time beyond the range of Date is infinite. */
function timesOf({ createdAt, startedAt, runAt }: Job): Parameters<typeof datedAhead>[1] {
  const ms = (time: Date): number =>
    Number.isNaN(time.getTime()) ? Number.POSITIVE_INFINITY : time.getTime();
  return {
    createdAt: ms(createdAt),
    startedAt: startedAt === undefined ? Number.NaN : ms(startedAt),
    runAt: ms(runAt),
  };
}

/** Returns the job as lines of `plain`, named like the file's columns. */
function fields(job: Job): Field[][] {
  return [
    ['id', job.id],
    ['type', job.type],
    ['payload', toSafeJson(job.payload)],
    ['status', job.status],
    ['created_at', job.createdAt],
    ['run_at', job.runAt],
    ['attempts', job.attempts],
    ['error', escapeText(job.error ?? '')],
    ['result', job.result === undefined ? '' : toSafeJson(job.result)],
    ['priority', job.priority],
    ['max_attempts', job.maxAttempts],
    ['forgiven', job.forgiven],
    ['timeout', job.timeout === undefined ? undefined : job.timeout / 1000],
    ['locked_by', job.lockedBy],
    ['started_at', job.startedAt],
    ['finished_at', job.finishedAt],
    ['interruptions', job.interruptions],
    ['dismissed', job.dismissed ? 'true' : undefined],
    ...joinFields(job),
  ];
}
