import { short } from '../../view/numbers.js';
import { harmless } from '../../view/text.js';
import type { Look, View } from '../../view/view.js';
import type { Colours } from '../screen/colours.js';
import { fit, fold, pad } from '../screen/width.js';
import { failureLines, runningLines } from '../status/jobs.js';
import type { Footer } from './footer.js';
import { countLine, hourLine, problemLine, tabLine, titleLine } from './header.js';
import { isList, type ListPlace, MOST_JOBS, type PagePlace, type Place } from './places.js';

/** A screen with fewer lines has a shorter header. */
const LEAST_LINES = 16;
/** The columns before each row: one for the choice, one for a mark. */
const GUTTER = 2;

/** All that a screen shows. */
export interface Picture {
  readonly look: Look;
  readonly view: View;
  readonly place: Place;
  readonly footer: Footer;
  /** Words before the verdict: that the picture is frozen. */
  readonly note: string;
  readonly columns: number;
  readonly rows: number;
  readonly colours: Colours;
}

/** Returns the lines of the screen, none wider than it. */
export function frameLines(picture: Picture): string[] {
  const { look, place, footer, note, columns, rows, colours } = picture;
  const isTall = rows >= LEAST_LINES;
  const top = [
    titleLine(look, note, columns, colours),
    countLine(look, columns),
    ...(isTall ? [hourLine(look, columns), problemLine(look, columns, colours)] : []),
    tabLine(look, place.tab, columns, colours),
    ...placeLine(place, columns, colours),
  ];
  const height = Math.max(1, rows - top.length - 1);
  const body = isList(place) ? listLines(picture, place, height) : pageLines(place, height, columns);
  const filled = [...body, ...Array.from({ length: Math.max(0, height - body.length) }, () => '')];
  return [...top, ...filled.slice(0, height), footerLine(footer, columns, colours)].slice(-rows);
}

/** Says what the list has, unless it is a whole view. */
function placeLine(place: Place, columns: number, { strong }: Colours): string[] {
  const words = [harmless(place.title)];
  if (isList(place)) {
    const { text, total, hasMore, selection, limit } = place;
    const isPart = place.kind === 'jobs' && total > limit && limit >= MOST_JOBS;
    if (text !== '') words.push(`with ${harmless(JSON.stringify(text))}`);
    if (text !== '' || place.title !== '') words.push(`${short(total)}${hasMore ? ' or more' : ''}`);
    if (isPart) words.push(`only ${short(MOST_JOBS)} are listed`);
    if (selection.marks.size > 0) words.push(`${selection.marks.size} marked`);
  }
  const line = words.filter((word) => word !== '').join(' · ');
  return line === '' ? [] : [strong(fit(line, columns))];
}

function pageLines(place: PagePlace, height: number, columns: number): string[] {
  const lines = place.lines.flatMap((line) => fold(line, columns));
  place.first = Math.max(0, Math.min(place.first, lines.length - height));
  return lines.slice(place.first, place.first + height);
}

function listLines(picture: Picture, place: ListPlace, height: number): string[] {
  const { look, view, columns, colours } = picture;
  const { rows, selection } = place;
  if (rows.size === 0) return [`  ${place.text === '' ? 'nothing here' : 'nothing found'}`];
  const shown = Math.max(1, height - 1);
  selection.scroll(shown, rows.size);
  const { first, index, marks } = selection;
  const [head = '', ...lines] = rows.table(first, first + shown, columns - GUTTER, colours);
  const table = lines.map((line, i) => {
    const id = marks.size > 0 ? rows.idAt(first + i) : undefined;
    const mark = id !== undefined && marks.has(id) ? '*' : ' ';
    if (first + i !== index) return ` ${mark}${line}`;
    return `\x1b[7m${pad(`>${mark}${line}`, columns)}\x1b[27m`;
  });
  const list = [colours.dim(`${' '.repeat(GUTTER)}${head}`), ...table];
  if (place.kind !== 'types') return list;
  const screen = { view, columns, colours };
  return [...list, '', ...runningLines(look.snapshot, screen), ...failureLines(look.snapshot, screen)];
}

function footerLine({ kind, text }: Footer, columns: number, { bad, dim, strong }: Colours): string {
  const line = fit(harmless(text), columns);
  return { keys: dim, message: (it: string) => it, trouble: bad, question: strong }[kind](line);
}
