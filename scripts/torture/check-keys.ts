import type { Check, Evidence } from './check.js';
import type { Entry } from './journal.js';

/*
 * What must be true of jobs with keys. Every call here has the scope 'active': a key has one job at a time, and one
 * more that waits until that one has ended.
 */

type Start = Extract<Entry, { e: 'start' | 'end' }>;

const tagOf = (payload = '{}'): unknown => (JSON.parse(payload) as { tag?: unknown }).tag;

/** A payload that was acknowledged is its job's, unless another call replaced it later, or at the same time. */
const acknowledgedPayloadsStand: Check = ({ jobs, of }, fail) => {
  const calls = of('add keyed');
  const byTag = new Map(calls.map((call) => [call.tags[0], call]));
  for (const { tags, from, answer } of calls) {
    if (answer?.e !== 'told') continue;
    const [id = ''] = answer.ids ?? [];
    const row = jobs.get(id);
    if (row === undefined) fail(`job ${id} was ${answer.outcome} and is gone`);
    else if (answer.outcome !== 'existing') {
      const tag = tagOf(row.payload);
      const other = byTag.get(String(tag));
      if (tag !== tags[0] && !(other !== undefined && other.to >= from))
        fail(`job ${id} was ${answer.outcome} with ${tags[0]}, and has the payload ${tag}`);
    }
  }
};

/** A completed job has run with the payload that it has: the last one isn't dropped. */
const lastPayloadRan: Check = ({ jobs, entries }, fail) => {
  for (const entry of entries) {
    if (entry.e !== 'start' || entry.tag === undefined) continue;
    const { status, attempts, payload } = jobs.get(entry.id) ?? {};
    if (status !== 'completed' || attempts !== String(entry.attempt)) continue;
    if (tagOf(payload) !== entry.tag)
      fail(`job ${entry.id} completed with ${entry.tag}, and has the payload ${tagOf(payload)}`);
  }
};

/** Two handlers of one key don't run at once. A handler whose job is cancelled goes on for a moment. */
const oneRunsAtATime: Check = (evidence, fail) => {
  const { jobs, of } = evidence;
  const cancelled = new Set(of('cancel').map(({ id }) => id));
  const byKey = new Map<string, Span[]>();
  for (const span of spansOf(evidence)) {
    const { dedupe_key: key = '', status, attempts } = jobs.get(span.id) ?? {};
    // A schedule may have cancelled its own.
    const isSure = !key.startsWith('@') || (status === 'completed' && attempts === '1');
    if (key !== '' && isSure && !cancelled.has(span.id)) byKey.set(key, [...(byKey.get(key) ?? []), span]);
  }
  for (const [key, spans] of byKey) {
    spans.sort((a, b) => a.from - b.from);
    for (const [i, span] of spans.slice(1).entries()) {
      const before = spans[i] as Span;
      if (span.from < before.to && span.id !== before.id)
        fail(`jobs ${before.id} and ${span.id} of ${key} ran at once`);
    }
  }
};

/** An attempt of which the handler began and came to its end. */
interface Span {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

function spansOf({ entries }: Evidence): Span[] {
  const begun = new Map<string, Start>();
  const spans: Span[] = [];
  for (const entry of entries) {
    if (entry.e !== 'start' && entry.e !== 'end') continue;
    const name = `${entry.id}:${entry.attempt}`;
    const start = begun.get(name);
    if (entry.e === 'start') begun.set(name, entry);
    else if (start !== undefined) spans.push({ id: entry.id, from: start.t, to: entry.t });
  }
  return spans;
}

export const KEY_CHECKS: readonly Check[] = [acknowledgedPayloadsStand, lastPayloadRan, oneRunsAtATime];
