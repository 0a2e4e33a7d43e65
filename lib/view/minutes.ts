import { BUCKETS, bucketOf } from './histogram.js';

/** How many minutes are counted: a day. */
const DAY = 1440;
/** For how many minutes it is known how long jobs ran and waited. */
const HOUR = 60;
const MINUTE_MS = 60_000;

/** A job that ended. Times in ms. */
export interface Ended {
  readonly at: number;
  readonly isFailed: boolean;
  /** How long the last attempt took; NaN if unknown. */
  readonly ran: number;
  /** How long the job was due before that; NaN if unknown. */
  readonly waited: number;
}

/** What happened in an hour. */
export interface LastHour {
  completed: number;
  failed: number;
  /** How many jobs ended in each minute; the current one comes last. */
  readonly minutes: Float64Array;
  /** How many jobs ran, and waited, for so long: by bucket of the histogram. */
  readonly ran: Float64Array;
  readonly waited: Float64Array;
}

/** An hour without jobs. */
export const noHour = (): LastHour => ({
  completed: 0,
  failed: 0,
  minutes: new Float64Array(HOUR),
  ran: new Float64Array(BUCKETS),
  waited: new Float64Array(BUCKETS),
});

/** Adds numbers to others, place by place. */
export function addTo(sums: Float64Array, numbers: ArrayLike<number>): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (numbers[i] as number);
}

/** The jobs of one type that ended, by minute, for a day; and how long they ran and waited, for an hour. */
export class Minutes {
  /** The minute that each place counts now. */
  readonly #minutes = new Float64Array(DAY).fill(Number.NaN);
  readonly #completed = new Uint32Array(DAY);
  readonly #failed = new Uint32Array(DAY);
  readonly #hourMinutes = new Float64Array(HOUR).fill(Number.NaN);
  readonly #ran = new Uint32Array(HOUR * BUCKETS);
  readonly #waited = new Uint32Array(HOUR * BUCKETS);

  /** The last hour as of a minute; undefined since a job was counted. */
  #known: { readonly minute: number; readonly hour: LastHour } | undefined;

  /** Counts a job, or takes it away. @param by 1 or -1 */
  add({ at, isFailed, ran, waited }: Ended, by: 1 | -1): void {
    this.#known = undefined;
    const minute = Math.floor(at / MINUTE_MS);
    const place = minute % DAY;
    if (this.#isCurrent(this.#minutes, place, minute, by)) {
      const counts = isFailed ? this.#failed : this.#completed;
      counts[place] = (counts[place] as number) + by;
    }
    const hourPlace = minute % HOUR;
    if (!this.#isCurrent(this.#hourMinutes, hourPlace, minute, by)) return;
    for (const [counts, ms] of [
      [this.#ran, ran],
      [this.#waited, waited],
    ] as const) {
      if (Number.isNaN(ms)) continue;
      const bucket = hourPlace * BUCKETS + bucketOf(ms);
      counts[bucket] = (counts[bucket] as number) + by;
    }
  }

  /** Returns what happened in the last hour. It is summed up again only after a change, or in another minute. */
  lastHour(now: number): LastHour {
    const current = Math.floor(now / MINUTE_MS);
    if (this.#known?.minute !== current) this.#known = { minute: current, hour: this.#sumUp(current) };
    return this.#known.hour;
  }

  #sumUp(current: number): LastHour {
    const hour = noHour();
    for (let i = 0; i < HOUR; i++) {
      const minute = current - HOUR + 1 + i;
      const place = minute % DAY;
      if (this.#minutes[place] !== minute) continue;
      const [completed, failed] = [this.#completed[place] as number, this.#failed[place] as number];
      hour.completed += completed;
      hour.failed += failed;
      hour.minutes[i] = completed + failed;
    }
    for (let place = 0; place < HOUR; place++) {
      const minute = this.#hourMinutes[place] as number;
      if (!(minute > current - HOUR && minute <= current)) continue;
      const from = place * BUCKETS;
      addTo(hour.ran, this.#ran.subarray(from, from + BUCKETS));
      addTo(hour.waited, this.#waited.subarray(from, from + BUCKETS));
    }
    return hour;
  }

  /** True if the place counts this minute; a place with an earlier minute begins again. */
  #isCurrent(minutes: Float64Array, place: number, minute: number, by: 1 | -1): boolean {
    const known = minutes[place] as number;
    if (known === minute) return true;
    if (known > minute || by < 0) return false;
    minutes[place] = minute;
    if (minutes === this.#minutes) {
      this.#completed[place] = 0;
      this.#failed[place] = 0;
    } else {
      this.#ran.fill(0, place * BUCKETS, (place + 1) * BUCKETS);
      this.#waited.fill(0, place * BUCKETS, (place + 1) * BUCKETS);
    }
    return true;
  }
}
