import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock, type TestContext } from 'node:test';
import { openQueue } from '../../../lib/open-queue.js';
import type { Queue } from '../../../lib/queue.js';
import { createDashboard } from '../../../lib/web/dashboard.js';
import type { Action, DashboardOptions } from '../../../lib/web/options.js';
import { temporaryFolder } from '../../support/folders.js';
import { jobId, line, writeQueue } from '../../support/queue-file.js';

/*
 * The time of day stands still in the files that import this, half a minute before a full one, so that ages and minutes
 * are the same however slow the machine is. It lies in the past, because locks are as old as the disk says.
 */
mock.timers.enable({ apis: ['Date'], now: Math.floor(Date.now() / 60_000) * 60_000 - 30_000 });

export type Fields = Parameters<typeof line>[0];

/** A page as a browser gets it. */
export interface Page {
  readonly status: number;
  readonly html: string;
  /** What a person reads, on one line. */
  readonly text: string;
  readonly location: string | null;
}

/** The pages of a queue. */
export interface Browsing {
  readonly file: string;
  readonly queue: Queue;
  readonly get: (path: string) => Promise<Page>;
  /** Sends a form. */
  readonly post: (path: string, fields: Record<string, string> | URLSearchParams) => Promise<Page>;
  readonly actions: Action[];
}

export const BASE = '/admin/queue';

/** Opens the pages of a queue of these lines, with a worker that has just looked; without lines, there is no file. */
export function browse(
  t: TestContext,
  lines?: readonly string[],
  options: Partial<DashboardOptions> = {},
): Browsing {
  const file = join(temporaryFolder(t), 'queue.tsv');
  if (lines !== undefined) {
    writeQueue(file, ...lines);
    writeFileSync(`${file}.tick`, `${seconds()}\n`);
  }
  const queue = openQueue(file, { anyFileSystem: true, noWorkerAfter: false });
  const actions: Action[] = [];
  const dashboard = createDashboard(queue, {
    base: BASE,
    access: () => ({ access: 'write', user: 'ann' }),
    onAction: (action) => void actions.push(action),
    ...options,
  });
  t.after(async () => {
    dashboard.close();
    await queue.close();
  });
  const ask = async (path: string, init: RequestInit = {}): Promise<Page> => {
    const answer = await dashboard.fetch(new Request(`http://localhost${BASE}${path}`, init));
    const html = await answer.text();
    const page = { status: answer.status, html, location: answer.headers.get('location') };
    if (html.startsWith('<!doctype')) checkPage(html);
    return { ...page, text: textOf(html) };
  };
  return {
    ...{ file, queue, actions },
    get: (path) => ask(path),
    post: (path, fields) => ask(path, { method: 'POST', body: new URLSearchParams(fields) }),
  };
}

/** What holds on each page: nothing is inline, all addresses lie under the base, elements end, and ids are unique. */
function checkPage(html: string): void {
  const [inline] =
    /<[^>]*\s(style|on\w+)=|<style|<script(?! src=)/.exec(html.replace(/"[^"]*"/g, '""')) ?? [];
  assert.equal(inline, undefined);
  for (const [, address = ''] of html.matchAll(/\s(?:href|src|action)="([^"]*)"/g))
    assert.ok(address.startsWith(`${BASE}/`) || address.startsWith('#'), address);
  const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length, `an id twice: ${ids}`);
  const open: string[] = [];
  for (const [, end, name = '', , rest] of html.matchAll(
    /<(\/?)([a-z][a-z0-9]*)((?:"[^"]*"|[^">])*?)(\/?)>/g,
  )) {
    if (rest === '/' || ['meta', 'link', 'img', 'input'].includes(name)) continue;
    if (end !== '/') open.push(name);
    else assert.equal(open.pop(), name, `an element that isn't open is ended: ${name}`);
  }
  assert.deepEqual(open, []);
  const headings = [...html.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  assert.equal(headings.filter((level) => level === 1).length, 1, 'one h1');
  assert.equal(headings[0], 1);
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

export const textOf = (html: string): string =>
  html
    .replace(/<(title|desc)\b.*?<\/\1>/gs, ' ')
    .replace(/<\/?(a|b|span|time|small|code)\b[^>]*>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(#?\w+);/g, (all, name: string) => ENTITIES[name] ?? all)
    .replace(/\s+/g, ' ')
    .trim();

/** Returns a part of a page: from a text on. */
export function partOf(html: string, from: string, to: string): string {
  const start = html.indexOf(from);
  assert.ok(start >= 0, `no ${from}`);
  return html.slice(start, html.indexOf(to, start + from.length));
}

/** Returns the rows of the table that follows a text, each as what a person reads. */
export const rowsAfter = (html: string, from: string): string[] =>
  partOf(html, from, '</table>')
    .split('<tr')
    .slice(2)
    .map((row) => textOf(`<tr${row}`));

export const seconds = (): number => Date.now() / 1000;

/** The line of a job that ended a minute ago. */
export const ended = (n: number, fields: Fields = {}): string =>
  line({
    ...{ id: jobId(n), status: 'completed', attempts: 1, version: 3 },
    ...{ created_at: seconds() - 90, run_at: seconds() - 64 },
    ...{ started_at: seconds() - 62, finished_at: seconds() - 60, ...fields },
  });

/** The line of a job that failed a minute ago. */
export const failed = (n: number, fields: Fields = {}): string =>
  ended(n, {
    status: 'failed',
    attempts: 3,
    error: 'Error: hooks.example answered 503\\n    at work',
    ...fields,
  });

/** The line of a job that is due in an hour. */
export const later = (n: number, fields: Fields = {}): string =>
  line({ id: jobId(n), created_at: seconds() - 10, run_at: seconds() + 3600, ...fields });
