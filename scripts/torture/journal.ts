import { readFileSync } from 'node:fs';

/** One line of a journal. Of a call there are two: it is asked for, then the answer is told (or it is refused). */
export type Entry = { readonly t: number } & (
  | { readonly e: 'up' }
  | ({ readonly e: 'ask' } & Request)
  | ({ readonly e: 'told' } & Request & {
        readonly ids?: readonly string[];
        readonly done?: boolean;
        /** What came of a job with a key. */
        readonly outcome?: string;
      })
  | ({ readonly e: 'refused' } & Request & { readonly code: string; readonly message: string })
  | {
      readonly e: 'start' | 'end';
      readonly id: string;
      readonly attempt: number;
      /** The payload's, if the job has a key. */
      readonly tag?: string;
      /** When the attempt was claimed, in ms since 1970, if its type has a limit. */
      readonly claimed?: number;
    }
  | { readonly e: 'recorded'; readonly event: string; readonly id: string; readonly attempt?: number }
  | { readonly e: 'seen'; readonly id: string; readonly status: string; readonly attempt: number }
  | { readonly e: 'warning'; readonly message: string }
);

/** What was asked for. */
export type Request =
  | { readonly op: 'add'; readonly tags: readonly string[] }
  | { readonly op: 'add keyed'; readonly tags: readonly string[]; readonly key: string }
  | { readonly op: 'cancel'; readonly id: string }
  | { readonly op: 'retry'; readonly id: string; readonly attempt: number }
  | { readonly op: 'edit'; readonly id: string; readonly mark: number }
  | { readonly op: 'run now' }
  | { readonly op: 'schedule' | 'pause schedule' | 'resume schedule' }
  | { readonly op: 'compact' | 'work' | 'pause' | 'resume' };

/** The entries of one journal, over all the lives of its process; lines that a kill cut are left out. */
export const readJournal = (path: string): Entry[] => parseJournal(readFileSync(path, 'utf8'));

/** The entries of a text from a journal. A line that is cut is left out. */
export function parseJournal(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      return [];
    }
  });
}

/** A call, from its question to the last moment at which it may have had an effect. */
export type Call = Request & {
  readonly from: number;
  /** When the answer came, or at the latest when its process was killed; Infinity for the last life of all. */
  readonly to: number;
  readonly answer: Extract<Entry, { e: 'told' | 'refused' }> | undefined;
};

/** Joins questions and answers. */
export function callsOf(journal: readonly Entry[]): Call[] {
  const calls: Call[] = [];
  let open: Extract<Entry, { e: 'ask' }>[] = [];
  const close = (to: number): void => {
    for (const { t, e: _, ...request } of open)
      calls.push({ ...request, from: t, to, answer: undefined } as Call);
    open = [];
  };
  for (const entry of journal) {
    if (entry.e === 'up') close(entry.t);
    else if (entry.e === 'ask') open.push(entry);
    else if (entry.e === 'told' || entry.e === 'refused') {
      const asked = open.find((other) => keyOf(other) === keyOf(entry));
      if (asked === undefined) continue;
      open = open.filter((other) => other !== asked);
      const { t, e: _, ...request } = asked;
      calls.push({ ...request, from: t, to: entry.t, answer: entry } as Call);
    }
  }
  close(Number.POSITIVE_INFINITY);
  return calls;
}

/** Several calls of one process may be under way at a time. */
const keyOf = (request: Request): string =>
  [request.op, 'id' in request ? request.id : '', 'tags' in request ? request.tags.join() : ''].join(' ');
