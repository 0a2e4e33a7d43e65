import { type ErrorCode, TsvqError } from '../job/errors.js';

/** The exit codes; `queue --help` lists them for people. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  cancelled: 4,
  busy: 75,
  timedOut: 124,
} as const;

/** An error of a foreseen kind, whose message is for a person and needs no stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Makes the error for a command line that can't be used; nothing was changed. */
export const usageError = (message: string): CliError => new CliError(EXIT.usage, message);

/** Makes the error for a missing file or job. */
export const notFound = (message: string): CliError => new CliError(EXIT.notFound, message);

const CODES: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  PAYLOAD_TOO_LARGE: EXIT.usage,
  NO_QUEUE_FILE: EXIT.notFound,
  JOB_NOT_FOUND: EXIT.notFound,
  JOB_CANCELLED: EXIT.cancelled,
  WAIT_TIMEOUT: EXIT.timedOut,
  LOCK_TIMEOUT: EXIT.busy,
};

/** True for an error of the library, also of the copy that a handlers module imports. */
const isTsvqError = (error: unknown): error is TsvqError => error instanceof TsvqError && 'code' in error;

/** Returns the exit code for a command's error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (isTsvqError(error)) return CODES[error.code] ?? EXIT.failed;
  return EXIT.failed;
}

/** Returns the message of an error, with the stack if it is a mistake of this program or of a handlers module. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const foreseen = error instanceof CliError || isTsvqError(error) || 'syscall' in error;
  return foreseen ? error.message : (error.stack ?? error.message);
}
