/** What a benchmark is given. */
export interface Setting {
  /** A folder of its own, empty, on the disk. */
  readonly folder: string;
  /** Fewer runs, and no queue of a million jobs. */
  readonly quick: boolean;
}
