import { slotId } from '../../lib/file/format/derived-id.js';
import type { Check, Evidence } from './check.js';
import type { Row } from './final-state.js';

/*
 * What must be true of schedules. Their rows vanish by compactions, but a row counts the jobs that the schedule has
 * ever made, and the jobs stay in the file and its archive.
 */

interface Meta {
  readonly '@schedule'?: string | { readonly name: string; readonly every: number };
  readonly '@slot'?: number;
}

const metaOf = ({ meta }: Row): Meta => JSON.parse(meta || '{}') as Meta;

/** Whether a job was made by a schedule. */
export const isOfSchedule = (row: Row): boolean => metaOf(row)['@schedule'] !== undefined;

/** The ids of each schedule's jobs, and their slots, in Unix seconds. */
function slotsOf({ jobs }: Evidence): Map<string, { id: string; slot: number }[]> {
  const slots = new Map<string, { id: string; slot: number }[]>();
  for (const [id, row] of jobs) {
    const { '@schedule': name, '@slot': slot } = metaOf(row);
    if (typeof name === 'string' && slot !== undefined)
      slots.set(name, [...(slots.get(name) ?? []), { id, slot }]);
  }
  return slots;
}

/** Each slot has at most one job, and the schedule has counted each of them. */
const eachSlotHasItsJob: Check = (evidence, fail) => {
  const slots = slotsOf(evidence);
  for (const [id, row] of evidence.schedules) {
    const { '@schedule': note } = metaOf(row);
    if (typeof note !== 'object') continue;
    const { name, every } = note;
    const made = slots.get(name) ?? [];
    slots.delete(name);
    if (made.length !== Number(row.attempts))
      fail(`${name} has made ${row.attempts} jobs, and ${made.length} are there`);
    const last = (JSON.parse(row.result || '{"slot":0}') as { slot: number }).slot;
    for (const job of made) {
      if (job.id !== slotId(id, job.slot * 1000))
        fail(`job ${job.id} has not the id of slot ${job.slot} of ${name}`);
      if (job.slot % every !== 0) fail(`job ${job.id} of ${name} is for ${job.slot}, which is no slot`);
      if (job.slot > last)
        fail(`job ${job.id} of ${name} is for slot ${job.slot}, and the schedule is at ${last}`);
    }
  }
  for (const name of slots.keys()) fail(`jobs of ${name} are there, and it is not`);
};

const whatWasRunByHandIsThere: Check = ({ jobs, of }, fail) => {
  for (const { answer } of of('run now')) {
    const ids = answer?.e === 'told' ? (answer.ids ?? []) : [];
    for (const id of ids) if (!jobs.has(id)) fail(`job ${id} was run by hand, and is gone`);
  }
};

export const SLOT_CHECKS: readonly Check[] = [eachSlotHasItsJob, whatWasRunByHandIsThere];
