import { type Limit, limitsOf } from './limited-types.js';
import type { Machine } from './machine.js';
import { type Call, LIMITS } from './protocol.js';
import type { Job } from './queue-file.js';
import type { VirtualProcess } from './virtual-process.js';

/** How long a worker without claims waits for a job's rate, in ms; less than it says, since its steps take time. */
const STAYS_MS = 55_000;

/** How long a worker may take for its last compaction, in ms. */
const TIDIES_MS = 2_000;

type Rate = NonNullable<Limit['rate']>;

/** The jobs that a limit counts together. @returns undefined if it doesn't count this one */
function laneOf({ type, group }: Pick<Job, 'type' | 'group'>, by: Limit['by']): string | undefined {
  if (by === 'type') return `${type}\t`;
  return group === '' ? undefined : `${type}\t${group}`;
}

/**
 * Counts the jobs of each lane that run, and the starts of each: by the rows in the file, in the order in which they came
 * into it.
 */
export class LimitJudge {
  readonly #violation: (what: string) => void;
  readonly #machine: () => Machine;
  /** The newest rows of the jobs with limits that are not over. */
  readonly #open = new Map<string, Job>();
  /** The starts of each lane with a rate, in ms, since the limits file was last lost. */
  readonly #starts = new Map<string, number[]>();
  /**
   * Attempts, as `id:attempts`, that are not counted: their processes were passed over, so that others have decided without
   * their claims; or their ends are in the file, but can't be read.
   */
  readonly #excused = new Set<string>();
  #writer: VirtualProcess | undefined;

  constructor(violation: (what: string) => void, machine: () => Machine) {
    this.#violation = violation;
    this.#machine = machine;
  }

  /** A call is to be judged that this process has made. */
  saw([op, first, second]: Call, of: VirtualProcess): void {
    this.#writer = of;
    const { disk } = this.#machine();
    const isOfLimits =
      op === 'rename' ? second === LIMITS : op === 'write' && disk.isOf(first as number, LIMITS);
    // What others wrote while it stood still may be gone.
    if (isOfLimits && this.#isPassedOver) this.#starts.clear();
  }

  /** True if others have taken the lock from the process that writes, because they could not judge it. */
  get #isPassedOver(): boolean {
    return this.#writer !== undefined && !this.#machine().holdsLock(this.#writer);
  }

  /** A row that counts was appended. */
  row(before: Job | undefined, job: Job): void {
    if (before === undefined && job.attempts !== 0)
      this.#violation(`job ${job.id} begins with ${job.attempts} attempts`);
    if (job.status === 'processing' && before?.status === 'pending') this.#judgeClaim(job);
    this.#keep(job);
  }

  /**
   * A row was appended that doesn't count, because it is glued to a piece of another. Where it ends an attempt, the claims
   * behind it in the same commit count it as ended; its process writes it once more.
   */
  aside({ id, attempts, status, version }: Job): void {
    if (status !== 'processing' && version > (this.#open.get(id)?.version ?? version))
      this.#excused.add(`${id}:${attempts}`);
  }

  /** Another file has the name. */
  newFile(jobs: ReadonlyMap<string, Job>): void {
    this.#open.clear();
    for (const job of jobs.values()) this.#keep(job);
  }

  /** The clock was set back: what the limits file says may be as far ahead, and then doesn't count. */
  clockWasSetBack(): void {
    this.#starts.clear();
  }

  /** @param before the limits file as processes saw it before the power failed */
  powerLost(before: string | undefined): void {
    this.#writer = undefined;
    if (this.#machine().disk.content(LIMITS)?.toString('latin1') !== before) this.#starts.clear();
  }

  #keep(job: Job): void {
    if (/^(completed|failed|cancelled)$/.test(job.status) || limitsOf(job.type).length === 0)
      this.#open.delete(job.id);
    else this.#open.set(job.id, job);
  }

  #judgeClaim(job: Job): void {
    // It decided by what it saw before others passed it over.
    if (this.#isPassedOver) {
      this.#excused.add(`${job.id}:${job.attempts}`);
      return;
    }
    for (const { by, max, rate } of limitsOf(job.type)) {
      const lane = laneOf(job, by);
      if (lane === undefined) continue;
      if (max !== undefined) {
        const others = this.#runningIn(lane, by).filter(({ id }) => id !== job.id);
        if (others.length >= max)
          this.#violation(
            `job ${job.id} was claimed, although ${others.length} of its lane ran, and its concurrency is ${max}: ${lane}`,
          );
      }
      if (rate !== undefined) this.#judgeStart(job, lane, rate);
    }
  }

  #runningIn(lane: string, by: Limit['by']): Job[] {
    return [...this.#open.values()].filter(
      (job) =>
        job.status === 'processing' &&
        laneOf(job, by) === lane &&
        !this.#excused.has(`${job.id}:${job.attempts}`),
    );
  }

  #judgeStart({ id, startedAt }: Job, lane: string, { interval, burst }: Rate): void {
    // The clock was set back between the claim and its row.
    if (startedAt > this.#machine().now) return;
    const starts = [...(this.#starts.get(lane) ?? []), startedAt].sort((a, b) => a - b);
    this.#starts.set(lane, starts);
    for (const [first, from] of starts.entries())
      for (let last = first + burst; last < starts.length; last++) {
        const stretch = (starts[last] as number) - from;
        const count = last - first + 1;
        const most = burst + stretch / interval;
        if (count > most + 0.01)
          this.#violation(
            `the start of job ${id} is one of ${count} in ${stretch} ms, and at most ${most} may be: ${lane}`,
          );
      }
  }

  /**
   * A worker has left by itself, when no other process ran: no job waits for a rate that would have let it start while
   * the worker was to stay.
   *
   * @param began when the worker began, in ms
   * @param isHeld whether no worker may start the job
   */
  judgeLeaving(began: number, isHeld: (id: string) => boolean): void {
    const { now, disk } = this.#machine();
    const times = new Map(
      (disk.content(LIMITS)?.toString('latin1') ?? '').split('\n').map((line) => {
        const at = line.lastIndexOf('\t');
        return [line.slice(0, at), Number(line.slice(at + 1)) * 1000];
      }),
    );
    for (const job of this.#open.values()) {
      if (job.status !== 'pending' || job.runAt > now - TIDIES_MS || isHeld(job.id)) continue;
      const limits = limitsOf(job.type).map(({ by, max, rate }) => ({
        lane: laneOf(job, by),
        by,
        max,
        rate,
      }));
      const isFull = limits.some(
        ({ lane, by, max }) =>
          lane !== undefined && max !== undefined && this.#runningIn(lane, by).length >= max,
      );
      const opens = Math.max(
        ...limits.map(({ lane, rate }) =>
          lane === undefined || rate === undefined
            ? 0
            : (times.get(lane) ?? 0) - (rate.burst - 1) * rate.interval,
        ),
      );
      if (!isFull && opens < began + STAYS_MS)
        this.#violation(`a worker left, and job ${job.id} could start ${opens - now} ms later: ${job.type}`);
    }
  }
}
