import { createHash } from 'node:crypto';
import type { FileSystem } from '../../../lib/file/disk/fs.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { Machine } from './actor.js';
import { choicesAt, EXTREMES, locks, randomFrom, type Thoroughness } from './choices.js';
import { afterPowerLoss } from './crash.js';
import { Disk } from './disk.js';
import { look } from './judge.js';
import { checkAtRest, type Recovery, recover } from './recovery.js';
import type { Scenario } from './scenarios.js';
import { filesOf, type Operation, type Snapshot } from './snapshot.js';
import { Witness } from './witness.js';

/** A file system between the queue and the disk that says it did what it did not. */
export type Lie = (fs: FileSystem) => FileSystem;

export interface Settings extends Thoroughness {
  readonly seed: number;
  /** One state in so many has its recovery crashed as well. */
  readonly everyNthAgain: number;
  readonly lie?: Lie;
  /** The share that is tried of the states that are no extremes, and of the steps about the lock. Default: all. */
  readonly share?: number;
  /** One step in so many loses power, and the last one; which, follows from the seed. Default: 1, each of them. */
  readonly everyNthStep?: number;
  /** No more violations than these. */
  readonly enough?: number;
}

export interface Violation {
  readonly scenario: string;
  /** What happened to the machine. */
  readonly crash: string;
  readonly what: readonly string[];
  readonly disk: Snapshot;
}

export interface Result {
  states: number;
  /** Of them, those of which a block was lost in the midst of an append; see judge.ts. */
  holes: number;
  /** Processes killed, and followed by one that repairs, before power is lost. */
  kills: number;
  operations: number;
  violations: Violation[];
}

/** Runs a history and loses power after each of its steps. */
export async function losePower(scenario: Scenario, settings: Settings): Promise<Result> {
  const campaign = new Campaign(scenario, settings);
  await campaign.run();
  return campaign.result;
}

class Campaign {
  readonly result: Result = { states: 0, holes: 0, kills: 0, operations: 0, violations: [] };
  readonly #scenario: Scenario;
  readonly #settings: Settings;
  readonly #random: () => number;
  readonly #seen = new Set<string>();

  constructor(scenario: Scenario, settings: Settings) {
    this.#scenario = scenario;
    this.#settings = settings;
    this.#random = randomFrom(settings.seed);
  }

  get #enough(): boolean {
    return this.result.violations.length >= (this.#settings.enough ?? Number.POSITIVE_INFINITY);
  }

  async run(): Promise<void> {
    const { disk, run, options = {} } = this.#scenario;
    const clock = new FakeClock();
    const recorded = new Disk(disk, clock.now);
    const witness = new Witness('s', () => recorded.log.length, knownOf(disk));
    const fs = this.#settings.lie?.(recorded.fs) ?? recorded.fs;
    const machine: Machine = { fs, clock, witness, alive: new Set() };
    await run(machine, options);
    const { log } = recorded;
    this.result.operations = log.length;
    const { seed, share = 1, everyNthStep = 1 } = this.#settings;
    const isLock = locks(log);
    for (let length = 0; length <= log.length && !this.#enough; length++) {
      if (length < log.length && length % everyNthStep !== seed % everyNthStep) continue;
      // What is told after a lock was left still has to hold at the next step, which is about the file.
      if (length > 0 && length < log.length && isLock(length - 1) && this.#random() >= share) continue;
      await this.#crashAt(disk, log.slice(0, length), this.#promises(witness, length), `step ${length}`, 1);
      // The process dies, the machine does not: what it wrote is still there, and still not durable.
      if (!this.#enough && this.#random() < 1 / this.#settings.everyNthAgain) {
        await this.#killAt(disk, log.slice(0, length), this.#promises(witness, length), `step ${length}`);
      }
    }
  }

  /** What holds after power loss: with durability 'os', what was promised before the last compaction began. */
  #promises(witness: Witness, length: number): Pick<Witness, 'facts' | 'asked'> {
    const known = witness.until(length);
    if (this.#scenario.options?.durability !== 'os') return known;
    const last = witness.compacted.findLast(({ at }) => at <= length);
    return { facts: witness.until(last?.from ?? 0).facts, asked: known.asked };
  }

  async #crashAt(
    base: Snapshot,
    log: readonly Operation[],
    known: Pick<Witness, 'facts' | 'asked'>,
    where: string,
    level: number,
  ): Promise<void> {
    const { everyNthAgain, samples, share = 1 } = this.#settings;
    const thoroughness = level === 1 ? this.#settings : { everyNthCut: 97, samples: Math.min(samples, 2) };
    let n = 0;
    for (const fates of choicesAt(log, thoroughness, this.#random)) {
      if (this.#enough) return;
      n++;
      if (n > EXTREMES && this.#random() >= share) continue;
      const state = afterPowerLoss(base, log, fates);
      if (this.#isOld(state, known)) continue;
      const crash = `${where}, loss ${n}`;
      const recovery = await this.#check(state, known, crash, level);
      if (level === 1 && this.#random() < 1 / everyNthAgain) await this.#crashRecovery(recovery, crash);
    }
  }

  async #killAt(
    base: Snapshot,
    log: readonly Operation[],
    known: Pick<Witness, 'facts' | 'asked'>,
    where: string,
  ): Promise<void> {
    const disk = new Disk(base, Date.now, log);
    const recovery = await recover(disk, known, this.result.kills, 2);
    this.result.kills++;
    this.#report(recovery.violations, `${where}, kill`, base);
    await this.#crashRecovery(recovery, `${where}, kill`, log.length);
  }

  /** A few of the steps of a recovery, and what power loss does there. */
  async #crashRecovery({ disk, witness }: Recovery, where: string, from = 0): Promise<void> {
    const steps = disk.log.length - from;
    for (let k = 0; k < 3 && !this.#enough; k++) {
      const length = from + Math.floor(this.#random() * (steps + 1));
      const known = witness.until(length);
      await this.#crashAt(disk.base, disk.log.slice(0, length), known, `${where}, step ${length}`, 2);
    }
  }

  async #check(
    state: Snapshot,
    known: Pick<Witness, 'facts' | 'asked'>,
    crash: string,
    level: number,
  ): Promise<Recovery> {
    const variant = this.result.states++;
    const atRest = checkAtRest(state, known);
    const recovery = await recover(new Disk(state, Date.now), known, variant, level);
    if (recovery.hasHole) this.result.holes++;
    this.#report([...atRest, ...recovery.violations], crash, state);
    return recovery;
  }

  #report(what: readonly string[], crash: string, disk: Snapshot): void {
    if (what.length > 0) {
      this.result.violations.push({ scenario: this.#scenario.name, crash, what, disk });
    }
  }

  #isOld(state: Snapshot, { facts, asked }: Pick<Witness, 'facts' | 'asked'>): boolean {
    const hash = createHash('sha1').update(`${facts.length} ${asked.size}`);
    for (const [path, data] of filesOf(state)) hash.update(path).update('\0').update(data);
    const key = hash.digest('base64');
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }
}

/** What is promised of the jobs that were there before. */
function knownOf(disk: Snapshot): Pick<Witness, 'facts' | 'asked'> {
  const witness = new Witness('', () => 0);
  for (const row of look(disk).open.values()) {
    const id = row.id as string;
    const attempt = Number(row.attempts);
    witness.asked.set(JSON.parse(row.payload as string).tag, 0);
    witness.note({ what: 'enqueued', id });
    if (row.status === 'cancelled') witness.note({ what: 'asked to cancel', id });
    if (row.status === 'cancelled') witness.note({ what: 'cancelled', id });
    if (row.status === 'completed' || row.status === 'failed')
      witness.note({ what: row.status, id, attempt });
  }
  return witness;
}
