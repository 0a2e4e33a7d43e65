import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './folders.js';

/** The text of a file of the project. */
export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every page of the documentation. */
export const PAGES = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The text between a heading and the next, which may be of a lower level. */
export function section(page: string, heading: string): string {
  const parts = page.split(/^##+ /m);
  const found = parts.find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found, `no section "${heading}"`);
  return found;
}

/** The names in the first column of the tables of a text. */
export const firstColumn = (text: string): string[] =>
  [...text.matchAll(/^\| (?:\d+ \| )?`([^`]+)`/gm)].map(([, name]) => name as string);

/** The keys of a type, which the compiler holds to be all of them. */
export const keys = <T>(all: Record<keyof T, true>): string[] => Object.keys(all);
