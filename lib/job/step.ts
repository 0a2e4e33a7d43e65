/** A step of a job that is recorded: its function never runs again for this job. */
export interface RecordedStep {
  /** The name that the handler gave it; the second of a name has `#2` added. A sleep is `sleep#1`, `sleep#2`, … */
  readonly name: string;
  /** The attempt that recorded it, from 1. */
  readonly attempt: number;
  /** When it was recorded, in ms since 1970. */
  readonly at: number;
  /** The result as JSON text; empty if the function returned nothing. Of a sleep, its end in Unix seconds. */
  readonly result: string;
}
