import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { QueueOptions } from 'tsvq';
import { inspect } from '../../../lib/file/doctor/inspect.js';
import { Store } from '../../../lib/file/store.js';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { check } from '../../torture/check.js';
import { type FinalState, readFinalState } from '../../torture/final-state.js';
import { type Entry, parseJournal } from '../../torture/journal.js';
import { Crew } from './crew.js';
import type { Disk } from './disk.js';
import type { FileSystem } from './file-systems.js';
import { acknowledgements, journalTime, knownAtCut, type Moment } from './known.js';

/** How many lives a file system has before it is made again, so that its journal wraps and checks stay short. */
const LIVES_A_DISK = 3;

/** How many cuts fall into one life. */
const CUTS_A_LIFE = 8;

/** The most bytes by which the journals grow before a cut; some 100 entries on average. */
const LONGEST_PAUSE = 40_000;

/** The longest wait for a cut, in ms. */
const LONGEST_WAIT = 3000;

/** How long to wait for a write of the disk, in ms. */
const LONGEST_AIM = 20;

/** The retention in ms, so short that compactions archive some jobs before most cuts. */
const RETENTION = 150;

export interface Plan {
  readonly fileSystem: FileSystem;
  readonly disk: Disk;
  /** A folder on another disk, for journals. */
  readonly folder: string;
  readonly durability: NonNullable<QueueOptions['durability']>;
  readonly random: () => number;
}

/** The result of one cut. */
export interface Cut {
  readonly violations: readonly string[];
  /** How many calls were answered and outcomes were recorded since the last cut. */
  readonly acknowledged: number;
  /** True if the disk was writing when power went. */
  readonly isInWrite: boolean;
  /** The disk as the cut left it, and the journals of all processes. */
  readonly copy: string;
  readonly journals: string;
}

interface Copy extends Moment {
  readonly path: string;
  readonly isInWrite: boolean;
}

/** Cuts the power of one disk again and again, and judges the queue each time. */
export class Campaign {
  readonly #plan: Plan;
  #lives = 0;
  /** How many lives this disk has had. */
  #age = 0;
  #journals = '';
  #crew: Crew | undefined;
  /** The journals of earlier lives on this disk. */
  #history: Entry[][] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /**
   * Lets processes work while power is cut several times. Then each copy is mounted, a worker runs all jobs on it, and
   * the queue is judged. The next life begins on the last copy as it was cut, so that cuts fall into recoveries too.
   */
  async *live(): AsyncGenerator<Cut> {
    const { disk } = this.#plan;
    if (this.#age++ % LIVES_A_DISK === 0) await this.#renew();
    const crew = this.#newCrew(`life${++this.#lives}`);
    await crew.start();
    const copies: Copy[] = [];
    while (copies.length < CUTS_A_LIFE) copies.push(await this.#cut(crew, copies.length));
    const journals = await crew.stop();
    let known: Entry[][] = [];
    let before = 0;
    for (const [n, { path, isInWrite, lengths, t }] of copies.entries()) {
      known = journals.map((journal, i) => knownAtCut(journal, lengths[i] as number, t));
      await disk.restart(path);
      const violations = await this.#judge(known, `life${this.#lives}-drain${n}`);
      const acknowledged = acknowledgements(known.flat());
      yield {
        violations: [...crew.complaints, ...violations],
        acknowledged: acknowledged - before,
        isInWrite,
        copy: path,
        journals: this.#journals,
      };
      before = acknowledged;
    }
    this.#history.push(...known);
    await disk.restart((copies.at(-1) as Copy).path);
  }

  /** Makes the next life begin on a new disk. */
  forget(): void {
    this.#age = 0;
  }

  kill(): void {
    this.#crew?.kill();
  }

  /** Waits for a random moment, and copies the disk. */
  async #cut(crew: Crew, n: number): Promise<Copy> {
    const { disk, random } = this.#plan;
    await crew.progress(LONGEST_PAUSE * random(), LONGEST_WAIT);
    if (random() < 0.5) await crew.middle(50);
    await new Promise((resolve) => setTimeout(resolve, 8 * random()));
    if (random() < 0.5) waitForWrite(disk);
    const lengths = crew.lengths();
    const { isWriting: isInWrite } = disk;
    const path = disk.cut(`cut${n}`);
    return { lengths, path, isInWrite, t: journalTime() };
  }

  /** Has a worker run all jobs, and compares the journals with the queue. */
  async #judge(known: readonly Entry[][], name: string): Promise<string[]> {
    const crew = this.#newCrew(name);
    const drained = parseJournal((await crew.drain()).toString('utf8'));
    const journals = [...this.#history, ...known, drained];
    const { violations } = check({ journals, parked: new Map() }, stateOf(this.#file));
    return [...violations, ...crew.complaints, ...(await findings(this.#file))];
  }

  get #file(): string {
    return join(this.#plan.disk.folder, 'queue.tsv');
  }

  #newCrew(name: string): Crew {
    const { durability, random } = this.#plan;
    const options = { durability, retention: RETENTION };
    this.#crew = new Crew({ file: this.#file, options, journals: this.#journals, random }, name);
    return this.#crew;
  }

  async #renew(): Promise<void> {
    const { disk, fileSystem, folder, durability } = this.#plan;
    await disk.renew(fileSystem);
    this.#history = [];
    this.#journals = join(folder, `${fileSystem.name}-${durability}-${this.#lives}`);
    mkdirSync(this.#journals);
  }
}

/** Waits until the disk is writing, or for some ms. A timer would come too late. */
function waitForWrite(disk: Disk): void {
  const until = performance.now() + LONGEST_AIM;
  while (!disk.isWriting && performance.now() < until);
}

/** Returns the state of the queue, which has no file if power went before the first job was acknowledged. */
function stateOf(file: string): FinalState {
  if (existsSync(file)) return readFinalState(file);
  return { jobs: new Map(), schedules: new Map(), ids: [], notes: [], strange: [] };
}

/** Returns the findings of `queue doctor`, except the temporary files of compactions that power cut off. */
async function findings(file: string): Promise<string[]> {
  if (!existsSync(file)) return [];
  const store = new Store(file, resolveQueueOptions({}));
  try {
    const found = (await inspect(store)).filter(({ kind }) => kind !== 'leftover');
    return found.map(({ kind, line, message }) => `queue doctor: ${kind}, line ${line}: ${message}`);
  } finally {
    await store.close();
  }
}
