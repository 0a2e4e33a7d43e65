/** What one measurement says, beside what it is to be compared with. */
export interface Figure {
  readonly what: string;
  readonly ours: Amount;
  /** The least that any solution would have to do, measured in the same run. */
  readonly yardstick?: Amount & { readonly what: string };
  /** How many times the yardstick's cost ours is. */
  readonly ratio?: number;
  readonly aim?: { readonly text: string; readonly met: boolean };
}

export interface Amount {
  readonly value: number;
  readonly unit: Unit;
}

export type Unit = 'µs' | 'ms' | 's' | 'jobs/s' | 'MB' | '×';

/** An upper bound for the ratio, or a bound for the figure itself. */
export type Aim = { ratio: number } | { most: number } | { least: number };

/** @param yardstick in the same unit as ours */
export function figure(
  what: string,
  ours: Amount,
  { yardstick, aim }: { yardstick?: { what: string; value: number }; aim?: Aim } = {},
): Figure {
  const { value, unit } = ours;
  const ratio = yardstick && (unit === 'jobs/s' ? yardstick.value / value : value / yardstick.value);
  return {
    what,
    ours,
    ...(yardstick && { yardstick: { ...yardstick, unit } }),
    ...(ratio !== undefined && { ratio }),
    ...(aim && { aim: judge(aim, value, unit, ratio) }),
  };
}

function judge(
  aim: Aim,
  value: number,
  unit: Unit,
  ratio: number | undefined,
): { text: string; met: boolean } {
  if ('ratio' in aim) {
    if (ratio === undefined) throw new Error('an aim for a ratio needs a yardstick');
    return { text: `ratio ≤ ${aim.ratio}`, met: ratio <= aim.ratio };
  }
  if ('most' in aim) return { text: `≤ ${show({ value: aim.most, unit })}`, met: value <= aim.most };
  return { text: `≥ ${show({ value: aim.least, unit })}`, met: value >= aim.least };
}

/** Three digits that mean something, and the unit. */
export function show({ value, unit }: Amount): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const rounded = value >= 1000 ? Number(value.toPrecision(3)) : Number(value.toFixed(digits));
  return `${rounded.toLocaleString('en-US')} ${unit}`;
}

/** The figures as a Markdown table that can be read as it is. */
export function table(figures: readonly Figure[]): string {
  const rows = [
    ['figure', 'ours', 'yardstick', 'ratio', 'aim', ''],
    ...figures.map(({ what, ours, yardstick, ratio, aim }) => [
      what,
      show(ours),
      yardstick ? `${show(yardstick)} (${yardstick.what})` : '',
      ratio === undefined ? '' : ratio.toFixed(2),
      aim?.text ?? '',
      aim === undefined ? '' : aim.met ? 'met' : 'MISSED',
    ]),
  ];
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] as string).length)),
  );
  const lines = rows.map(
    (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}
