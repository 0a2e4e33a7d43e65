import { isFinal } from '../../job/job.js';
import type { Column } from '../format/columns.js';
import { LF, LineReader } from '../format/line.js';
import { readMeta, writeMeta } from '../format/meta.js';
import { brief } from '../format/text.js';
import type { JobIndex } from '../index/job-index.js';
import { sealedPart } from '../index/sealed.js';
import type { Store } from '../store.js';
import type { Finding } from './finding.js';

/** The number of interruptions in a row after which a person has to look at a job. */
const OFTEN = 3;

const NOTE = Buffer.from('"@interruptions":');

/** Describes the row read last if its job is interrupted again and again; otherwise undefined. */
function describeRow(reader: LineReader, at: Readonly<Record<Column, number>>): string | undefined {
  if (isFinal(reader.status) || !reader.has(at.meta)) return undefined;
  const times = readMeta(reader.text(at.meta))['@interruptions'] ?? 0;
  if (times < OFTEN) return undefined;
  return `job ${brief(reader.text(at.id))} (${brief(reader.text(at.type))}) was interrupted ${times} times in a row`;
}

/** A row of a job that was interrupted again and again. */
interface Interrupted {
  readonly version: number;
  readonly problem: string;
}

/** What was found in an index, by slot, up to a byte: later rows may supersede it, and only they have to be read. */
const known = new WeakMap<
  JobIndex,
  { readonly position: number; readonly found: ReadonlyMap<number, Interrupted> }
>();

/**
 * Describes the open jobs interrupted three times in a row or more as one problem; undefined if there is
 * none. It reads only rows with {@link NOTE}. Other rows cost a search in their bytes, once for each reader.
 */
export async function interruptedProblem(store: Store): Promise<string | undefined> {
  const index = await store.read('open');
  if (index === undefined) return undefined;
  const { position } = index;
  const before = known.get(index);
  const found = new Map(before?.found);
  if (before?.position !== position) await findMore(index, before?.position, found);
  for (const [slot, { version }] of found) if (index.version(slot) !== version) found.delete(slot);
  known.set(index, { position, found });
  const [first] = found.values();
  if (first === undefined || found.size === 1) return first?.problem;
  return `${found.size} jobs were interrupted again and again, the first: ${first.problem}`;
}

async function findMore(
  index: JobIndex,
  from: number | undefined,
  found: Map<number, Interrupted>,
): Promise<void> {
  const { file } = index;
  const { at } = file.layout;
  const reader = new LineReader(file.layout);
  await file.eachBlock(from ?? sealedPart(file).end, (bytes, end) => {
    for (let hit = bytes.indexOf(NOTE); hit >= 0 && hit < end; ) {
      const stop = bytes.indexOf(LF, hit);
      if (reader.read(bytes, bytes.lastIndexOf(LF, hit) + 1, stop) === 'row') {
        const slot = index.findRow(reader);
        const problem = describeRow(reader, at);
        // A superseded row may not be struck yet.
        if (slot !== undefined && problem !== undefined && index.version(slot) === reader.version)
          found.set(slot, { version: reader.version, problem });
      }
      hit = bytes.indexOf(NOTE, stop);
    }
  });
}

/** Returns the problem in the `meta` of the row read last. Call it for a job's newest row that isn't final. */
export function metaFinding(reader: LineReader, at: Readonly<Record<Column, number>>): Finding | undefined {
  if (!reader.has(at.meta)) return undefined;
  const id = reader.text(at.id);
  if (writeMeta(reader.text(at.meta), { '@interruptions': 1 }) === undefined) {
    const message = `the meta of job ${brief(id)} is not a JSON object, or too long: no wait or interruption can be noted in it, so each counts as an attempt`;
    return { kind: 'meta', id, message };
  }
  const problem = describeRow(reader, at);
  const what = 'give its workers more time, or the job less to do; queue cancel stops it';
  return problem === undefined ? undefined : { kind: 'interrupted', id, message: `${problem}; ${what}` };
}
