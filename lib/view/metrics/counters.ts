import type { Family, ReadSample, Sample } from './exposition.js';

/** A job that ended. */
export interface End {
  readonly type: string;
  readonly outcome: Outcome;
  /** When it ended, and how long its last attempt ran; in ms. NaN if unknown. */
  readonly at: number;
  readonly ran: number;
}

export const OUTCOMES = ['completed', 'failed', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The upper bounds of the histogram's buckets, in seconds. */
const BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600] as const;
/** How long before now the ends are counted up to, in ms: by then their rows are in the file, also those of other processes. */
const SETTLED_MS = 5_000;
/** A clock that is set back by more begins again; by less, it is waited for. */
const SET_BACK_MS = 3_600_000;

const FINISHED = 'tsvq_jobs_finished';
const DURATION = 'tsvq_job_duration_seconds';
const UNTIL = 'tsvq_counted_until_timestamp_seconds';

interface TypeCounters {
  readonly finished: Record<Outcome, number>;
  /** Not summed up; the last one has no upper bound. */
  readonly buckets: number[];
  seconds: number;
}

const none = (): TypeCounters => ({
  finished: { completed: 0, failed: 0, cancelled: 0 },
  buckets: Array.from({ length: BOUNDS.length + 1 }, () => 0),
  seconds: 0,
});

/**
 * The counters of jobs that ended. They are kept in the text that was written last, not in the queue, because jobs leave
 * the queue: a count of its jobs would fall with each compaction, and an increase would be made of the rest.
 */
export class Counters {
  /** The ends that are counted next are after `from`, up to `until`; in ms since 1970. */
  readonly from: number;
  readonly until: number;
  readonly #types = new Map<string, TypeCounters>();

  /** @param last the samples that were written last; without the time of a count the counters begin at 0 */
  constructor(last: readonly ReadSample[], now: number) {
    const settled = Math.floor(now - SETTLED_MS);
    const seconds = last.find(({ name }) => name === UNTIL)?.value;
    const from = seconds === undefined ? settled : Math.round(seconds * 1000);
    this.from = from - settled > SET_BACK_MS ? settled : from;
    this.until = Math.max(this.from, settled);
    if (seconds !== undefined) for (const sample of last) this.#restore(sample);
  }

  /** True if an end is to be counted now. */
  isNew(at: number): boolean {
    const ms = Math.round(at);
    return ms > this.from && ms <= this.until;
  }

  /** Gives a type counters that begin at 0, so that its first end is an increase. */
  know(type: string): void {
    this.#of(type);
  }

  /** Counts a job, if its end is in the time to count. */
  add({ type, outcome, at, ran }: End): void {
    if (!this.isNew(at)) return;
    const counters = this.#of(type);
    counters.finished[outcome]++;
    // A job that was cancelled before its start has not run.
    if (outcome === 'cancelled' || !(ran >= 0)) return;
    const seconds = ran / 1000;
    const place = BOUNDS.findIndex((bound) => seconds <= bound);
    const bucket = place < 0 ? BOUNDS.length : place;
    counters.buckets[bucket] = (counters.buckets[bucket] as number) + 1;
    counters.seconds += seconds;
  }

  families(): Family[] {
    const types = [...this.#types].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      {
        name: FINISHED,
        type: 'counter',
        help: 'Jobs that ended. A job that is retried by hand and ends again counts again.',
        samples: types.flatMap(([type, { finished }]) =>
          OUTCOMES.map((outcome) => ({
            suffix: '_total',
            labels: [
              ['type', type],
              ['outcome', outcome],
            ] as const,
            value: finished[outcome],
          })),
        ),
      },
      {
        name: DURATION,
        type: 'histogram',
        help: 'How long the last attempts of completed and failed jobs ran.',
        samples: types.flatMap(([type, counters]) => histogramOf(type, counters)),
      },
      {
        name: UNTIL,
        type: 'gauge',
        help: 'Up to when ended jobs are counted, in Unix seconds.',
        samples: [{ suffix: '', labels: [], value: this.until / 1000 }],
      },
    ];
  }

  #of(type: string): TypeCounters {
    let counters = this.#types.get(type);
    if (counters === undefined) {
      counters = none();
      this.#types.set(type, counters);
    }
    return counters;
  }

  #restore({ name, labels, value }: ReadSample): void {
    const { type, outcome, le } = labels;
    if (type === undefined || !(value >= 0)) return;
    if (name === `${FINISHED}_total` && OUTCOMES.includes(outcome as Outcome))
      this.#of(type).finished[outcome as Outcome] = value;
    if (name === `${DURATION}_sum`) this.#of(type).seconds = value;
    if (name !== `${DURATION}_bucket`) return;
    const { buckets } = this.#of(type);
    const place = le === '+Inf' ? BOUNDS.length : BOUNDS.indexOf(Number(le) as (typeof BOUNDS)[number]);
    if (place < 0) return;
    // In the text each bucket has the smaller ones in it, which stand before it.
    buckets[place] = value - buckets.slice(0, place).reduce((sum, each) => sum + each, 0);
  }
}

function histogramOf(type: string, { buckets, seconds }: TypeCounters): Sample[] {
  let sum = 0;
  const label = ['type', type] as const;
  return [
    ...buckets.map((count, i) => {
      sum += count;
      const le = i < BOUNDS.length ? String(BOUNDS[i]) : '+Inf';
      return { suffix: '_bucket', labels: [label, ['le', le] as const], value: sum };
    }),
    { suffix: '_sum', labels: [label], value: Math.round(seconds * 1000) / 1000 },
    { suffix: '_count', labels: [label], value: sum },
  ];
}
