import { isFinal } from '../../job/job.js';
import { decodeAfter } from '../format/after.js';
import type { Column } from '../format/columns.js';
import { keyName } from '../format/key-name.js';
import type { LineReader } from '../format/line.js';
import { brief } from '../format/text.js';
import type { Finding } from './finding.js';

/** A job that waits, with its key. */
interface Keyed {
  readonly id: string;
  readonly line: number;
  readonly createdAt: number;
  /** The ids of the jobs that it waits for. */
  readonly after: readonly string[];
}

/**
 * The jobs that wait for their first start, by type and key. Two of them with one key are made only by an edit by hand.
 * A job that has begun before doesn't count, because another one may be added while it runs (`dedupe: 'queued'`).
 */
export class SharedKeys {
  readonly #byKey = new Map<string, Keyed[]>();

  /** Notes the row read last. Call it for a job's newest row. @param line the row's number */
  look(reader: LineReader, at: Readonly<Record<Column, number>>, line: number): void {
    if (!reader.has(at.dedupe_key) || isFinal(reader.status) || reader.number(at.attempts, 0) > 0) return;
    const name = keyName(reader.text(at.type), reader.text(at.dedupe_key));
    const job: Keyed = {
      id: reader.text(at.id),
      line,
      createdAt: reader.number(at.created_at, 0),
      after: decodeAfter(reader.text(at.after))?.ids ?? [],
    };
    const others = this.#byKey.get(name);
    if (others === undefined) this.#byKey.set(name, [job]);
    else others.push(job);
  }

  /** Returns a finding for each job whose key a newer one has. */
  findings(): Finding[] {
    return [...this.#byKey].flatMap(([name, jobs]) => {
      const ids = new Set(jobs.map(({ id }) => id));
      // A job behind another one with its key is as it should be.
      const side = jobs.filter(({ after }) => !after.some((id) => ids.has(id)));
      if (side.length < 2) return [];
      const newest = side.reduce((a, b) => (b.createdAt >= a.createdAt ? b : a));
      const key = JSON.stringify(brief(name.slice(name.indexOf('\t') + 1)));
      return side
        .filter((job) => job !== newest)
        .map(({ id, line }) => ({
          kind: 'key',
          line,
          id,
          message:
            `job ${brief(id)} waits with the key ${key}, and so does job ${brief(newest.id)}, from an edit by hand: ` +
            `both run, and the newer one, ${brief(newest.id)}, answers for the key; cancel one of them: queue cancel ${brief(id)}`,
        }));
    });
  }
}
