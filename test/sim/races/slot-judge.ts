import { slotId } from '../../../lib/file/format/derived-id.js';
import type { Job } from './queue-file.js';

/** The `run_at` of a schedule that is paused: the year 3000. */
const NEVER = 32_503_680_000_000;

const isOpen = ({ status }: Job): boolean => !/^(completed|failed|cancelled)$/.test(status);
const keyOf = ({ type, key }: Pick<Job, 'type' | 'key'>): string => `${type}\t${key}`;

/** The note of a schedule in its row, as docs/file-format.md has it; times in seconds. */
interface Note {
  readonly name: string;
  readonly every: number;
  readonly catchUp?: 'all';
  readonly catchUpWithin?: number | null;
  readonly overlap?: 'queue' | 'cancel' | 'allow';
}

/** What a schedule's row says of its last slot; times in seconds. */
interface Result {
  readonly slot: number;
  readonly job?: string;
  readonly skipped?: 'overlap' | 'late';
  readonly by?: string;
  readonly since?: number;
}

const metaOf = ({ meta }: Job): { '@schedule'?: Note | string; '@slot'?: number } =>
  meta === '' ? {} : JSON.parse(meta);
const noteOf = (job: Job): Note => metaOf(job)['@schedule'] as Note;
const resultOf = ({ result }: Job): Result | undefined => (result === '' ? undefined : JSON.parse(result));
/** All that a firing must leave as it is. */
const declarationOf = ({ type, payload, meta }: Job): string => [type, payload, meta].join('\t');

/** Whether a row is a schedule's, also one that was removed. */
export const isSchedule = ({ meta }: Job): boolean =>
  typeof metaOf({ meta } as Job)['@schedule'] === 'object';

/** Whether it is a job of a schedule by its key: those are judged here, not by what is said of other keys. */
export const hasScheduleKey = ({ key }: Pick<Job, 'key'>): boolean => key.startsWith('@');

/** How a firing went: the slots with jobs, in ms, and the one that was passed over last. */
interface Firing {
  readonly slots: readonly number[];
  readonly result: Result;
}

/**
 * Follows the rows of schedules and of their jobs: each slot has one job, or the winning row of the schedule says that
 * it was passed over.
 */
export class SlotJudge {
  readonly #schedules = new Map<string, Job>();
  /** Jobs of schedules that have a key, by type and key. */
  readonly #byKey = new Map<string, Map<string, Job>>();
  /** The jobs that winning rows of schedules have made, with their slots in ms. */
  readonly #said = new Map<string, { schedule: string; slot: number }>();
  /** The jobs that a row has said which doesn't count, or not yet. */
  readonly #aside = new Set<string>();
  /** Jobs that power loss left, of whose slots the schedule's row may have been lost. */
  readonly #left = new Set<string>();
  readonly #letsTwoIn: boolean;
  readonly #violation: (what: string) => void;
  readonly #now: () => number;
  /** The latest time that a clock has shown, since it may be set back. */
  #latest = 0;

  /** @param letsTwoIn whether several may be in the lock at once */
  constructor(violation: (what: string) => void, now: () => number, letsTwoIn: boolean) {
    this.#violation = violation;
    this.#now = now;
    this.#letsTwoIn = letsTwoIn;
  }

  /** The names of the schedules that go on. */
  get names(): string[] {
    return [...this.#schedules.values()]
      .filter(({ status }) => status === 'recurring')
      .map((row) => noteOf(row).name);
  }

  /** Notes what a clock shows; a process may go by it after the clock was set back. */
  noteTime(): void {
    this.#latest = Math.max(this.#latest, this.#now());
  }

  /** A row that counts was appended. */
  row(before: Job | undefined, job: Job): void {
    this.noteTime();
    if (isSchedule(job)) {
      this.#judgeSchedule(before, job);
      this.#schedules.set(job.id, job);
    } else {
      this.#judgeJob(before, job);
      this.#keep(job);
    }
  }

  /** A row was appended that doesn't count: it lost to an earlier one, or is glued to a piece of another. */
  aside(row: Job): void {
    if (isSchedule(row)) for (const { id } of carriedBy(row)) this.#aside.add(id);
  }

  /** Another file has the name. @param isFollowed false for the first file, and after power loss */
  newFile(jobs: ReadonlyMap<string, Job>, isFollowed: boolean): void {
    this.noteTime();
    this.#byKey.clear();
    for (const id of [...this.#schedules.keys()]) if (!jobs.has(id)) this.#schedules.delete(id);
    for (const job of jobs.values()) {
      if (isSchedule(job)) {
        const before = this.#schedules.get(job.id);
        if (isFollowed && before?.version !== job.version) this.#judgeSchedule(before, job);
        this.#schedules.set(job.id, job);
        if (!isFollowed)
          for (const { id, slot } of carriedBy(job)) this.#said.set(id, { schedule: job.id, slot });
        continue;
      }
      if (!isFollowed) this.#left.add(job.id);
      else if (!this.#left.has(job.id)) this.#judgeSlot(job);
      this.#keep(job);
    }
  }

  /** What is in the file counts. */
  powerLost(): void {
    for (const map of [this.#schedules, this.#byKey, this.#said, this.#left, this.#aside]) map.clear();
  }

  #keep(job: Job): void {
    if (!hasScheduleKey(job)) return;
    const jobs = this.#byKey.get(keyOf(job)) ?? new Map<string, Job>();
    this.#byKey.set(keyOf(job), jobs.set(job.id, job));
  }

  #holders(of: Pick<Job, 'type' | 'key'>): Job[] {
    return [...(this.#byKey.get(keyOf(of))?.values() ?? [])].filter(isOpen);
  }

  // ---- schedules ----

  #judgeSchedule(before: Job | undefined, job: Job): void {
    const what = `schedule ${noteOf(job).name}, version ${job.version}`;
    const last = before && resultOf(before);
    if (before === undefined || job.result === before.result) {
      if (job.attempts !== (before?.attempts ?? 0))
        this.#violation(`${what} counts jobs that it has not made`);
      if (last !== undefined && job.status === 'recurring' && job.runAt <= last.slot * 1000)
        this.#violation(`${what} goes back to slot ${job.runAt / 1000}; it was at ${last.slot}`);
      return;
    }
    const result = resultOf(job) as Result;
    const slots = slotsBefore(
      noteOf(job),
      result.skipped === undefined ? result.slot * 1000 : NEVER,
      job.attempts - before.attempts,
      before.runAt,
    );
    this.#judgeFiring(before, job, { slots, result }, what);
    for (const slot of slots) {
      const id = slotId(job.id, slot);
      if (this.#said.has(id)) this.#violation(`${what} fires slot ${slot / 1000} once more`);
      this.#said.set(id, { schedule: job.id, slot });
    }
    if (result.job !== (slots.length === 0 ? undefined : slotId(job.id, slots.at(-1) as number)))
      this.#violation(`${what} names job ${result.job} for slot ${result.slot}`);
  }

  #judgeFiring(before: Job, job: Job, { slots, result }: Firing, what: string): void {
    const { every, catchUp, overlap = 'skip' } = noteOf(job);
    const within = withinOf(noteOf(job));
    const next = (slot: number): number => (Math.floor(slot / (every * 1000)) + 1) * every * 1000;
    if (before.status !== 'recurring' || job.status !== 'recurring' || before.runAt === NEVER)
      this.#violation(
        `${what} was fired, although it was ${before.runAt === NEVER ? 'paused' : before.status}`,
      );
    if (declarationOf(before) !== declarationOf(job)) this.#violation(`${what} was fired with another spec`);
    const { slot, skipped, since } = result;
    if (slot * 1000 > this.#latest) this.#violation(`${what} was fired before slot ${slot}`);
    if (skipped === 'late') {
      // All before the next one were too old.
      const last = job.runAt - every * 1000;
      if (slot * 1000 !== before.runAt || last < before.runAt - every * 1000 || last >= this.#latest - within)
        this.#violation(`${what} says that slot ${slot} was late, and goes on at ${job.runAt / 1000}`);
      return;
    }
    const dealtWith = [...slots, ...(skipped === undefined ? [] : [slot * 1000])];
    const [first] = dealtWith as [number];
    const isSaid = first === before.runAt ? since === undefined : since === before.runAt / 1000;
    if (!isSaid || first < before.runAt)
      this.#violation(
        `${what}: slots from ${before.runAt / 1000} to ${first / 1000} have no job, and it says ${since}`,
      );
    if (catchUp === 'all' && first > before.runAt && first - every * 1000 >= this.#latest - within)
      this.#violation(`${what}: slots from ${since} were passed over, and were not late`);
    for (const [i, one] of dealtWith.entries())
      if (next(one) !== (dealtWith[i + 1] ?? job.runAt))
        this.#violation(
          `${what}: the slot after ${one / 1000} has no job, and is not said to be passed over`,
        );
    if (!this.#letsTwoIn) this.#judgeOverlap(job, overlap, result, what);
  }

  #judgeOverlap(job: Job, overlap: string, result: Result, what: string): void {
    const { slot, skipped, by } = result;
    const key = `@${noteOf(job).name}`;
    // The slot's own job may be there, of a try of the same commit whose row of the schedule was glued to another.
    const holders = this.#holders({ type: job.type, key }).filter(({ id }) => id !== result.job);
    if (skipped !== undefined) {
      if (overlap !== 'skip' || !holders.some(({ id }) => id === by))
        this.#violation(`${what} passed over slot ${slot} because of ${by}, which is over`);
    } else if ((overlap === 'skip' || overlap === 'cancel') && holders.length > 0)
      this.#violation(`${what} fired slot ${slot}, although ${holders.map(({ id }) => id)} is not over`);
  }

  // ---- their jobs ----

  #judgeJob(before: Job | undefined, job: Job): void {
    if (before === undefined) this.#judgeSlot(job);
    if (!hasScheduleKey(job) || this.#letsTwoIn) return;
    const others = this.#holders(job).filter(({ id }) => id !== job.id);
    const what = `job ${job.id} of schedule ${job.key.slice(1)}`;
    const running = others.filter(({ status }) => status === 'processing');
    if (job.status === 'processing' && running.length > 0)
      this.#violation(`${what} was claimed, while ${running.map(({ id }) => id)} runs`);
    if (before?.status === 'waiting' && job.status === 'pending') {
      const open = others.filter(({ id }) => job.after.includes(id));
      if (open.length > 0)
        this.#violation(`${what} was released, although ${open.map(({ id }) => id)} is not over`);
    }
    if (before === undefined && job.status === 'pending' && others.length > 0)
      this.#violation(`${what} was added, although ${others.map(({ id }) => id)} is not over`);
  }

  /** A job of a slot is there only if the schedule's row says so. */
  #judgeSlot(job: Job): void {
    const { '@schedule': name, '@slot': slot } = metaOf(job);
    if (slot === undefined || this.#left.has(job.id)) return;
    const said = this.#said.get(job.id);
    if (said?.slot === slot * 1000) return;
    if (!this.#aside.has(job.id))
      this.#violation(
        `job ${job.id} of schedule ${name} is for slot ${slot}, and the schedule never said so`,
      );
  }

  /** When all has come to rest. @param isThere whether the file or the archive has the job */
  judgeTheEnd(isThere: (id: string) => boolean): void {
    for (const [id, { schedule, slot }] of this.#said)
      if (!isThere(id)) this.#violation(`job ${id} of slot ${slot / 1000} of schedule ${schedule} is lost`);
  }
}

const withinOf = ({ catchUp, catchUpWithin }: Note): number => {
  if (catchUpWithin === undefined) return catchUp === 'all' ? 86_400_000 : Number.POSITIVE_INFINITY;
  return catchUpWithin === null ? Number.POSITIVE_INFINITY : catchUpWithin * 1000;
};

/** The last slots until one, in ms. One that was due before the spec changed need not be on its grid. */
function slotsBefore({ every }: Note, last: number, count: number, first: number): number[] {
  const slots: number[] = [];
  for (let slot = last; slots.length < count; ) {
    slots.unshift(slot);
    slot = Math.max(first, (Math.ceil(slot / (every * 1000)) - 1) * every * 1000);
  }
  return slots;
}

/** The jobs that a schedule's row carries. */
function carriedBy({ followUps }: Job): { id: string; slot: number }[] {
  const jobs = (followUps === '' ? [] : JSON.parse(followUps)) as { id: string; meta: { '@slot': number } }[];
  return jobs.map(({ id, meta }) => ({ id, slot: meta['@slot'] * 1000 }));
}
