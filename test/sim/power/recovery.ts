import { FakeClock } from '../../support/fake-clock.js';
import { Actor, type Machine, QUEUE } from './actor.js';
import type { Disk } from './disk.js';
import { broken, hasHole, look, untidy } from './judge.js';
import { missingSlots, wrongSlots } from './slots.js';
import { find, type Snapshot } from './snapshot.js';
import { Witness } from './witness.js';

/** An hour after histories end: what is to be tried again is due. */
const LATER = Date.UTC(2030, 0, 8);

/** A machine that has come up again, and what it was used for. */
export interface Recovery {
  readonly disk: Disk;
  readonly witness: Witness;
  readonly violations: readonly string[];
  /** See {@link untidy}. */
  readonly hasHole: boolean;
}

/**
 * Uses a queue as anybody would after the machine has come up: adds a job, runs what is due, compacts. In which
 * order, `variant` says; whoever comes first repairs.
 */
export async function recover(
  disk: Disk,
  before: Pick<Witness, 'facts' | 'asked'>,
  variant: number,
  level = 1,
): Promise<Recovery> {
  const witness = new Witness(`r${level}.`, () => disk.log.length, before);
  const machine: Machine = { fs: disk.fs, clock: new FakeClock(LATER), witness, alive: new Set() };
  const actor = new Actor(machine);
  try {
    await useIt(actor, machine, variant);
    await findAll(actor, before);
    await actor.close();
  } catch (error) {
    return {
      disk,
      witness,
      violations: [`it does not work any more: ${(error as Error).stack}`],
      hasHole: false,
    };
  }
  const found = look(disk.state);
  const known = witness.until(Number.POSITIVE_INFINITY);
  return {
    disk,
    witness,
    violations: [...broken(found, known), ...untidy(found, known), ...missingSlots(found)],
    hasHole: hasHole(found),
  };
}

async function useIt(actor: Actor, { clock }: Machine, variant: number): Promise<void> {
  const steps = [() => actor.enqueue(), () => actor.work(), () => actor.compact()];
  for (let i = 0; i < steps.length; i++) await steps[(i + variant) % steps.length]?.();
  if (variant % 3 !== 0) await actor.enqueue();
  await actor.compact();
  // Until nothing waits: failed jobs are tried again, dead workers' jobs taken back, follow-ups made and run.
  for (let round = 0; round < 4; round++) {
    if ((await actor.queue.listJobs({ status: ['pending', 'processing', 'waiting'] })).length === 0) return;
    clock.advance(3_600_000);
    await actor.work();
    await actor.compact();
  }
}

/** Every job that was ever promised can be asked for. */
async function findAll({ queue }: Actor, { facts }: Pick<Witness, 'facts'>): Promise<void> {
  for (const { what, id } of facts) {
    if (what !== 'enqueued') continue;
    if ((await queue.getJob(id, { archive: true })) === undefined) throw new Error(`job ${id} is not found`);
  }
}

/** Whether what is on a disk, as it comes up, keeps the promises. */
export function checkAtRest(disk: Snapshot, before: Pick<Witness, 'facts' | 'asked'>): string[] {
  const found = look(disk);
  const violations = [...broken(found, before), ...wrongSlots(found)];
  const exists = find(disk, QUEUE) !== undefined;
  if (exists && !found.queue?.header.includes('status')) violations.push('the file has no header');
  return violations;
}
