/** One line of a chart. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  /** The value in words. */
  readonly label: string;
  readonly ours: boolean;
  /** Survives power loss: drawn in full colour, others pale. */
  readonly durable: boolean;
}

const WIDTH = 760;
const LEFT = 330;
const RIGHT = 110;
const TOP = 62;
const LINE = 26;
const BAR = 16;

/** Bars from the same zero, as an SVG that needs no fonts or scripts and follows the reader's light or dark. */
export function chart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = TOP + bars.length * LINE + 30;
  const lines = bars.map(({ name, value, label, ours, durable }, i) => {
    const y = TOP + i * LINE;
    const width = Math.max(1, ((WIDTH - LEFT - RIGHT) * value) / most);
    const kind = `${ours ? 'ours' : 'theirs'}${durable ? '' : ' pale'}`;
    return [
      `  <text class="name${ours ? ' strong' : ''}" x="${LEFT - 10}" y="${y + 13}">${escaped(name)}</text>`,
      `  <rect class="${kind}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
      `  <text x="${(LEFT + width + 8).toFixed(1)}" y="${y + 13}">${escaped(label)}</text>`,
    ].join('\n');
  });
  const legend = 'full colour: survives power loss; pale: the death of processes only';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .quiet { fill: #59636e; font-size: 12px; }
    .name { text-anchor: end; }
    .strong { font-weight: 600; }
    .ours { fill: #0969da; }
    .theirs { fill: #818b98; }
    .pale { opacity: 0.45; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
      .ours { fill: #4493f8; }
      .theirs { fill: #9198a1; }
    }
  </style>
  <text class="title" x="10" y="24">${escaped(title)}</text>
  <text class="quiet" x="10" y="44">${escaped(subtitle)}</text>
${lines.join('\n')}
  <text class="quiet" x="10" y="${height - 10}">${legend}</text>
</svg>
`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
