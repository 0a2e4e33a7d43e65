import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { NewFile } from '../../file/disk/new-file.js';
import { Snapshot } from '../../file/moving/snapshot.js';
import { whyTaken } from '../../file/moving/taken.js';
import { JOB_STATUSES, type Job, type Status } from '../../job/job.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { addFilter, filterTest, type JobFilter } from '../job-filter.js';
import { interruptible } from '../moving/interruptible.js';
import { Progress } from '../moving/progress.js';
import { FORMATS, type MovedFormat } from '../moving/records.js';
import { textOf, type WritingRules } from '../moving/written-jobs.js';
import { type Output, writeAll } from '../output.js';

interface Options extends JobFilter {
  format?: MovedFormat;
  archive?: boolean;
  force?: boolean;
}

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Writes jobs as TSV, CSV or JSON Lines, to stdout or to FILE. Without options these are all jobs in the file, as they are
at one moment, also while the queue is in use. The command takes no lock, and needs only the rights to read.

TSV and CSV have the names of the columns in their first line. Times are ISO in UTC, \`timeout\` has a unit, \`payload\`, \`result\`
and \`meta\` are JSON. In TSV a field is as in the queue file: an error has its TABs and line ends as \`\\t\` and \`\\n\`, and quotes mean
nothing. In CSV a cell that a spreadsheet would take for a formula (it begins with \`=\`, \`+\`, \`-\`, \`@\`, TAB or CR, and is no
number) has an apostrophe before it. \`queue import\` takes that apostrophe away, and reads all three formats.

FILE gets its name once it is whole, and only this user may read it. If it ends in \`.gz\`, it is compressed.`,
    plain: 'the TSV without its first line; if FILE is given: file, exported.',
    exits: '0 done; 2 FILE exists, or is the queue; 3 there is no queue file.',
    examples: [
      'queue export --status failed --since 1d > failed.tsv',
      'queue export jobs.csv --archive',
      "queue export --format jsonl --type order | jq -c 'select(.attempts > 1) | .payload'",
    ],
  })
    .argument('[file]', 'where the jobs go; default: stdout')
    .addOption(
      new Option('--format <format>', "the format; default: by the file's ending, otherwise tsv").choices(
        FORMATS,
      ),
    )
    .option('--archive', 'also the jobs past their retention time')
    .option('--force', 'replace an existing file');
  addFilter(command, 'only jobs', '--status <status>').action(
    async (file: string | undefined, { format, archive = false, force = false, ...filter }: Options) => {
      const { output, existingStore: store } = cli;
      if (file !== undefined) refuseTaken(cli, file, force);
      const snapshot = await Snapshot.take(store);
      const progress = new Progress(output.format === 'human' && file !== undefined, snapshot.bytes);
      let exported = 0;
      const rules = rulesFor(file, format, output);
      const stop: Stop = {};
      const fits = stoppable(await filterTest(cli, filter, JOB_STATUSES), stop);
      const jobs = chosen(snapshot, { archive, fits, status: filter.status }, (bytes) =>
        progress.show(bytes, `${exported} jobs written`),
      );
      const text = textOf(jobs, rules, () => exported++);
      try {
        if (file === undefined) return await writeAll(text);
        await interruptible(async (signal) => {
          stop.signal = signal;
          const made = new NewFile(store.fs, resolve(file), { isCompressed: file.endsWith('.gz') });
          await writeFile(made, text, signal);
        });
        progress.end();
        const said = `${exported} ${exported === 1 ? 'job' : 'jobs'} exported to ${file}`;
        output.changed({ file: resolve(file), exported }, said, [resolve(file), exported]);
      } finally {
        progress.end();
        snapshot.close();
      }
    },
  );
}

/** What ends an export, once there is something to end. */
interface Stop {
  signal?: AbortSignal;
}

/** Lets a test of jobs throw once it is to stop. A piece of text may take many jobs that don't fit. */
const stoppable =
  (test: (job: Job) => boolean, stop: Stop) =>
  (job: Job): boolean => {
    stop.signal?.throwIfAborted();
    return test(job);
  };

/** Yields the jobs of a snapshot that fit. */
async function* chosen(
  snapshot: Snapshot,
  { archive, fits, status }: { archive: boolean; fits: (job: Job) => boolean; status: Status[] | undefined },
  progress: (bytes: number) => void,
): AsyncIterableIterator<Job> {
  for await (const job of snapshot.jobs({ status }, progress)) if (fits(job)) yield job;
  if (archive) for await (const job of snapshot.archived({ status })) if (fits(job)) yield job;
}

async function writeFile(output: NewFile, text: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  try {
    for await (const piece of text) {
      signal.throwIfAborted();
      await output.write(Buffer.from(piece));
    }
    await output.finish();
  } finally {
    output.discard();
  }
}

const rulesFor = (
  file: string | undefined,
  format: MovedFormat | undefined,
  output: Output,
): WritingRules => ({
  format: format ?? formatFor(file, output),
  hasHeader: output.format !== 'plain' || file !== undefined,
  isHarmless: file === undefined && process.stdout.isTTY === true,
});

function formatFor(file: string | undefined, { format }: Output): MovedFormat {
  if (file === undefined) return format === 'json' ? 'jsonl' : 'tsv';
  const [, ending] = /\.([a-z]+)(?:\.gz)?$/i.exec(basename(file)) ?? [];
  if (ending === 'csv') return 'csv';
  return ending === 'jsonl' || ending === 'ndjson' ? 'jsonl' : 'tsv';
}

function refuseTaken({ existingStore: store }: Cli, file: string, force: boolean): void {
  const path = resolve(file);
  const taken = whyTaken(store, path);
  if (taken !== undefined) throw usageError(`${file} ${taken}; name another file`);
  if (!force && store.fs.stat(path) !== undefined)
    throw usageError(`${file} exists; name another file, or give --force to replace it`);
}
