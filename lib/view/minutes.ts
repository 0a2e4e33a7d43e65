import { BUCKETS, bucketOf } from './histogram.js';

/** For how many minutes jobs are counted. */
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
  /** How many of them failed. */
  readonly failedMinutes: Float64Array;
  /** How many jobs ran, and waited, for so long: by bucket of the histogram. */
  readonly ran: Float64Array;
  readonly waited: Float64Array;
}

/** An hour without jobs. */
export const noHour = (): LastHour => ({
  completed: 0,
  failed: 0,
  minutes: new Float64Array(HOUR),
  failedMinutes: new Float64Array(HOUR),
  ran: new Float64Array(BUCKETS),
  waited: new Float64Array(BUCKETS),
});

/** Adds numbers to others, place by place. */
export function addTo(sums: Float64Array, numbers: ArrayLike<number>): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (numbers[i] as number);
}

/** What happened in one minute. */
interface Minute extends Omit<LastHour, 'minutes' | 'failedMinutes' | 'ran' | 'waited'> {
  readonly minute: number;
  readonly ran: Uint32Array;
  readonly waited: Uint32Array;
}

/** The jobs of one type that ended in the last hour, by minute, and how long they ran and waited. */
export class Minutes {
  /** The minutes in which jobs ended, each in its place of the ring. */
  readonly #ring: (Minute | undefined)[] = Array.from({ length: HOUR });
  /** The last hour as of a minute; undefined since a job was counted. */
  #known: { readonly minute: number; readonly hour: LastHour } | undefined;

  /** Counts a job, or takes it away. @param by 1 or -1 */
  add({ at, isFailed, ran, waited }: Ended, by: 1 | -1): void {
    const number = Math.floor(at / MINUTE_MS);
    const place = number % HOUR;
    let minute = this.#ring[place];
    if (minute?.minute !== number) {
      // The job ended too long ago, or was not counted.
      if (by < 0 || (minute !== undefined && minute.minute > number)) return;
      minute = {
        ...{ minute: number, completed: 0, failed: 0 },
        ...{ ran: new Uint32Array(BUCKETS), waited: new Uint32Array(BUCKETS) },
      };
      this.#ring[place] = minute;
    }
    this.#known = undefined;
    if (isFailed) minute.failed += by;
    else minute.completed += by;
    if (!Number.isNaN(ran)) minute.ran[bucketOf(ran)] = (minute.ran[bucketOf(ran)] as number) + by;
    if (!Number.isNaN(waited))
      minute.waited[bucketOf(waited)] = (minute.waited[bucketOf(waited)] as number) + by;
  }

  /** Returns what happened in the last hour. It is summed up again only after a change, or in another minute. */
  lastHour(now: number): LastHour {
    const current = Math.floor(now / MINUTE_MS);
    if (this.#known?.minute !== current) this.#known = { minute: current, hour: this.#sumUp(current) };
    return this.#known.hour;
  }

  #sumUp(current: number): LastHour {
    const hour = noHour();
    for (const minute of this.#ring) {
      const ago = current - (minute?.minute ?? Number.NaN);
      if (minute === undefined || !(ago >= 0 && ago < HOUR)) continue;
      hour.completed += minute.completed;
      hour.failed += minute.failed;
      hour.minutes[HOUR - 1 - ago] = minute.completed + minute.failed;
      hour.failedMinutes[HOUR - 1 - ago] = minute.failed;
      addTo(hour.ran, minute.ran);
      addTo(hour.waited, minute.waited);
    }
    return hour;
  }
}
