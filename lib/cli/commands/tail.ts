import { type Command, Option } from 'commander';
import { withStoreErrors } from '../../file/disk/fs.js';
import { lastChanges, type Wanted } from '../../file/operations/last-changes.js';
import { type RowChange, RowFeed } from '../../file/operations/row-feed.js';
import type { Store } from '../../file/store.js';
import { Watcher } from '../../file/watcher.js';
import { countText } from '../../job/checks.js';
import type { Status } from '../../job/job.js';
import type { Cli } from '../cli.js';
import { about } from '../help.js';
import { eventFields, eventLine, type TailEvent, tailEventOf } from '../job-events.js';
import { statusOption, typeOption } from '../job-filter.js';
import { givenTypes, sayUnknownTypes } from '../job-types.js';
import { flushed, isReaderGone, screenOf, writeOut } from '../output.js';
import { coloursOf } from '../screen/colours.js';
import type { Looks } from '../screen/looks.js';
import { addTimes, type TimeOptions, timeTextOf } from '../screen/times.js';
import { stopSignal } from '../stop-signal.js';

interface Options extends TimeOptions {
  follow?: boolean;
  lines: string;
  type?: string[];
  status?: Status[];
  color: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .addOption(new Option('-f, --follow', 'go on with what happens from now on, until Ctrl-C'))
    .option('-n, --lines <number>', 'how many of the last events to begin with', '10')
    .addOption(typeOption('only events of jobs of this type, or of one of these: email,report'))
    .addOption(statusOption('only events that lead to this state, or to one of these: failed,cancelled'))
    .option('--no-color', 'print no colours, as with NO_COLOR in the environment');
  addTimes(command);
  about(command, {
    text: `Tells what happens to jobs, in all processes, as the rows of the file say it: added, started, completed,
failed, retrying (an attempt failed, and another one follows), slept (its handler called sleep, and a new attempt
goes on later), released (a worker gave the job back), ready (a job that it
waited for has ended), cancelled, retried, promoted, dismissed (by a person), and changed (a duplicate replaced it).

Without \`-f\` it prints the last events that the file still has, and ends; a compaction drops superseded rows, and with
them earlier events. When an attempt failed that is tried again, or slept, no row says, so such an event has no time then.

With \`-f\` it goes on, and sees an event some milliseconds after it is in the file; without file notifications, within half
a second. It follows the file through compactions: no event comes twice. After the word \`tail\`, \`-f\` always means this;
name the file with \`--file\`, or before.

Times are in the zone of this machine unless \`--utc\` is given; \`--json\` and \`--plain\` always have UTC.`,
    plain: 'event at id type status attempt error run_at.',
    exits: '0, also after Ctrl-C or SIGTERM; 3 if there is no queue file.',
    examples: [
      'queue tail -f',
      'queue tail -n 50 --type send_email --status failed',
      'queue tail -f --json | jq -r \'select(.event == "failed") | .id\'',
    ],
  }).action(async (options: Options) => tail(cli, options));
}

async function tail(
  cli: Cli,
  { follow = false, lines, type, status, color, ...times }: Options,
): Promise<void> {
  const { existingStore: store, output } = cli;
  const most = countText('--lines', lines, 0);
  // Before the first line, whose reader may send a signal.
  const stop = follow ? stopSignal() : undefined;
  const given = type === undefined ? undefined : await givenTypes(store, type);
  if (given !== undefined && output.format === 'human') sayUnknownTypes(given, store.path);
  const wanted: Wanted = {
    most,
    now: Date.now(),
    types: given && new Set(given.types),
    statuses: status && new Set(status),
  };
  const print = printer(cli, {
    time: timeTextOf(times),
    colours: coloursOf(color ? undefined : false),
    screen: await screenOf(),
  });
  const feed = new RowFeed(store);
  await withStoreErrors(store.path, async () => {
    const begin = await feed.start();
    if (begin !== undefined && most > 0)
      await print(
        (await lastChanges(begin.file, begin.position, wanted)).map((change) => tailEventOf(change)),
      );
  });
  const fits = ({ after }: RowChange): boolean =>
    (wanted.types?.has(after.type) ?? true) && (wanted.statuses?.has(after.status) ?? true);
  if (stop !== undefined)
    await following(store, stop, async () => {
      const changes = await withStoreErrors(store.path, () => feed.read());
      await print(changes.filter(fits).map((change) => tailEventOf(change, new Date())));
    });
  feed.close();
}

/** Makes what prints events. */
function printer({ output }: Cli, looks: Looks): (events: (TailEvent | undefined)[]) => Promise<void> {
  return async (events) => {
    for (const event of events) {
      if (event === undefined) continue;
      if (output.format === 'human') writeOut(`${eventLine(event, looks)}\n`);
      else output.data(event, eventFields(event));
    }
    if (events.length > 0) await flushed();
  };
}

/** Calls `look` after each change of the file, until a signal asks for the end, or the reader of stdout is gone. */
async function following(store: Store, stop: AbortSignal, look: () => Promise<void>): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve, reject) => {
    const watcher = new Watcher(store, async () => {
      try {
        await look();
        if (isReaderGone()) end();
      } catch (error) {
        reject(error);
        end();
      }
    });
    const end = (): void => {
      watcher.stop();
      resolve();
    };
    stop.addEventListener('abort', end, { once: true });
    watcher.start(true);
  });
}
