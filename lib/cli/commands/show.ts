import type { Command } from 'commander';
import { datedAhead } from '../../file/doctor/dated-ahead.js';
import { escapeText } from '../../file/format/text.js';
import type { Store } from '../../file/store.js';
import type { Job } from '../../job/job.js';
import type { Schedule } from '../../job/schedule-spec.js';
import type { Queue } from '../../queue.js';
import { isoSeconds, span, toSafeJson } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { notFound } from '../exit.js';
import { examples } from '../help.js';
import { resolveIds } from '../ids.js';
import { type Field, say } from '../output.js';
import { nextRunOf, whenOf } from '../schedules.js';
import { joinFields, timeOf } from '../shapes.js';

export function define(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'ID of the job, or the beginning of it')
    .option('--archive', 'also look among the archived jobs')
    .addHelpText(
      'after',
      `\n--plain prints a line for each field: name value\n${examples(
        'queue show 3fa9',
        'queue show --archive 3fa95c01d2e8b764',
        'queue show 3fa9 --json | jq .payload',
      )}`,
    )
    .action(async (given: string, { archive = false }: { archive?: boolean }) => {
      const { output, existingStore: store, queue } = cli;
      // A full ID needs no search for other IDs that begin with it.
      let job = await queue.getJob(given, { archive });
      if (job === undefined) {
        const [id] = await resolveIds(store, [given], archive);
        job = id === undefined ? undefined : await queue.getJob(id, { archive });
      }
      if (job === undefined) {
        const hint = archive
          ? ''
          : '; jobs that finished long ago are found with --archive, damaged lines by queue doctor';
        throw notFound(`there is no job ${given} in ${store.path}${hint}`);
      }
      if (output.format === 'human') {
        const all = job.status === 'recurring' ? await queue.listSchedules() : [];
        const schedule = all.find(({ id }) => id === job.id);
        output.text(describe(job, store, { schedule, parents: await parentsOf(job, queue) }));
      } else if (output.format === 'json') output.data(job, []);
      else for (const field of fields(job)) output.data(job, field);
      const ahead = datedAhead(job.status, timesOf(job), Date.now());
      if (ahead !== undefined) say(`job ${job.id} is dated far ahead: ${ahead}`);
      if ((await store.read('all'))?.isHeld(job.id)) {
        say(
          `job ${job.id} is held, so no worker runs it: another line with its id can't be read; see queue doctor`,
        );
      }
    });
}

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

/** Returns the jobs that a job waits for, or waited for, with their states. */
export async function parentsOf({ after }: Job, queue: Queue): Promise<string | undefined> {
  if (after.length === 0) return undefined;
  const parents = await Promise.all(after.map((id) => queue.getJob(id)));
  return parents.map((job, i) => `${after[i]} (${job?.status ?? 'not in the file'})`).join(', ');
}

/** What the file says about a job besides its row. */
interface Context {
  readonly parents: string | undefined;
  /** Undefined for a job. */
  readonly schedule: Schedule | undefined;
}

/** Describes a job, or a schedule, for people. */
export function describe(job: Job, store: Store, { schedule, parents }: Context): string {
  const now = Date.now();
  const ago = (time: Date | undefined): string | undefined =>
    time && `${isoSeconds(time)}  (${relative(time.getTime(), now)})`;
  const worker = job.lockedBy && `${job.lockedBy}  (${store.processes.liveness(job.lockedBy)})`;
  const lines: [name: string, value: string | undefined][] = [
    ['id', job.id],
    ['type', job.type],
    ['status', [job.status, timeOf(job, now)].filter(Boolean).join(', ')],
    ['schedule', schedule === undefined ? madeBy(job) : `${schedule.name}, ${whenOf(schedule.spec)}`],
    ['next run', schedule && nextRunOf(schedule)],
    ['group', job.group],
    ['key', job.dedupeKey],
    ['after', parents],
    schedule === undefined ? ['attempts', attempts(job)] : ['jobs made', String(schedule.fired)],
    ['interrupted', job.interruptions > 0 ? `${job.interruptions} times in a row` : undefined],
    ['priority', String(job.priority)],
    ['time limit', job.timeout === undefined ? undefined : `${job.timeout / 1000} s`],
    ['created', ago(job.createdAt)],
    ['run at', schedule === undefined ? ago(job.runAt) : undefined],
    ['started', ago(job.startedAt)],
    ['finished', ago(job.finishedAt)],
    ['worker', worker],
  ];
  const blocks: [name: string, value: string | undefined][] = [
    ['labels', Object.keys(job.meta).length === 0 ? undefined : toSafeJson(job.meta, 2)],
    ['payload', job.payload === undefined ? undefined : toSafeJson(job.payload, 2)],
    ['result', job.result === undefined ? undefined : toSafeJson(job.result, 2)],
    ['error', job.error],
  ];
  return [
    ...lines.flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(12)}${oneLine(value)}`)),
    ...blocks.flatMap(([name, value]) => (value === undefined ? [] : [name, indent(value)])),
  ].join('\n');
}

/** Says which schedule has made a job, and for which slot. */
function madeBy({ schedule }: Job): string | undefined {
  if (schedule === undefined) return undefined;
  const { name, slot } = schedule;
  return slot === undefined ? `${name}, by hand` : `${name}, slot ${isoSeconds(slot)}`;
}

function attempts({ attempts, forgiven, maxAttempts }: Job): string {
  const limit = maxAttempts === undefined ? '' : ` of ${maxAttempts}`;
  return `${attempts - forgiven}${limit}${forgiven > 0 ? `, and ${forgiven} that don't count` : ''}`;
}

/** Escapes line ends, which would look like another field. */
const oneLine = (text: string): string => text.replaceAll('\n', '\\n');

const indent = (text: string): string => text.trimEnd().replace(/^/gm, '  ');

const relative = (ms: number, now: number): string =>
  Number.isNaN(ms) ? 'beyond all dates' : ms > now ? `in ${span(ms - now)}` : `${span(now - ms)} ago`;

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
