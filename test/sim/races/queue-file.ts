/** A row of the queue's file; written again here, by other means than the library's, which is judged by it. */
export interface Job {
  readonly id: string;
  readonly type: string;
  readonly payload: string;
  readonly key: string;
  readonly group: string;
  /** The jobs that it waits for, or has waited for. */
  readonly after: readonly string[];
  readonly status: string;
  readonly version: number;
  readonly attempts: number;
  readonly forgiven: number;
  readonly lockedBy: string;
  /** In ms. */
  readonly startedAt: number;
  readonly result: string;
  readonly followUps: string;
  readonly meta: string;
  readonly runAt: number;
  readonly offset: number;
}

const STATUSES = new Set([
  'pending',
  'processing',
  'completed',
  'failed',
  'cancelled',
  'waiting',
  'recurring',
]);

export type Line =
  | { kind: 'row'; job: Job }
  | { kind: 'nothing' | 'struck' | 'torn' | 'comment' | 'unreadable' };

/** What a line is, by docs/file-format.md. */
export function readLine(line: string, names: readonly string[], offset: number): Line {
  if (line === '') return { kind: 'nothing' };
  const fields = line.split('\t');
  const at = (name: string): string => fields[names.indexOf(name)] ?? '';
  if (line.startsWith('#')) return { kind: /^-+$/.test(at('status')) ? 'struck' : 'comment' };
  if (line.endsWith('\t#torn')) return { kind: 'torn' };
  const readable =
    fields.length === names.length &&
    !line.includes('\0') &&
    !/^[0-9a-f]{17,32}$/.test(at('id')) &&
    STATUSES.has(at('status')) &&
    /^[1-9]\d*$/.test(at('version'));
  if (!readable) return { kind: 'unreadable' };
  return {
    kind: 'row',
    job: {
      id: at('id'),
      type: at('type'),
      payload: at('payload'),
      key: at('dedupe_key'),
      group: at('group'),
      after: at('after').match(/[0-9a-f]{16}/g) ?? [],
      status: at('status'),
      version: Number(at('version')),
      attempts: Number(at('attempts')),
      forgiven: Number(at('forgiven')),
      lockedBy: at('locked_by'),
      startedAt: Number(at('started_at')) * 1000,
      result: at('result'),
      followUps: at('follow_ups'),
      meta: at('meta'),
      runAt: Number(at('run_at')) * 1000,
      offset,
    },
  };
}

/** Reads a queue's file from a place on, and calls back for each whole line. @returns where the first unread begins */
export function eachLine(
  content: Buffer,
  from: number,
  names: readonly string[],
  see: (line: Line, text: string) => void,
): number {
  let start = from;
  for (let end = content.indexOf(10, start); end >= 0; end = content.indexOf(10, start)) {
    const text = content.toString('latin1', start, end);
    see(readLine(text, names, start), text);
    start = end + 1;
  }
  return start;
}

/** What stands behind the last LF. @param from where that is; see {@link eachLine} */
export const lastLine = (content: Buffer, from: number, names: readonly string[]): Line =>
  readLine(content.toString('latin1', from), names, from);

/** Where the rows begin, and what the columns are called; undefined if there is no whole header. */
export function header(content: Buffer): { names: string[]; start: number } | undefined {
  const end = content.indexOf(10);
  if (end < 0) return undefined;
  return { names: content.toString('latin1', 0, end).split('\t'), start: end + 1 };
}
