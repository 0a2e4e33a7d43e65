import stringWidth from 'string-width';

/** How many columns of a terminal a text takes: wide characters take two, and combining ones none. */
export const widthOf = (text: string): number => (/^[ -~]*$/.test(text) ? text.length : stringWidth(text));

const characters = new Intl.Segmenter();

/** Returns a text that takes at most so many columns; a longer one ends with an ellipsis. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 1;
  let kept = '';
  for (const { segment } of characters.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return columns < 1 ? '' : `${kept.trimEnd()}…`;
}

/** Fills a text up with spaces to so many columns. @param isRight true to align it at the right */
export function pad(text: string, columns: number, isRight: boolean = false): string {
  const spaces = ' '.repeat(Math.max(0, columns - widthOf(text)));
  return isRight ? spaces + text : text + spaces;
}

/** Breaks a text into lines of at most so many columns, between words where possible. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = fit(word, columns);
  }
  return [...lines, line];
}

/** Breaks a text into lines of at most so many columns, wherever they end, and keeps its spaces. */
export function fold(text: string, columns: number): string[] {
  if (widthOf(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  let width = 0;
  for (const { segment } of characters.segment(text)) {
    const more = widthOf(segment);
    if (width + more > columns) {
      lines.push(line);
      line = '';
      width = 0;
    }
    line += segment;
    width += more;
  }
  return [...lines, line];
}
