import { widthOf } from '../screen/width.js';
import { isList, type Place } from './places.js';
import type { Session } from './session.js';

/** What the last line says. */
export interface Footer {
  readonly kind: 'keys' | 'message' | 'trouble' | 'question';
  readonly text: string;
}

/** Returns what is most urgent: what is asked or typed, what came of a change, what is wrong, or else the keys. */
export function footerOf(
  { input, question, message, trouble, place, shown }: Session,
  columns: number,
): Footer {
  if (input !== undefined) return { kind: 'question', text: `/${endOf(input, columns - 2)}▏` };
  if (question !== undefined) return { kind: 'question', text: question.text };
  if (message !== '') return { kind: 'message', text: message };
  if (trouble !== '') return { kind: 'trouble', text: `✗ ${trouble}` };
  return { kind: 'keys', text: keysOf(place, shown.isReadOnly) };
}

/** Returns the end of a text that is being typed. */
function endOf(text: string, columns: number): string {
  const characters = [...text];
  while (widthOf(characters.join('')) > columns) characters.shift();
  return characters.join('');
}

function keysOf(place: Place, isReadOnly: boolean): string {
  const always = '/ search  ? help  q quit';
  if (!isList(place))
    return `esc back  ↑↓ move  ${isReadOnly || place.kind === 'help' ? '' : 'r retry  c cancel  d dismiss  '}${always}`;
  const opens = { types: 'its jobs', errors: 'its jobs', jobs: 'all of it' }[place.kind];
  const changes = {
    types: 'p pause  ',
    errors: 'r retry all  d dismiss all  ',
    jobs: 'space mark  r retry  c cancel  d dismiss  ',
  }[place.kind];
  return `1-6 views  ↑↓ move  ⏎ ${opens}  ${isReadOnly ? '' : changes}${always}`;
}
