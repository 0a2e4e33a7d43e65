import { dirname } from 'node:path';
import { damageRow } from './damage.js';
import type { Judge } from './judge.js';
import type { Machine } from './machine.js';
import type { Mode } from './modes.js';
import { type Call, LIMITS, QUEUE } from './protocol.js';
import type { Random } from './random.js';
import { remove, type VirtualProcess } from './virtual-process.js';

/** Calls that a kill or a pause waits for; '': none. */
const AIMS = ['', '', 'write', 'sync', 'rename', 'unlink'];
/** The sync of the folder that the queue's file is in. */
export const SYNC_OF_FOLDER = 'sync of the folder';
/** A write of the limits file, which a kill may cut in a number. */
const WRITE_OF_LIMITS = 'write of the limits file';
/** The same calls, where workers have limits. */
const LIMITED_AIMS = [...AIMS, WRITE_OF_LIMITS, WRITE_OF_LIMITS];
/** No more kills, pauses and jumps after so many steps. */
const TROUBLE_STEPS = 1500;
/** At appends. */
const MOST_POWER_LOSSES = 4;
const HOUR = 3_600_000;

/** Who has to come by after some trouble. */
export interface Helpers {
  /** A worker and somebody who asks something of an app, when a process has stood still for long. */
  comeBy(at: number): void;
  /** The web app, after a power loss. */
  startAgain(): void;
}

/** What befalls processes and the machine: kills, pauses, clocks that are set, power that fails. */
export class Trouble {
  readonly #mode: Mode;
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #helpers: Helpers;
  /** By the number of the step. */
  #planned: { at: number; act: () => void }[] = [];
  #aimed: { op: string; hit: (victim: VirtualProcess) => void }[] = [];
  /** Calls that have been looked at, whether somebody stands still before them. */
  readonly #slowed = new WeakSet<Call>();
  #appended = false;
  #lossesLeft = MOST_POWER_LOSSES;

  constructor(mode: Mode, random: Random, machine: Machine, judge: Judge, helpers: Helpers) {
    this.#mode = mode;
    this.#random = random;
    this.#machine = machine;
    this.#judge = judge;
    this.#helpers = helpers;
  }

  plan(): void {
    if (this.#mode.undisturbed) return;
    const random = this.#random;
    const step = (): number => this.#machine.steps + random.below(random.pick([100, 500, TROUBLE_STEPS]));
    const trouble = (act: () => void, most: number): void => {
      for (let i = random.below(most + 1); i > 0; i--) this.#planned.push({ at: step(), act });
    };
    trouble(() => this.#aim((victim) => this.#machine.kill(victim)), 3);
    trouble(() => this.#aim((victim) => this.#pause(victim)), 2);
    if (random.chance(0.3)) trouble(() => this.#jump(), 1);
    if (this.#mode.syncFails) trouble(() => this.#machine.failNextSync(), 2);
    if (this.#mode.powerLoss) trouble(() => this.#losePower(), this.#mode.damage ? 4 : 2);
    this.#planned.sort((a, b) => a.at - b.at);
  }

  /** No more of it. */
  end(): void {
    this.#planned = [];
    this.#aimed = [];
    this.#lossesLeft = 0;
  }

  /** A call was carried out. */
  saw([op, fd, position]: Call): void {
    this.#appended ||= op === 'write' && position === null && this.#machine.disk.isOf(fd as number, QUEUE);
  }

  /** What is due before the next step. */
  strike(): void {
    while (this.#planned.length > 0 && (this.#planned[0] as { at: number }).at <= this.#machine.steps) {
      this.#planned.shift()?.act();
    }
    if (this.#aimed.length > 0) this.#hitAimed();
    if (this.#mode.readers) this.#slowReadersDown();
    if (this.#mode.slowAppends !== undefined) this.#slowAppendsDown(this.#mode.slowAppends);
    if (this.#mode.powerFailsAtAppends !== undefined) this.#losePowerAtAppend(this.#mode.powerFailsAtAppends);
  }

  /** Hits somebody at once, or the first who is about to make a call of some kind. */
  #aim(hit: (victim: VirtualProcess) => void): void {
    const { processes } = this.#machine;
    const op = this.#random.pick(this.#mode.aims ?? (this.#mode.limited ? LIMITED_AIMS : AIMS));
    if (op !== '') this.#aimed.push({ op, hit });
    else if (processes.length > 0) hit(this.#random.pick(processes));
  }

  #hitAimed(): void {
    for (const aim of [...this.#aimed]) {
      const victim = this.#machine.processes.find(
        ({ call, begun }) =>
          this.#isAimedAt(aim.op, call) || begun.some((other) => this.#isAimedAt(aim.op, other.call)),
      );
      if (victim === undefined) continue;
      remove(this.#aimed, aim);
      aim.hit(victim);
    }
  }

  #isAimedAt(op: string, call: Call | undefined): boolean {
    if (call === undefined) return false;
    if (op === WRITE_OF_LIMITS)
      return call[0] === 'write' && this.#machine.disk.isOf(call[1] as number, LIMITS);
    if (op !== SYNC_OF_FOLDER) return call[0] === op;
    return call[0] === 'sync' && this.#machine.disk.isOf(call[1] as number, dirname(QUEUE));
  }

  /** Others get a whole commit done between two calls of a reader. */
  #slowReadersDown(): void {
    for (const reader of this.#machine.processes) {
      const { call } = reader;
      if (reader.life.role !== 'reader' || call?.[0] !== 'read' || this.#slowed.has(call)) continue;
      this.#slowed.add(call);
      if (this.#random.chance(0.3)) this.#machine.pause(reader, this.#random.pick([1, 20, 500]));
    }
  }

  /** Others get a whole compaction done between a look at the file's end and the append. */
  #slowAppendsDown(share: number): void {
    for (const app of this.#machine.processes) {
      const { call } = app;
      if (app.life.role !== 'app' || call?.[0] !== 'write' || call[2] !== null || this.#slowed.has(call))
        continue;
      this.#slowed.add(call);
      if (this.#random.chance(share)) this.#machine.pause(app, this.#random.pick([1, 5, 20, 100]));
    }
  }

  #pause(victim: VirtualProcess): void {
    const ms = this.#random.pick([50, 1000, 15_000, 70_000, 70_000, 400_000]);
    this.#judge.paused += ms;
    this.#machine.pause(victim, ms);
    // Somebody comes by when it has stood still for longer than any limit.
    this.#helpers.comeBy(this.#machine.elapsed + ms - this.#random.below(5));
  }

  #losePower(): void {
    const limits = this.#machine.disk.content(LIMITS)?.toString('latin1');
    this.#machine.losePower();
    this.#judge.limits.powerLost(limits);
    if (this.#mode.damage && this.#random.chance(0.7)) {
      const damaged = damageRow(this.#machine.disk, this.#random, (id) => this.#judge.isHeld(id));
      if (damaged !== undefined) {
        this.#machine.tell(undefined, `the disk has damaged a row: ${JSON.stringify(damaged)}`);
        this.#judge.hold(damaged);
      }
    }
    this.#judge.afterPowerLoss();
    this.#helpers.startAgain();
  }

  #losePowerAtAppend(share: number): void {
    if (this.#appended && this.#lossesLeft > 0 && this.#random.chance(share)) {
      this.#lossesLeft--;
      this.#losePower();
    }
    this.#appended = false;
  }

  #jump(): void {
    this.#judge.pauses.expire(this.#machine.now);
    this.#judge.slots.noteTime();
    const by = this.#random.pick([-HOUR, 365 * 24 * HOUR, 61_000]);
    this.#machine.setClock(by);
    if (by < 0) this.#judge.limits.clockWasSetBack();
  }
}
