import { dirname } from 'node:path';
import type { Job } from '../../job/job.js';
import { asidePath } from '../compaction/aside-file.js';
import type { FileInfo } from '../disk/fs.js';
import type { Finding } from '../doctor/finding.js';
import { readJobs } from '../index/rows.js';
import { hasLeftRepair } from '../lock/lock.js';
import type { Store } from '../store.js';

/**
 * How a finding is repaired.
 *
 * - `compact`: by rewriting the file, which any worker does from time to time
 * - `aside`: by moving a line to the file next to the queue
 * - `rescue`: by giving a job back that a dead worker has
 * - `remove`: by removing a file that a crash left
 * - `job-files`: by removing the files of jobs that are no longer there
 * - `mode`: by changing the queue file's mode
 */
export type RepairStep = 'compact' | 'aside' | 'rescue' | 'remove' | 'job-files' | 'mode';

/** A repair of one finding. */
export interface Repair {
  readonly finding: Finding;
  readonly step: RepairStep;
  /** What will be done, and why that is safe. */
  readonly what: string;
}

/** What can be done about the findings of an inspection. */
export interface RepairPlan {
  readonly repairs: readonly Repair[];
  /** The findings that only a person can deal with. */
  readonly left: readonly Finding[];
}

/** The choices of the person who has a queue repaired. */
export interface RepairOptions {
  /** True to move lines aside that hold a job, which may then run again. */
  readonly releaseHeld: boolean;
}

/** Plans the repairs of what an inspection has found. It changes nothing. */
export async function planRepairs(
  store: Store,
  findings: readonly Finding[],
  options: RepairOptions,
): Promise<RepairPlan> {
  const planner = new Planner(store, options);
  const repairs: Repair[] = [];
  const left: Finding[] = [];
  for (const finding of findings) {
    const planned = await planner.repairOf(finding);
    if (planned === undefined) left.push(finding);
    else repairs.push({ finding, ...planned });
  }
  return { repairs, left };
}

type Planned = Pick<Repair, 'step' | 'what'> | undefined;

class Planner {
  readonly #store: Store;
  readonly #options: RepairOptions;

  constructor(store: Store, options: RepairOptions) {
    this.#store = store;
    this.#options = options;
  }

  async repairOf(finding: Finding): Promise<Planned> {
    switch (finding.kind) {
      case 'unreadable':
        return this.#asideOf(finding);
      case 'held':
        return this.#options.releaseHeld
          ? {
              step: 'aside',
              what: 'with that line moved aside, the job goes on as its last readable row says',
            }
          : undefined;
      case 'duplicate':
        return {
          step: 'aside',
          what: `the line goes to ${this.#aside}; it counts for nothing, and stays there for you to compare`,
        };
      case 'torn':
        return {
          step: 'compact',
          what: 'the line becomes a comment; it was never acknowledged, and stays in the file',
        };
      case 'follow-up':
        return {
          step: 'compact',
          what: 'the missing job is added from the row that names it, under its own id, so never twice',
        };
      case 'waiting':
        return this.#releaseOf(await this.#job(finding));
      case 'orphan':
        return this.#rescueOf(await this.#job(finding));
      case 'lock':
        return this.#lockRepair();
      case 'leftover':
        return {
          step: 'remove',
          what: 'the file is removed; a rewrite counts only once it has the name of the queue',
        };
      case 'job-file':
        return { step: 'job-files', what: 'they are removed; no row has their jobs, so nothing reads them' };
      case 'access':
        return this.#modeRepair(finding);
      default:
        return undefined;
    }
  }

  get #aside(): string {
    return asidePath(this.#store.realPath);
  }

  #asideOf({ id }: Finding): Planned {
    const where = `the line goes to ${this.#aside}, byte for byte`;
    if (id === undefined)
      return { step: 'aside', what: `${where}; no job of the queue has its id, and nothing reads it` };
    if (!this.#options.releaseHeld) return undefined;
    return {
      step: 'aside',
      what: `${where}; job ${id} then goes on as its last readable row says, and may run again`,
    };
  }

  #releaseOf(job: Job | undefined): Planned {
    if (job === undefined || job.after.length === 0) return undefined;
    return { step: 'compact', what: 'the job may start; all jobs that it waits for have ended' };
  }

  #rescueOf(job: Job | undefined): Planned {
    const { processes } = this.#store;
    if (job?.lockedBy === undefined || processes.liveness(job.lockedBy) !== 'dead') return undefined;
    return {
      step: 'rescue',
      what: 'the job waits for a worker again; its own is dead, so it does not run any more. The attempt counts, as if a worker had found it',
    };
  }

  #lockRepair(): Planned {
    const holders = this.#store.lock.holders();
    const isOver = holders.every((holder) => holder.liveness === 'dead' || hasLeftRepair(holder));
    if (!isOver) return undefined;
    return {
      step: 'compact',
      what: 'the lock is taken over and the file rewritten; its holder is dead, and a worker would do the same',
    };
  }

  #modeRepair({ message }: Finding): Planned {
    const mode = repairedMode(this.#store);
    if (mode === undefined || !/; chmod (o-w|u\+rw) it$/.test(message)) return undefined;
    return {
      step: 'mode',
      what: `the queue file's mode becomes ${mode.toString(8).padStart(4, '0')}; its owner and group keep what they may do`,
    };
  }

  async #job({ id }: Finding): Promise<Job | undefined> {
    const index = await this.#store.read('all');
    const slot = id === undefined ? undefined : index?.find(id);
    if (index === undefined || slot === undefined || index.isHeld(id as string)) return undefined;
    return readJobs(index, [slot])[0]?.toJob();
  }
}

/** Returns the mode that the queue file should have; undefined if it has it, or this user can't change it. */
export function repairedMode({ fs, realPath }: Store): number | undefined {
  const file = fs.stat(realPath);
  if (file === undefined || fs.stat(dirname(realPath)) === undefined) return undefined;
  const mode = (file.mode & 0o777 & ~0o002) | 0o600;
  return mode === (file.mode & 0o777) || !isOurs(file) ? undefined : mode;
}

const isOurs = ({ uid }: FileInfo): boolean => {
  const user = process.geteuid?.();
  return user === 0 || user === uid;
};
