/*
 * The same work on this queue and on others, in turn within one run.
 *
 *   npm run build                      in the repository: what is measured is dist/
 *   cd scripts/bench/peers && npm ci && npm run bench -- [--quick] [--only NAME]... [--of NAME]... [--docs]
 *
 *   --quick      fewer runs of less
 *   --only NAME  one work instead of all (enqueue, bulk, drain, contended, pickup, idle); may be given more than once
 *   --of NAME    only contestants with this in their name, and ours
 *   --json FILE  writes the figures there as well
 *   --docs       writes the figures into docs/benchmarks.md and the charts beside it
 *
 * It starts and stops its own servers, on sockets and data folders of its own. Who needs something that isn't
 * installed is left out, and so said. The exit code is 1 if ours didn't do its work.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alternate } from '../children.js';
import { median } from '../statistics.js';
import { checkWorkplace, machine, makeFolder, removeFolder } from '../workplace.js';
import { contestants } from './contestants.js';
import { missingPackage, versions } from './packages.js';
import { type Entry, markdown, type Outcome, writeDocs } from './report.js';
import { missing, Servers } from './servers.js';
import { withTurn } from './turn.js';
import { type Work, works } from './works.js';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    of: { type: 'string', multiple: true },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
});

checkWorkplace();
const skipped: string[] = [];
const present = contestants.filter(({ name, module, server }) => {
  if (options.of && module !== 'tsvq' && !options.of.some((part) => name.includes(part))) return false;
  const lacking = missingPackage(module) ?? (server && missing(server));
  if (lacking) skipped.push(`${name}: skipped, ${lacking} is not installed`);
  return !lacking;
});
const wanted = works.filter(
  ({ name }) => options.only?.some((only) => name === only || name.startsWith(`${only}-`)) ?? true,
);
if (wanted.length === 0)
  throw new Error(`no such work; there are ${works.map(({ name }) => name).join(', ')}`);

const load = loadavg()[0] as number;
const folder = makeFolder();
const sockets = mkdtempSync(join(tmpdir(), 'tsvq-peers-'));
// PostgreSQL runs as another user where this runs as root.
for (const path of [folder, sockets]) chmodSync(path, 0o755);
const servers = new Servers(folder, sockets);
process.on('exit', () => {
  servers.kill();
  removeFolder(folder);
  rmSync(sockets, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const outcomes: Outcome[] = [];
for (const work of wanted) {
  const start = performance.now();
  process.stderr.write(`${work.name} `);
  outcomes.push({ work, entries: await compare(work) });
  process.stderr.write(` ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
}

const when = new Date().toISOString().slice(0, 10);
const about = [
  `${machine()}; ${versions(present)}`,
  `load at the start ${load.toFixed(2)}; ${when}${options.quick ? ', --quick' : ''}`,
].join('; ');
console.log([about, ...skipped, '', markdown(present, outcomes)].join('\n'));
if (options.json) {
  const figures = outcomes.map(({ work: { name, columns }, entries }) => ({ work: name, columns, entries }));
  writeFileSync(options.json, `${JSON.stringify({ about, skipped, figures }, null, 2)}\n`);
}
if (options.docs) writeDocs([about, ...skipped].join('.\n'), present, outcomes);
if (outcomes.some(({ entries }) => entries.some(({ ours, failure }) => ours && failure)))
  process.exitCode = 1;

/** All contestants in turn, and again, and again; the median of each. */
async function compare(work: Work): Promise<Entry[]> {
  const failures = new Map<string, string>();
  const taking = present
    .filter(({ only }) => only?.includes(work.name) ?? true)
    .map((contestant) => {
      const { name, settings, best, quickest } = contestant;
      if (work.at === 'best' && best)
        return { name: `${name} (${best.words})`, contestant, settings: best.settings };
      return { name, contestant, settings: (work.at === 'quickest' && quickest) || settings };
    });
  const once = async ({ name, contestant, settings }: (typeof taking)[number]): Promise<number[]> => {
    if (failures.has(name)) return [];
    process.stderr.write('.');
    try {
      return await withTurn({ folder, servers }, contestant, settings, (turn) =>
        work.measure(turn, options.quick),
      );
    } catch (error) {
      process.stderr.write(`\n${name}: ${(error as Error).stack}\n`);
      failures.set(name, ((error as Error).message.split('\n')[0] as string).slice(0, 100));
      return [];
    }
  };
  const results = await alternate(
    options.quick ? work.runs.quick : work.runs.full,
    Object.fromEntries(taking.map((one) => [one.name, () => once(one)])),
  );
  return taking.map(({ name, contestant: { module, durable } }) => {
    const runs = (results[name] ?? []).filter(({ length }) => length > 0);
    const failure = failures.get(name);
    return {
      name,
      ours: module === 'tsvq',
      durable,
      values: failure ? [] : work.columns.map((_, i) => median(runs.map((values) => values[i] as number))),
      ...(failure && { failure }),
    };
  });
}
