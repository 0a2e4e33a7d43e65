import { readFileSync } from 'node:fs';

/*
 * The style, script and icon of the pages. The package has the texts themselves here instead: see scripts/build.js.
 */

const read = (name: string): string =>
  readFileSync(new URL(`../../../dist/assets/${name}`, import.meta.url), 'utf8');

export const style: string = read('style.css');
export const client: string = read('client.js');
export const report: string = read('report.js');
export const icon: string = read('icon.svg');
