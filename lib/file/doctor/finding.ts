/**
 * A kind of problem of a queue.
 *
 * - `unreadable`: a line that isn't a row; it is kept and ignored
 * - `held`: a job that no worker runs because an unreadable line has its id
 * - `torn`: the start of a row whose write a crash cut; it was never acknowledged
 * - `duplicate`: a second row of a job, which can't be told from the first by its version
 * - `payload`: an open job's payload that isn't JSON, or has a number that JavaScript can't hold, so that its
 *   handler would not be called
 * - `number`: an open job's field that should be a number and isn't, so that it counts as empty
 * - `ahead`: a job that waits for times far ahead, because a clock or a unit was wrong
 * - `meta`: an open job's meta that isn't a JSON object, or is too long, so that the queue can't note anything
 * - `interrupted`: a job that began and was cut off again and again by its worker's end
 * - `follow-up`: a missing job that must exist because another one completed, or a schedule made it
 * - `schedule`: a schedule that makes no jobs
 * - `waiting`: a job that waits for other jobs, but can't start, or could have started
 * - `key`: jobs of one type that wait with the same key
 * - `orphan`: a job that is `processing` although its worker is dead, or its row names no worker
 * - `lock`: a lock that is held for longer than a commit takes, or was left by a dead process
 * - `leftover`: a file that a crash left behind
 * - `job-file`: logs and steps of jobs that are no longer there
 * - `access`: an owner or a mode that keeps a worker out, or lets strangers in
 * - `place`: a place where the file can't be written safely, or a file system that promises too little
 */
export type FindingKind =
  | 'unreadable'
  | 'held'
  | 'torn'
  | 'duplicate'
  | 'payload'
  | 'number'
  | 'ahead'
  | 'meta'
  | 'interrupted'
  | 'follow-up'
  | 'schedule'
  | 'waiting'
  | 'key'
  | 'orphan'
  | 'lock'
  | 'leftover'
  | 'job-file'
  | 'access'
  | 'place';

/** One problem that was found. */
export interface Finding {
  readonly kind: FindingKind;
  /** The line number, from 1; undefined if the problem isn't in one line. */
  readonly line?: number;
  /** The job's id. */
  readonly id?: string;
  /** The problem, and what can be done. */
  readonly message: string;
}
