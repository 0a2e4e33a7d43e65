/**
 * What can be wrong with a queue file.
 *
 * - `unreadable`: a line that is no row; it is kept, and ignored
 * - `held`: a job that nobody runs because such a line bears its id
 * - `torn`: the start of a row whose write a crash cut; it was never acknowledged
 * - `duplicate`: a second row of a job, which can't be told from the first by its version
 * - `payload`: of a job that is still to run, and no JSON, or with a number that JavaScript can't hold: its handler
 *   would not be called
 * - `number`: of a job that is still to run, a field that should be a number and is none: it counts as empty
 * - `ahead`: a job whose times are far ahead, since a clock was wrong, or a number in other units: it waits for them
 * - `meta`: of a job that is still to run, and no JSON object, or too long: the queue can note nothing in it
 * - `interrupted`: a job that was begun and cut off again and again by the end of its worker
 * - `follow-up`: a job that is to exist because another one completed, and is missing
 * - `orphan`: a job that runs, by its status, but whose worker is dead
 * - `lock`: held for longer than a commit takes, or left by a dead process
 * - `leftover`: a file that a crash left behind
 * - `place`: a place where the file can't be written safely
 * - `access`: an owner or a mode that keeps a worker out, or lets strangers in
 * - `place`: a file system that promises less than is needed
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

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  /** In the file, from 1; undefined for what is no line of it. */
  readonly line?: number;
  /** Of the job. */
  readonly id?: string;
  /** What it is, and what can be done. */
  readonly message: string;
}
