import { type Command, Option } from 'commander';
import { durationText } from '../../job/checks.js';
import { countEnds } from '../../view/metrics/count-ends.js';
import { Counters } from '../../view/metrics/counters.js';
import { exposition, samplesIn } from '../../view/metrics/exposition.js';
import { factsOf } from '../../view/metrics/facts.js';
import { gauges } from '../../view/metrics/gauges.js';
import { View } from '../../view/view.js';
import type { Cli } from '../cli.js';
import { usageError } from '../exit.js';
import { about } from '../help.js';
import { readTextfile, writeTextfile } from '../metrics/textfile.js';
import { writeOut } from '../output.js';

interface Options {
  textfile?: string;
  openmetrics?: true;
  maxAge: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .addOption(new Option('--openmetrics', 'print OpenMetrics 1.0.0').conflicts('textfile'))
    .option('--textfile <file.prom>', 'write the metrics and the counters into this file')
    .option(
      '--max-age <time>',
      'the longest time without a worker, and the longest wait of a due job',
      '10m',
    );
  about(command, {
    text: `Prints what the queue is like as metrics for Prometheus, in the text format 0.0.4: jobs by type and state, how
many are due and for how long, how many ended in the last hour and how long they took, when a worker last looked, and the
problems that \`queue check\` would report. Labels are types of jobs, never payloads or errors.

With \`--textfile\` it writes them into a file for node_exporter's textfile collector, together with counters of the jobs
that ended and a histogram of how long they ran. The counters are read back from that file. They begin at 0, and a job
counts once in it, also if it is archived meanwhile. A line of the crontab each minute is enough; see
[operations](operations.md#metrics).

A count is up to five seconds ago, because by then the row of a job that ended is in the file. Not counted are ends that
are written later than that (a disk was full), and those of jobs that are retried or purged before the next count.`,
    exits: '0; 3 if there is no queue file.',
    examples: [
      'queue metrics',
      'queue metrics --openmetrics',
      'queue metrics --textfile /var/lib/prometheus/node-exporter/tsvq.prom',
    ],
  }).action(async ({ textfile, openmetrics, maxAge }: Options) => {
    if (cli.output.format !== 'human')
      throw usageError('--json and --plain have no meaning here: metrics have a format of their own');
    const patience = { maxAge: durationText('--max-age', maxAge), maxFailed: 0 };
    const last = textfile === undefined ? '' : readTextfile(textfile);
    const now = Date.now();
    const view = new View(cli.queue);
    const families = gauges(factsOf(view, await view.look(now, patience)));
    if (textfile === undefined) {
      writeOut(exposition(families, openmetrics === true));
      return;
    }
    const counters = new Counters(samplesIn(last), now);
    await countEnds(counters, view);
    const text = exposition([...families, ...counters.families()], false);
    // If two of these overlap, the earlier count must not undo the later one.
    if (readTextfile(textfile) === last) writeTextfile(textfile, text);
  });
}
