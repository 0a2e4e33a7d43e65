import type { PagePlace } from './places.js';

/** What the keys do; the help of the command shows them as well. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['1-6, Tab', 'the views: types, running, waiting, failed, errors, all'],
  ['↑ ↓ j k', 'one row up or down'],
  ['PgUp PgDn', 'one screen up or down'],
  ['g G', 'the first row, the last row'],
  ['Enter →', 'the jobs of a type or an error; all of a job'],
  ['Esc ←', 'back; ends a search, and takes marks away'],
  ['/', 'search ids, types, payloads, errors, results, keys, groups and labels'],
  ['Space, a', 'mark a job; mark all jobs of the list'],
  ['r', 'retry: the marked jobs, or the chosen one; of an error, all its jobs'],
  ['c', 'cancel the jobs'],
  ['d', 'dismiss the failed jobs: they are dealt with'],
  ['p', 'pause the chosen type, or let its jobs start again'],
  ['f', 'freeze the screen, or go on'],
  ['+ -', 'look more often, or less often'],
  ['q, ^C', 'quit'],
  ['^Z', 'suspend, until fg'],
];

/** Returns the page that tells what the keys do. */
export const helpPage = (tab: number): PagePlace => ({
  ...{ kind: 'help', tab, title: 'keys', id: undefined, first: 0 },
  lines: [
    ...KEYS.map(([keys, does]) => `${keys.padEnd(11)}${does}`),
    '',
    'Waiting and running jobs stand in the order of their turn, all others with the newest first.',
    'A change of more than one job asks first, and so does each cancel.',
  ],
});
