/** The state of a queue, in figures. */
export interface Stats {
  /** Absolute path of the file. */
  file: string;
  /** Jobs in the file, all states together; the archive is not counted. */
  total: number;
  pending: number;
  /** Of the pending ones, those whose time has come. */
  due: number;
  processing: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Seconds for which the oldest due job has been waiting; 0 if none is due. */
  oldestDueSeconds: number;
  /** The same by job type. */
  types: Record<string, TypeStats>;
  /** When a worker last looked; undefined if never. */
  lastTick: Date | undefined;
  /** Types of due jobs for which the last worker had no handler. */
  unhandled: string[];
  /** Size of the file. */
  bytes: number;
}

/** {@link Stats} of one job type. */
export interface TypeStats {
  pending: number;
  due: number;
  processing: number;
  completed: number;
  failed: number;
  cancelled: number;
  oldestDueSeconds: number;
}
