import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { show } from '../figure.js';
import { root } from '../workplace.js';
import { chart } from './chart.js';
import type { Contestant } from './contestants.js';
import type { Work } from './works.js';

/** What one contestant did. */
export interface Entry {
  readonly name: string;
  readonly ours: boolean;
  readonly durable: boolean;
  /** One for each column of the work; none if it failed. */
  readonly values: readonly number[];
  readonly failure?: string;
}

/** What came of a work. */
export interface Outcome {
  readonly work: Work;
  readonly entries: readonly Entry[];
}

/** Tables that can be read as they are. */
export function markdown(contestants: readonly Contestant[], outcomes: readonly Outcome[]): string {
  const tables = outcomes.map((outcome) => `${outcome.work.title}:\n\n${table(outcome)}`);
  return [promises(contestants), ...tables].join('\n\n');
}

/** How each is set up, and what is left of acknowledged jobs when something dies. */
function promises(contestants: readonly Contestant[]): string {
  return aligned([
    ['', 'set up', 'survive kill -9', 'survive power loss', 'jobs of a killed worker run again'],
    ...contestants.map(({ name, setUp, survives, takenBack }) => [
      name,
      setUp,
      survives.kill,
      survives.power,
      takenBack,
    ]),
  ]);
}

/** Who survives power loss comes first; the ratio says how many times the better of the two is better. */
function table({ work: { columns }, entries }: Outcome): string {
  const [main] = columns;
  const reference = entries.find(({ ours, durable }) => ours && durable)?.values[0];
  const ratio = (value: number | undefined): string => {
    if (reference === undefined || value === undefined) return '';
    return (main?.better === 'more' ? value / reference : reference / value).toFixed(2);
  };
  const sorted = [true, false].flatMap((durable) =>
    entries.filter((entry) => entry.durable === durable).sort((a, b) => rank(a, main) - rank(b, main)),
  );
  const rows = [
    ['', 'survives power loss', ...columns.map(({ name }) => name), "as good as tsvq, 'sync'"],
    ...sorted.map(({ name, durable, values, failure }) => [
      name,
      durable ? 'yes' : 'no',
      ...columns.map(({ unit }, i) =>
        failure === undefined
          ? show({ value: values[i] as number, unit })
          : i === 0
            ? `failed: ${failure}`
            : '',
      ),
      failure === undefined ? `${ratio(values[0])}×` : '',
    ]),
  ];
  return aligned(rows);
}

/** Rows as a Markdown table, the first one as its head. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] as readonly string[]).map((_, i) =>
    Math.max(3, ...rows.map((row) => [...(row[i] ?? '')].length)),
  );
  const lines = rows.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

/** The best comes first, who failed last. */
function rank({ values: [value] }: Entry, column: Work['columns'][number] | undefined): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  return column?.better === 'more' ? -value : value;
}

/** Puts the tables between two comments of docs/benchmarks.md, and each chart into a file beside it. */
export function writeDocs(
  about: string,
  contestants: readonly Contestant[],
  outcomes: readonly Outcome[],
): void {
  const docs = join(root, 'docs');
  for (const { work, entries } of outcomes) {
    const [column] = work.columns;
    if (column === undefined) continue;
    const bars = [...entries]
      .sort((a, b) => rank(a, column) - rank(b, column))
      .filter(({ failure }) => failure === undefined)
      .map(({ name, ours, durable, values }) => {
        const value = values[0] as number;
        return { name, ours, durable, value, label: show({ value, unit: column.unit }) };
      });
    const better = column.better === 'more' ? 'longer is better' : 'shorter is better';
    const svg = chart(work.title, `${column.name}, ${column.unit}; ${better}`, bars);
    writeFileSync(join(docs, `benchmarks-${work.name}.svg`), svg);
  }
  const path = join(docs, 'benchmarks.md');
  const [begin, end] = ['<!-- peers: npm run bench -- --docs -->', '<!-- /peers -->'];
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) {
    console.error(
      `docs/benchmarks.md has no place for the tables (${begin} … ${end}): only the charts were written`,
    );
    return;
  }
  const body = outcomes
    .map((outcome) => {
      const { name, title } = outcome.work;
      return `### ${title}\n\n![${title}](benchmarks-${name}.svg)\n\n${table(outcome)}`;
    })
    .join('\n\n');
  writeFileSync(
    path,
    `${text.slice(0, from)}${begin}\n${about}.\n\n${promises(contestants)}\n\n${body}\n${text.slice(to)}`,
  );
}
