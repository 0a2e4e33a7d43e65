/*
 * The text formats of Prometheus 0.0.4 and OpenMetrics 1.0.0. They differ in little: the name of a counter in its head,
 * and the last line.
 */

/** The labels of a sample, in their order. */
export type Labels = readonly (readonly [name: string, value: string])[];

export interface Sample {
  /** What follows the family's name: `_total`, `_bucket`, or nothing. */
  readonly suffix: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A metric with its samples. */
export interface Family {
  /** Without `_total`. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  /** A sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Returns the text of metrics. A family without samples is left out. */
export function exposition(families: readonly Family[], isOpenMetrics: boolean): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    const head = type === 'counter' && !isOpenMetrics ? `${name}_total` : name;
    lines.push(`# HELP ${head} ${escapeHelp(help)}`, `# TYPE ${head} ${type}`);
    for (const { suffix, labels, value } of samples)
      lines.push(`${seriesOf(name + suffix, labels)} ${value}`);
  }
  if (isOpenMetrics) lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** Returns a series as the format writes it; the same text means the same series. */
const seriesOf = (name: string, labels: Labels): string =>
  labels.length === 0
    ? name
    : `${name}{${labels.map(([key, value]) => `${key}="${escapeValue(value)}"`).join(',')}}`;

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '"': '\\"' };

/** Other controls are allowed in a label, but a carriage return may end a line on its way to a person. */
const escapeValue = (text: string): string => text.replace(/[\\\n"]/g, (c) => ESCAPES[c] as string);

const escapeHelp = (text: string): string => text.replace(/[\\\n]/g, (c) => ESCAPES[c] as string);

/** A line with a sample; a label may have any character, and a quote only after a backslash. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]*"(?:[^"\\]|\\.)*")*[^"}]*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/gs;

/** A sample that was read. */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the samples of a text that {@link exposition} wrote. Other lines are left out. */
export function samplesIn(text: string): ReadSample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || Number.isNaN(Number(value))) return [];
    const read = [...labels.matchAll(LABEL)].map(([, key, escaped = '']) => [
      key,
      escaped.replace(/\\(.)/gs, (_, c: string) => (c === 'n' ? '\n' : c)),
    ]);
    return [{ name, labels: Object.fromEntries(read), value: Number(value) }];
  });
}
