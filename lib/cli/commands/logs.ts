import { type Command, Option } from 'commander';
import { withStoreErrors } from '../../file/disk/fs.js';
import { LogFollower } from '../../file/job-files/log-follower.js';
import type { Store } from '../../file/store.js';
import { isFinal } from '../../job/job.js';
import { type LogLine, parseLog } from '../../job/log-line.js';
import { Wake } from '../../job/wake.js';
import type { Cli } from '../cli.js';
import { notFound } from '../exit.js';
import { about } from '../help.js';
import { resolveIds } from '../ids.js';
import { logLineFields, logLineText } from '../log-lines.js';
import { flushed, isReaderGone, say, writeOut } from '../output.js';
import { coloursOf } from '../screen/colours.js';
import { addTimes, type TimeOptions, timeTextOf } from '../screen/times.js';
import { stopSignal } from '../stop-signal.js';

/** How often a log is looked at while it is followed, in ms. */
const POLL_MS = 200;

interface Options extends TimeOptions {
  follow?: boolean;
  color: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('<id>', 'ID of the job, or the beginning of it')
    .addOption(new Option('-f, --follow', 'go on until the job has ended, or Ctrl-C'))
    .option('--no-color', 'print no colours, as with NO_COLOR in the environment');
  addTimes(command);
  about(command, {
    text: `Prints what a job's handler has said of it with \`context.log\` and \`context.progress\`, oldest first, with the
beginning and the end of each attempt that said something. A log has the newest 1 to 2 MiB, and is removed with its job:
when that goes to the archive, or is purged.

With \`-f\` it goes on, and prints what the handler says within a quarter of a second, through all attempts, until the job
has ended. After the word \`logs\`, \`-f\` always means this; name the file with \`--file\`, or before.

Times are in the zone of this machine unless \`--utc\` is given; \`--json\` and \`--plain\` always have UTC.`,
    plain:
      'at attempt kind text; kind is log, progress, start or end, and the text of progress a number and a message.',
    exits:
      '0, also after Ctrl-C or SIGTERM, and for a job that said nothing; 3 if there is no such job; 2 if several IDs begin like that.',
    examples: ['queue logs 3fa9', 'queue logs -f 3fa9', 'queue logs 3fa9 --json | jq -r .text'],
  }).action(async (id: string, options: Options) => logs(cli, id, options));
}

async function logs(cli: Cli, given: string, { follow = false, color, ...times }: Options): Promise<void> {
  const { existingStore: store, output } = cli;
  const stop = follow ? stopSignal() : undefined;
  const looks = { time: timeTextOf(times), colours: coloursOf(color ? undefined : false) };
  const [id] = await resolveIds(store, [given]);
  const job = id === undefined ? undefined : await cli.queue.getJob(id);
  if (job === undefined)
    throw notFound(`there is no job ${given} in ${store.path}; logs are removed with their jobs`);
  const print = (line: LogLine): void => {
    if (output.format === 'human') writeOut(`${logLineText(line, looks)}\n`);
    else output.data(line, logLineFields(line));
  };
  const lines = await withStoreErrors(store.path, () => printLog(cli, store, job.id, print, stop));
  if (lines === 0 && output.format === 'human') say(`job ${job.id} has written no log`);
}

/** Prints a log, and, until `stop` is aborted, what is added to it. @returns how many lines it printed */
async function printLog(
  { queue }: Cli,
  store: Store,
  id: string,
  print: (line: LogLine) => void,
  stop: AbortSignal | undefined,
): Promise<number> {
  const log = new LogFollower(store.fs, store.realPath, id);
  const wake = new Wake(store.clock);
  stop?.addEventListener('abort', () => wake.call(), { once: true });
  let lines = 0;
  try {
    for (;;) {
      // Before the log is read, because an attempt writes its last line before its end is in the file.
      const job = stop === undefined ? undefined : await queue.getJob(id);
      for (const piece of log.read()) {
        for (const line of parseLog(piece)) {
          print(line);
          lines++;
        }
        await flushed();
      }
      if (job === undefined || isFinal(job.status) || stop?.aborted || isReaderGone()) return lines;
      await wake.within(POLL_MS);
    }
  } finally {
    log.close();
  }
}
