/** What an attempt says about itself while it runs: lines for a person, and how far it is. */
export interface AttemptLog {
  /** Notes how far the job is; see {@link HandlerContext.progress}. @throws TsvqError `INVALID_ARGUMENT` */
  progress(percent: number, message?: string): void;
  /** Adds lines to the job's log; see {@link HandlerContext.log}. @throws TsvqError `INVALID_ARGUMENT` */
  log(text: string): void;
  /** The newest progress as JSON text, for the job's row; undefined if this attempt has told none. */
  readonly latest: string | undefined;
  /** Writes what is held back, and how the attempt ended. It is called once, at the end of each attempt that used it. */
  end(how: string): void;
}
