/*
 * Measures the queue, each figure beside a yardstick in the same run, and prints them as one table.
 *
 *   npm run build && npm run bench -- [--quick] [--only NAME]... [--json FILE] [--docs]
 *
 *   --quick      fewer runs, and no queue of a million jobs
 *   --only NAME  one benchmark instead of all; may be given more than once
 *   --json FILE  writes the figures there as well
 *   --docs       puts the table into docs/benchmarks.md
 *
 * A missed aim is reported, not punished: the exit code is 1 only if something didn't do its work.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bulk } from './bulk.js';
import { drain } from './drain.js';
import { enqueue } from './enqueue.js';
import { type Figure, table } from './figure.js';
import { get } from './get.js';
import { idleTick } from './idle-tick.js';
import { machineSpeed } from './machine.js';
import { million } from './million.js';
import { pickup } from './pickup.js';
import type { Setting } from './setting.js';
import { stall } from './stall.js';
import { wait } from './wait.js';
import { checkWorkplace, machine, makeFolder, removeAll, removeFolder, root } from './workplace.js';

const benchmarks: Record<string, (setting: Setting) => Promise<Figure[]>> = {
  machine: machineSpeed,
  enqueue,
  bulk,
  drain,
  'idle-tick': idleTick,
  pickup,
  wait,
  get,
  stall,
  million,
};

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
});
const names = options.only ?? Object.keys(benchmarks);

const figures: Figure[] = [];
const load = loadavg()[0] as number;
try {
  checkWorkplace();
  for (const name of names) {
    const benchmark = benchmarks[name];
    if (benchmark === undefined)
      throw new Error(`no benchmark ${name}; there are ${Object.keys(benchmarks).join(', ')}`);
    process.stderr.write(`${name} …\n`);
    const folder = makeFolder();
    figures.push(...(await benchmark({ folder, quick: options.quick })));
    removeFolder(folder);
  }
} finally {
  removeAll();
}

const when = new Date().toISOString().slice(0, 10);
const about = `${machine()}; load at the start ${load.toFixed(2)}; ${when}${options.quick ? ', --quick' : ''}`;
console.log(`${about}\n\n${table(figures)}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ about, figures }, null, 2)}\n`);
if (options.docs) writeDocs();

/** Replaces what stands between two comments. */
function writeDocs(): void {
  const path = join(root, 'docs/benchmarks.md');
  const [begin, end] = ['<!-- table: npm run bench -- --docs -->', '<!-- /table -->'];
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no place for the table: ${begin} … ${end}`);
  writeFileSync(path, `${text.slice(0, from)}${begin}\n${about}.\n\n${table(figures)}\n${text.slice(to)}`);
}
