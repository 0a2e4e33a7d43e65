import { isFinal } from '../../job/job.js';
import { decodeAfter } from '../format/after.js';
import { keyName } from '../format/key-name.js';
import type { Layout } from '../format/layout.js';
import type { LineReader } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';

/** The jobs of one key, by their slots. */
interface Holders {
  /** The jobs that are not final: one or two, so that a list takes the least memory. */
  readonly open: number[];
  /** The job whose row came last. */
  last: number;
}

/**
 * Finds jobs by what their rows say about other jobs: those with the same key, and those that wait for a job. Most
 * jobs have neither, and cost nothing here. A job's row may have changed since, so that the caller has to look.
 */
export class JoinMap {
  readonly #holders = new Map<string, Holders>();
  readonly #children = new Map<string, Set<number>>();

  /** Notes what the row read last, its job's newest, says of other jobs. */
  addRow(slot: number, row: LineReader, { at }: Layout): void {
    if (row.has(at.dedupe_key))
      this.#addKey(slot, row.text(at.type), row.text(at.dedupe_key), !isFinal(row.status));
    if (row.status === 'waiting') this.#addChild(slot, decodeAfter(row.text(at.after))?.ids ?? []);
  }

  /** Notes what a job's new row says of other jobs. */
  addJob(slot: number, job: StoredJob): void {
    const { dedupeKey, status } = job;
    if (dedupeKey !== '') this.#addKey(slot, job.type, dedupeKey, !isFinal(status));
    if (status === 'waiting') this.#addChild(slot, job.after?.ids ?? []);
  }

  /** Returns the open jobs with a key, and the one whose row came last. */
  withKey(type: string, key: string): number[] {
    const holders = this.#holders.get(keyName(type, key));
    return holders === undefined ? [] : [...new Set([...holders.open, holders.last])];
  }

  /** True if a job with the key is open. */
  hasOpen(type: string, key: string): boolean {
    return (this.#holders.get(keyName(type, key))?.open.length ?? 0) > 0;
  }

  /** True if a job waits, or waited, for another one. */
  get hasChildren(): boolean {
    return this.#children.size > 0;
  }

  /** Returns the jobs that wait, or waited, for this one. */
  childrenOf(id: string): readonly number[] {
    return [...(this.#children.get(id) ?? [])];
  }

  #addKey(slot: number, type: string, key: string, isOpen: boolean): void {
    const name = keyName(type, key);
    let holders = this.#holders.get(name);
    if (holders === undefined) {
      holders = { open: [], last: slot };
      this.#holders.set(name, holders);
    }
    holders.last = slot;
    const { open } = holders;
    const place = open.indexOf(slot);
    if (isOpen && place < 0) open.push(slot);
    if (!isOpen && place >= 0) open.splice(place, 1);
  }

  #addChild(slot: number, parents: readonly string[]): void {
    for (const id of parents) {
      const children = this.#children.get(id);
      if (children === undefined) this.#children.set(id, new Set([slot]));
      else children.add(slot);
    }
  }
}
