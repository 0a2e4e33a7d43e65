import type { HandlerEntries, Handlers } from '../../../lib/index.js';
import { LIMITED } from './limited-types.js';
import type { Seam } from './seam.js';

/** What each kind of handler is given. */
export interface Payload {
  /** How long it takes. */
  ms: number;
  /** How many attempts fail. */
  fails: number;
  /** Names the request that it came with; only jobs with keys have one. */
  mark?: string;
}

/** With keys that others have as well, and one of them twice. */
const FOLLOW_UPS = [
  { type: 'patient', key: 'active 1' },
  { type: 'flaky', key: 'active 1' },
  { type: 'flaky', key: 'active 2' },
  { type: 'patient', key: 'active 1' },
];

/** One of each kind that a worker has to cope with. */
export function handlers(seam: Seam): Handlers<Record<string, Payload>> {
  return {
    quick: (_, { job }) => {
      seam.note(['run', job.id, job.attempts]);
      return { attempt: job.attempts };
    },
    patient: async ({ ms, mark = '' }, { job, signal }) => {
      seam.note(['run', job.id, job.attempts, mark]);
      await seam.clock.sleep(ms, signal);
      signal.throwIfAborted();
      return { attempt: job.attempts };
    },
    deaf: async ({ ms }, { job }) => {
      seam.note(['run', job.id, job.attempts]);
      await seam.clock.sleep(ms);
      return { attempt: job.attempts };
    },
    flaky: async ({ ms, fails, mark = '' }, { job }) => {
      seam.note(['run', job.id, job.attempts, mark]);
      if (ms > 0) await seam.clock.sleep(ms);
      if (job.attempts <= fails) throw new Error(`attempt ${job.attempts} was to fail`);
      return { attempt: job.attempts };
    },
    parent: async ({ ms }, { job, enqueue }) => {
      seam.note(['run', job.id, job.attempts]);
      if (ms > 0) await seam.clock.sleep(ms);
      for (const type of ['quick', 'patient']) {
        seam.note(['follow', job.id, job.attempts, enqueue(type, { ms: 20, fails: 0 })]);
      }
      return { attempt: job.attempts };
    },
    'keyed parent': async ({ ms, mark = '' }, { job, enqueue }) => {
      seam.note(['run', job.id, job.attempts, mark]);
      if (ms > 0) await seam.clock.sleep(ms);
      for (const [index, { type, key }] of FOLLOW_UPS.entries()) {
        seam.note(['follow keyed', job.id, job.attempts, index, type, key]);
        enqueue(type, { ms: 20, fails: 0, mark: `f${job.attempts}${index}` }, { dedupeKey: key });
      }
      return { attempt: job.attempts };
    },
  };
}

/** The types with limits; all of them take their time, and fail at first. */
export function limitedHandlers(seam: Seam): HandlerEntries<Record<string, Payload>> {
  const { patient, flaky } = handlers(seam) as Record<'patient' | 'flaky', Handlers[string]>;
  const entries = Object.entries(LIMITED).map(
    ([type, limits]) =>
      [
        type,
        {
          ...limits,
          handler: (payload: Payload, context: Parameters<typeof patient>[1]) =>
            (payload.fails > 0 ? flaky : patient)(payload, context),
        },
      ] as const,
  );
  return Object.fromEntries(entries) as HandlerEntries<Record<string, Payload>>;
}

export const TYPES = ['quick', 'quick', 'patient', 'deaf', 'flaky', 'parent'] as const;
