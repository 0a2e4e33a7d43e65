import { createHash } from 'node:crypto';
import { type Found, hasHole, type Row } from './judge.js';

/*
 * What has to hold of schedules: a slot has one job, of the id that follows from both, and the schedule's row counts
 * it. Where power loss has kept a later block of an append and lost an earlier one, the row that counts a job may be
 * lost, and the job be there; as with the completion that carries a follow-up.
 */

interface Meta {
  readonly '@schedule'?: string | { readonly name: string };
  readonly '@slot'?: number;
}

const metaOf = ({ meta }: Row): Meta => JSON.parse(meta || '{}') as Meta;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The newest row of each schedule, by name. */
function schedulesOf({ open, archived }: Found): Map<string, Row> {
  const schedules = new Map<string, Row>();
  for (const row of [...archived.values(), ...open.values()]) {
    const { '@schedule': schedule } = metaOf(row);
    if (typeof schedule === 'object') schedules.set(schedule.name, row);
  }
  return schedules;
}

/** The jobs of slots, by schedule. */
function jobsOf({ open, archived }: Found): Map<string, Row[]> {
  const jobs = new Map<string, Row[]>();
  for (const row of new Map([...archived, ...open]).values()) {
    const { '@schedule': name, '@slot': slot } = metaOf(row);
    if (typeof name === 'string' && slot !== undefined) jobs.set(name, [...(jobs.get(name) ?? []), row]);
  }
  return jobs;
}

/** What is wrong with the jobs of slots, whether or not a process has repaired the file. */
export function wrongSlots(found: Found): string[] {
  const violations: string[] = [];
  const schedules = schedulesOf(found);
  for (const [name, jobs] of jobsOf(found)) {
    const id = hash(`schedule:${name}`);
    const last = JSON.parse(schedules.get(name)?.result || '{"slot":0}') as { slot: number };
    for (const job of jobs) {
      const slot = metaOf(job)['@slot'] as number;
      if (job.id !== hash(`${id}:${slot}`)) violations.push(`job ${job.id} has not the id of slot ${slot}`);
      if (slot > last.slot && !hasHole(found))
        violations.push(`job ${job.id} is of slot ${slot}, and schedule ${name} is at ${last.slot}`);
    }
  }
  return violations;
}

/** What is wrong with them once a worker has been at work, and a compaction after it. */
export function missingSlots(found: Found): string[] {
  const violations = wrongSlots(found);
  if (hasHole(found)) return violations;
  const jobs = jobsOf(found);
  for (const [name, { attempts, follow_ups }] of schedulesOf(found)) {
    const count = jobs.get(name)?.length ?? 0;
    if (count !== Number(attempts))
      violations.push(`schedule ${name} made ${attempts} jobs, and has ${count}`);
    if (follow_ups !== '') violations.push(`schedule ${name} still carries jobs`);
  }
  return violations;
}
