/** Says that due jobs wait, and no worker has looked at the queue for long. */
export interface NoWorkerWarning {
  /** For a person: what happened, since when, and what to do. */
  readonly message: string;
  /** The queue's file. */
  readonly file: string;
  /** When a worker looked last; undefined if none ever has. */
  readonly lastTick: Date | undefined;
  /** How many jobs are due. */
  readonly due: number;
  /** How long the oldest one has been due, in ms. */
  readonly oldestDue: number;
}
