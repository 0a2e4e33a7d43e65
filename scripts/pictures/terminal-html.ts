/*
 * Makes a page that looks like a terminal from what stood in one, with the sequences of its colours.
 */

/** The colours of the sequences 30 to 37, and of 90 to 97. */
const COLOURS = ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#c9d1d9'];
/** A sequence, and its codes. */
const SEQUENCE = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`);
const BACKGROUND = '#0d1117';
const TEXT = '#c9d1d9';

/** How the letters that follow look. */
interface Style {
  readonly colour?: string | undefined;
  readonly isBold?: boolean;
  readonly isDim?: boolean;
  readonly isInverse?: boolean;
}

/** Returns a page with the text of a terminal. @param title what stands in the title of its window */
export function terminalHtml(title: string, text: string): string {
  return `<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; padding: 12px; background: transparent; }
    div { display: inline-block; border-radius: 10px; background: ${BACKGROUND}; color: ${TEXT}; }
    header { padding: 8px 16px; font: 12px "DejaVu Sans", sans-serif; color: #8b949e; border-bottom: 1px solid #21262d; }
    pre { margin: 0; padding: 12px 16px 16px; font: 13px/1.35 "DejaVu Sans Mono", monospace; }
    </style><div><header>${escaped(title)}</header><pre>${coloured(text.trimEnd())}</pre></div>`;
}

/** Returns HTML with the colours that the sequences ask for. */
function coloured(text: string): string {
  let style: Style = {};
  let found = '';
  for (const [i, part] of text.split(SEQUENCE).entries()) {
    if (i % 2 === 1) for (const code of part.split(';')) style = changed(style, Number(code));
    else if (part !== '') found += `<span style="${cssOf(style)}">${escaped(part)}</span>`;
  }
  return found;
}

function changed(style: Style, code: number): Style {
  if (code === 0) return {};
  if (code === 1) return { ...style, isBold: true };
  if (code === 2) return { ...style, isDim: true };
  if (code === 7) return { ...style, isInverse: true };
  if (code === 22) return { ...style, isBold: false, isDim: false };
  if (code === 27) return { ...style, isInverse: false };
  if (code === 39) return { ...style, colour: undefined };
  const bright = code >= 90 ? 90 : 30;
  return code >= bright && code < bright + 8 ? { ...style, colour: COLOURS[code - bright] } : style;
}

function cssOf({ colour = TEXT, isBold, isDim, isInverse }: Style): string {
  const colours = isInverse ? `color:${BACKGROUND};background:${colour}` : `color:${colour}`;
  return `${colours}${isBold ? ';font-weight:bold' : ''}${isDim ? ';opacity:.6' : ''}`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
