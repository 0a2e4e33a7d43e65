import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import { JobImport } from '../../file/moving/import.js';
import { checkName } from '../../job/name.js';
import type { Cli } from '../cli.js';
import { EXIT, notFound } from '../exit.js';
import { about } from '../help.js';
import { labelOption, labelsOf } from '../labels.js';
import { Intake } from '../moving/intake.js';
import { unusable } from '../moving/lines.js';
import { Progress } from '../moving/progress.js';
import { FORMATS, type MovedFormat } from '../moving/records.js';
import { say } from '../output.js';

interface Options {
  format?: MovedFormat;
  type?: string;
  label?: string[];
  ignoreUnknown?: boolean;
  dryRun?: boolean;
}

/** How many bytes are read at once. */
const PIECE = 1024 * 1024;
/** How many types a summary names. */
const MOST_TYPES = 5;

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Adds the jobs of a file, all of them or none. First all lines are checked. If one can't be used, the lines are named
with their numbers, and nothing is imported. Then all jobs become part of the queue at once, by a rewrite of the file; until
then, none is in it, whatever kills the command. So a label tells whether an import was done: \`queue list --label import=42
--limit 1\`. A second import of the same file adds all jobs once more, unless they have keys.

TSV and CSV have names of columns in their first line; in JSON Lines, each line is an object. The names are those of the
options of \`queue add\` and of the columns of the queue file: \`type\`, \`payload\` (JSON; null if empty), \`run_at\` (ISO with an
offset, or Unix seconds), \`delay\` and \`timeout\` (\`30s\`, \`10m\`), \`priority\`, \`max_attempts\`, \`group\`, \`key\` or \`dedupe_key\`,
\`meta\` (a JSON object) and \`label\` (\`NAME=VALUE\`). \`runAt\` and \`run-at\` mean \`run_at\`. An empty field is not given. In TSV, a
quote means nothing. CSV may have commas or, if its first line has no comma, semicolons. All files are UTF-8.

What \`queue export\` writes can be imported. Each job is new: it has a new id, no attempts, and is pending, also if it ran or
waited for another job. Lines of finished jobs are left out and counted. A job whose key a job has that waits or runs, or that
comes before it in the file, is left out and counted.`,
    plain:
      'imported, duplicates, finished: how many jobs were added, and how many lines were left out; with --dry-run, would be.',
    exits: "0 done; 1 the file can't be used, and nothing was imported; 3 there is no such file.",
    examples: [
      'queue import jobs.csv --dry-run',
      'queue import customers.csv --type welcome --ignore-unknown --label import=42',
      `jq -c '.[] | {type: "order", payload: .}' orders.json | queue import -`,
      'queue --file old.tsv export --status pending | queue import -',
    ],
  })
    .argument('<file>', 'the file, or - for stdin')
    .addOption(
      new Option(
        '--format <format>',
        "the format; default: by the file's ending, or by its first line",
      ).choices(FORMATS),
    )
    .option('--type <type>', 'the type of the jobs without one')
    .addOption(
      labelOption('a label for each job, so that all can be found later. May be given several times'),
    )
    .option('--ignore-unknown', 'pass over columns that mean nothing here')
    .option('--dry-run', 'check all lines, and only print how many jobs would be imported')
    .action(async (file: string, options: Options) => importFile(cli, file, options));
}

async function importFile(
  { output, store }: Cli,
  file: string,
  { format, type, label, ignoreUnknown = false, dryRun = false }: Options,
): Promise<void> {
  if (type !== undefined) checkName('--type', type);
  const rules = { type, labels: label && labelsOf(label), ignoresUnknown: ignoreUnknown };
  const { stream, size } = open(file);
  const jobs = new JobImport(store);
  const progress = new Progress(output.format === 'human', size);
  const intake = new Intake(jobs, rules, progress);
  try {
    await intake.take(stream, { name: file, format });
    progress.end();
    if (intake.refused > 0) return tellRefused(intake);
    const { imported, duplicates, types } = dryRun ? await jobs.preview() : await jobs.commit();
    const { finished } = intake;
    const what = `${jobsText(imported)}${typesText(types)} ${dryRun ? 'would be ' : ''}imported`;
    output.changed(
      { imported, duplicates, finished, types, ...(dryRun && { dryRun }) },
      `${what}${leftOut(duplicates, finished)}`,
      [imported, duplicates, finished],
    );
  } finally {
    progress.end();
    jobs.close();
  }
}

/** Opens the file, or stdin. */
function open(file: string): { stream: Readable; size: number | undefined } {
  if (file === '-') return { stream: process.stdin, size: undefined };
  const info = statSync(file, { throwIfNoEntry: false });
  if (info === undefined) throw notFound(`there is no file ${file}`);
  if (info.isDirectory()) throw unusable(`${file} is a directory`);
  return {
    stream: createReadStream(file, { highWaterMark: PIECE }),
    size: info.isFile() ? info.size : undefined,
  };
}

function tellRefused({ problems, refused }: Intake): void {
  for (const { line, reason } of problems) say(`line ${line}: ${reason}`);
  const more = refused - problems.length;
  if (more > 0) say(`and ${more} more lines that can't be used`);
  say(`nothing was imported: ${refused} ${refused === 1 ? 'line' : 'lines'} can't be used`);
  process.exitCode = EXIT.failed;
}

const jobsText = (count: number): string => `${count} ${count === 1 ? 'job' : 'jobs'}`;

function typesText(types: Readonly<Record<string, number>>): string {
  const all = Object.entries(types);
  if (all.length === 0) return '';
  const named = all.slice(0, MOST_TYPES).map(([type, count]) => `${count} ${type}`);
  return ` (${[...named, ...(all.length > MOST_TYPES ? [`${all.length - MOST_TYPES} more types`] : [])].join(', ')})`;
}

/** Says what was left out. */
function leftOut(duplicates: number, finished: number): string {
  const parts = [
    ...(duplicates > 0 ? [`${duplicates} left out whose key another job has`] : []),
    ...(finished > 0 ? [`${finished} left out that ${finished === 1 ? 'is' : 'are'} finished`] : []),
  ];
  return parts.map((part) => `; ${part}`).join('');
}
