import { followUpId } from '../../../lib/file/format/derived-id.js';
import { type KeyedJob, scopeOf } from './key-requests.js';
import type { Job } from './queue-file.js';
import { hasScheduleKey } from './slot-judge.js';

const isFinal = (status: string): boolean => /^(completed|failed|cancelled)$/.test(status);
const isQueued = ({ status }: Job): boolean => status === 'pending' || status === 'waiting';
/** Keys of schedules have rules of their own. */
const isKeyed = (job: Job): boolean => job.key !== '' && !hasScheduleKey(job);
const nameOf = ({ type, key }: Pick<Job, 'type' | 'key'>): string => `${type}\t${key}`;
const markOf = (payload: string): string => /"mark":"(\w+)"/.exec(payload)?.[1] ?? '';

/** A follow-up with a key that a handler asked for. */
interface KeyedFollowUp {
  readonly index: number;
  readonly type: string;
  readonly key: string;
}

/** What a call with keys was told. */
export interface Added {
  readonly id: string;
  readonly outcome: string;
}

/** Knows who holds which key, from one row to the next, and says what must not happen. */
export class KeyJudge {
  /** The jobs with keys that are in the file. */
  readonly #jobs = new Map<string, Job>();
  readonly #byKey = new Map<string, Set<string>>();
  /** The payloads that a job has had in the file, with the version that brought each. */
  readonly #marks = new Map<string, { version: number; mark: string }[]>();
  /** The payload of each claim, by id and attempt, and the version of a job's last claim. */
  readonly #claims = new Map<string, string>();
  readonly #lastClaim = new Map<string, number>();
  /** When a job became final, or went to the archive. */
  readonly #closedAt = new Map<string, number>();
  /** Keys of which power loss has lost a row in the middle of an append that no sync had covered. */
  readonly #broken = new Set<string>();
  readonly #asked = new Map<string, KeyedFollowUp[]>();
  /** Follow-ups by their ids: whether they have to be there, or must never be. */
  readonly #followUps = new Map<string, { parent: string; version: number; isThere: boolean }>();
  readonly #violation: (what: string) => void;
  readonly #elapsed: () => number;

  constructor(violation: (what: string) => void, elapsed: () => number) {
    this.#violation = violation;
    this.#elapsed = elapsed;
  }

  // ---- what is in the file ----

  /** A row that counts was appended. @param before the job's row before it */
  row(before: Job | undefined, job: Job): void {
    if (isKeyed(job)) this.#judge(before, job);
    this.#keep(job);
    if (job.status === 'completed') this.#completes(job);
  }

  /** Another file has the name. @param isFollowed false for the first file, and after power loss */
  newFile(jobs: ReadonlyMap<string, Job>, isFollowed: boolean): void {
    const before = new Map(this.#jobs);
    for (const id of before.keys()) {
      if (jobs.has(id)) continue;
      this.#drop(id);
      if (!this.#closedAt.has(id)) this.#closedAt.set(id, this.#elapsed());
    }
    const keyed = [...jobs.values()].filter(isKeyed);
    for (const job of keyed) {
      const old = before.get(job.id);
      if (old?.version === job.version) continue;
      const isMade = isFollowed && (old === undefined || old.status === 'waiting');
      if (isMade) this.#judge(old, job);
      this.#keep(job);
    }
    if (isFollowed) return;
    for (const job of keyed) if (!this.#isOrderly(job)) this.#broken.add(nameOf(job));
  }

  /** What is in the file counts; who held what is asked anew. */
  powerLost(promised: (id: string) => number): void {
    for (const id of [...this.#jobs.keys()]) this.#drop(id);
    this.#marks.clear();
    this.#broken.clear();
    this.#lastClaim.clear();
    for (const [id, { parent, version, isThere }] of this.#followUps)
      if (!isThere || promised(parent) < version) this.#followUps.delete(id);
  }

  #keep(job: Job): void {
    if (!isKeyed(job)) return;
    const { id, version, attempts, status } = job;
    const mark = markOf(job.payload);
    const marks = this.#marks.get(id) ?? [];
    if (marks.at(-1)?.mark !== mark) this.#marks.set(id, [...marks, { version, mark }]);
    if (status === 'processing') {
      this.#claims.set(`${id}:${attempts}`, mark);
      this.#lastClaim.set(id, version);
    }
    if (isFinal(status)) this.#closedAt.set(id, this.#elapsed());
    else this.#closedAt.delete(id);
    this.#jobs.set(id, job);
    const name = nameOf(job);
    this.#byKey.set(name, (this.#byKey.get(name) ?? new Set()).add(id));
    if (this.#broken.has(name) && this.#holders(job, isOpen).length <= 1) this.#broken.delete(name);
  }

  #drop(id: string): void {
    const job = this.#jobs.get(id);
    if (job !== undefined) this.#byKey.get(nameOf(job))?.delete(id);
    this.#jobs.delete(id);
  }

  #holders(of: Pick<Job, 'type' | 'key'>, counts: (job: Job) => boolean): Job[] {
    return [...(this.#byKey.get(nameOf(of)) ?? [])].map((id) => this.#jobs.get(id) as Job).filter(counts);
  }

  /** Whether a key is held by one job at most, and another that waits behind it. */
  #isOrderly(of: Job): boolean {
    const open = this.#holders(of, isOpen);
    const [waiting, ...more] = open.filter(({ status }) => status === 'waiting');
    const fronts = open.filter(({ status }) => status !== 'waiting');
    if (waiting === undefined) return fronts.length <= 1;
    return more.length === 0 && fronts.length <= 1 && fronts.every(({ id }) => waiting.after.includes(id));
  }

  #judge(before: Job | undefined, job: Job): void {
    if (this.#broken.has(nameOf(job))) return;
    const others = this.#holders(job, ({ id }) => id !== job.id);
    const what = `job ${job.id} (${job.type}, key ${job.key})`;
    const told = (list: readonly Job[]): string => list.map(({ id, status }) => `${id} ${status}`).join(', ');
    const scope = scopeOf(job.key);
    if (before === undefined) {
      const counted = others.filter(
        (other) => scope === 'kept' || (isOpen(other) && (scope === 'active' || isQueued(other))),
      );
      const wrong =
        job.status === 'waiting'
          ? counted.filter(({ id, status }) => status !== 'processing' || !job.after.includes(id))
          : counted;
      if (wrong.length > 0) this.#violation(`${what} was added, although its key is held by ${told(wrong)}`);
      if (job.status === 'waiting' && counted.length === 0)
        this.#violation(`${what} was added behind ${job.after}, which doesn't run`);
    } else if (isFinal(before.status) && others.some(isOpen))
      this.#violation(`${what} was retried, although its key is held by ${told(others.filter(isOpen))}`);
    if (job.status === 'processing') {
      const running = others.filter(({ status }) => status === 'processing');
      if (scope === 'active' && running.length > 0)
        this.#violation(`${what} was claimed, although ${told(running)} has its key`);
    }
    if (before?.status === 'waiting' && job.status === 'pending') {
      const open = job.after.filter((id) => isOpen(this.#jobs.get(id)));
      if (open.length > 0) this.#violation(`${what} was released, although ${open} has not ended`);
    }
    const isChanged = before !== undefined && markOf(before.payload) !== markOf(job.payload);
    if (isChanged && !(isQueued(before) && before.status === job.status))
      this.#violation(`${what} went from ${before.status} to ${job.status} with another payload`);
  }

  // ---- follow-ups ----

  /** A handler has asked for a follow-up. */
  follows(id: string, attempt: number, followUp: KeyedFollowUp): void {
    const name = `${id}:${attempt}`;
    this.#asked.set(name, [...(this.#asked.get(name) ?? []), followUp]);
  }

  #completes({ id, attempts, version, followUps }: Job): void {
    const asked = this.#asked.get(`${id}:${attempts}`);
    if (asked === undefined) return;
    const carried = (followUps === '' ? [] : JSON.parse(followUps)) as ({ dedupeKey?: string } | null)[];
    const taken = new Set<string>();
    for (const one of asked) {
      if (this.#broken.has(nameOf(one))) continue;
      const holders = this.#holders(one, (job) => job.id !== id && isOpen(job));
      const isFree = holders.length === 0 && !taken.has(nameOf(one));
      if (isFree) taken.add(nameOf(one));
      const isCarried = carried[one.index]?.dedupeKey === one.key;
      if (isFree !== isCarried)
        this.#violation(
          `job ${id} completed ${isCarried ? 'with' : 'without'} a follow-up of type ${one.type}, key ${one.key}, which was ${isFree ? 'free' : 'held'}`,
        );
      this.#followUps.set(followUpId(id, attempts, one.index), { parent: id, version, isThere: isFree });
    }
  }

  // ---- what was told ----

  /** An acknowledged call. @returns the version of each job that was promised by it */
  acknowledged(jobs: readonly KeyedJob[], added: readonly Added[], asked: number): Map<string, number> {
    const promised = new Map<string, number>();
    const marks = new Map<string, string>();
    for (const [i, { id, outcome }] of added.entries()) {
      if (outcome !== 'existing') marks.set(id, (jobs[i] as KeyedJob).payload.mark);
      else if (!marks.has(id)) {
        promised.set(id, 1);
        this.wasHolding(id, (jobs[i] as KeyedJob).options.dedupeKey, asked);
      }
    }
    for (const [id, mark] of marks) {
      const found = this.#marks.get(id)?.find((one) => one.mark === mark);
      if (found === undefined)
        this.#violation(`payload ${mark} of job ${id} was acknowledged, and is not in the file`);
      else promised.set(id, found.version);
    }
    return promised;
  }

  /** Judges a job that was named as the holder of a key, to a call that was asked for at `asked`. */
  wasHolding(id: string, key: string, asked: number): void {
    const closed = this.#closedAt.get(id);
    const isKnown = this.#jobs.has(id) || closed !== undefined;
    const isLate = closed !== undefined && closed < asked && scopeOf(key) !== 'kept';
    if (!isKnown || isLate)
      this.#violation(`job ${id} was said to hold ${key}, and ${isKnown ? 'had ended' : 'is not there'}`);
  }

  /** A handler was called. */
  runs(id: string, attempt: number, mark: string): void {
    const claimed = this.#claims.get(`${id}:${attempt}`);
    if (claimed !== undefined && claimed !== mark)
      this.#violation(
        `attempt ${attempt} of job ${id} ran with payload ${mark}, and was claimed with ${claimed}`,
      );
  }

  /** The end of a job was told: by then those that waited for it may start. */
  endWasTold(id: string): void {
    const parent = this.#jobs.get(id);
    if (parent === undefined || isOpen(parent) || this.#broken.has(nameOf(parent))) return;
    for (const { id: child, after, status } of this.#holders(parent, isOpen))
      if (status === 'waiting' && after.includes(id))
        this.#violation(`job ${child} still waits for ${id}, which has ended`);
  }

  /** When all has come to rest. @param isThere whether the file or the archive has the job */
  judgeTheEnd(isThere: (id: string) => boolean): void {
    for (const [id, { parent, isThere: isWanted }] of this.#followUps) {
      if (isWanted && !isThere(id))
        this.#violation(`job ${parent} completed, and its keyed follow-up ${id} is lost`);
      if (!isWanted && isThere(id))
        this.#violation(`the follow-up ${id} of job ${parent} exists, although its key was held`);
    }
    for (const { id, status } of this.#jobs.values()) {
      const last = this.#marks.get(id)?.at(-1)?.version ?? 0;
      if (status !== 'cancelled' && (this.#lastClaim.get(id) ?? 0) < last && !this.#fromBefore(id))
        this.#violation(`the last payload of job ${id} never ran`);
    }
  }

  /** Whether its last claim is older than the last power loss. */
  #fromBefore(id: string): boolean {
    return !this.#lastClaim.has(id) && (this.#jobs.get(id)?.attempts ?? 0) > 0;
  }
}

const isOpen = (job: Job | undefined): boolean => job !== undefined && !isFinal(job.status);
