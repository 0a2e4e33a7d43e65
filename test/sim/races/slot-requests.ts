import type { ScheduleSpec } from '../../../lib/index.js';
import type { RequestKind } from './protocol.js';
import type { Random } from './random.js';

/*
 * What web apps ask of schedules. All are due each second or two, so that several slots fall into one play. Few names,
 * so that calls of one name meet.
 */

const NAMES = ['tick', 'tick', 'tock', 'beat'] as const;
const TYPES = ['patient', 'patient', 'quick', 'flaky'] as const;
const KINDS = [
  ...(['schedule', 'schedule', 'schedule', 'schedule', 'schedule', 'unschedule', 'unschedule'] as const),
  ...(['pauseSchedule', 'pauseSchedule', 'resumeSchedule', 'resumeSchedule', 'resumeSchedule'] as const),
  ...(['runNow', 'runNow', 'cancel', 'cancel', 'retry', 'compact', 'enqueue'] as const),
];

/** A schedule's spec as it goes to a virtual process. */
export type Spec = ScheduleSpec<Record<string, unknown>>;

/** What there is to ask about. */
export interface ScheduledView {
  /** Jobs that are there. */
  readonly ids: readonly string[];
  /** Of them, the jobs of schedules that are not over. */
  readonly open: readonly string[];
}

/** Draws requests. */
export class SlotRequests {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  draw(
    { ids, open }: ScheduledView,
    kinds: readonly RequestKind[] = KINDS,
  ): { what: RequestKind; args: unknown[] } {
    const random = this.#random;
    const drawn = random.pick(kinds);
    const what = ids.length === 0 && (drawn === 'cancel' || drawn === 'retry') ? 'schedule' : drawn;
    if (what === 'schedule') return { what, args: [random.pick(NAMES), this.spec()] };
    if (what === 'enqueue') return { what, args: ['quick', { ms: 0, fails: 0 }, {}] };
    if (what === 'compact') return { what, args: [] };
    if (what === 'cancel' || what === 'retry') {
      const wanted = what === 'cancel' && open.length > 0 && random.chance(0.8) ? open : ids;
      return { what, args: [random.pick(wanted)] };
    }
    return { what, args: [random.pick(NAMES)] };
  }

  /** Draws the schedules that a worker's own code declares. */
  declared(): Record<string, Spec> {
    return this.#random.chance(0.4) ? { [this.#random.pick(NAMES)]: this.spec() } : {};
  }

  spec(): Spec {
    const random = this.#random;
    const overlap = random.pick(['skip', 'skip', 'queue', 'cancel', 'allow'] as const);
    const makesUpForAll = (overlap === 'queue' || overlap === 'allow') && random.chance(0.6);
    return {
      type: random.pick(TYPES),
      payload: { ms: random.pick([0, 50, 700, 2500]), fails: random.below(2) },
      every: random.pick(['1s', '1s', '1s', '2s']),
      overlap,
      // A play may last for years.
      ...(makesUpForAll && { catchUp: 'all', catchUpWithin: random.pick(['3s', '10s']) }),
      ...(!makesUpForAll && random.chance(0.2) && { catchUpWithin: '1s' }),
      ...(random.chance(0.2) && { jitter: '700ms' }),
    };
  }
}
