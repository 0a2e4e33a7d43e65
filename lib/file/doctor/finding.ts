/**
 * A kind of problem of a queue.
 *
 * - `unreadable`: a line that is no row; it is kept and ignored
 * - `held`: a job that no worker runs because such a line has its id
 * - `torn`: the start of a row whose write a crash cut; it was never acknowledged
 * - `duplicate`: a second row of a job, which can't be told from the first by its version
 * - `payload`: an open job's payload that is no JSON, or has a number that JavaScript can't hold: its handler
 *   would not be called
 * - `number`: an open job's field that should be a number and is none: it counts as empty
 * - `ahead`: a job whose times are far ahead, because a clock or a unit was wrong: it waits for them
 * - `meta`: an open job's meta that is no JSON object, or too long: the queue can note nothing in it
 * - `interrupted`: a job that began and was cut off again and again by its worker's end
 * - `follow-up`: a missing job that must exist because another one completed
 * - `orphan`: a job with the status of a running one whose worker is dead
 * - `lock`: held for longer than a commit takes, or left by a dead process
 * - `leftover`: a file that a crash left behind
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
  | 'orphan'
  | 'lock'
  | 'leftover'
  | 'access'
  | 'place';

/** One problem that was found. */
export interface Finding {
  readonly kind: FindingKind;
  /** The line number, from 1; undefined if it concerns no line. */
  readonly line?: number;
  /** The job's id. */
  readonly id?: string;
  /** The problem, and what can be done. */
  readonly message: string;
}
