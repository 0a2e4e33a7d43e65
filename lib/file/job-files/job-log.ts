import { text } from '../../job/checks.js';
import { type Clock, isWithin } from '../../job/clock.js';
import { formatLogLine, type LogKind, logLines, progressText } from '../../job/log-line.js';
import { checkProgress, type Progress, progressJson } from '../../job/progress.js';
import type { AttemptLog } from '../../runner/attempt-log.js';
import { LogFile, type LogPlace } from './log-file.js';

/** The least time between two progress lines of an attempt, in ms. */
const PROGRESS_MS = 250;
/** The most bytes of a log. With the older half, a job has twice as much. */
export const MAX_LOG: number = 1024 * 1024;
/** How many logs a worker keeps open. A log that is used less often is opened for each write. */
const MOST_OPEN = 64;

/** Where the logs of a worker's attempts go. */
export interface JobLogsParts extends LogPlace {
  readonly clock: Clock;
  /** Is told once that lines were lost. */
  readonly onLoss: (path: string, error: unknown) => void;
}

/** The logs of a worker's attempts. */
export class JobLogs {
  readonly #parts: JobLogsParts;
  /** The files that are open, the one used last at the end. */
  readonly #open = new Set<LogFile>();
  #hasLost = false;

  constructor(parts: JobLogsParts) {
    this.#parts = parts;
  }

  /** Returns the log of an attempt. It is in a file only once the attempt writes to it. */
  of(id: string, attempt: number): AttemptLog {
    return new JobLog(this, this.#parts.clock, new LogFile(this.#parts, id), attempt);
  }

  /** The most bytes of a log, without its older half. */
  get maxLog(): number {
    return this.#parts.maxLog;
  }

  /** Appends lines. If that fails they are lost, because a handler must not fail of its log. */
  append(file: LogFile, lines: Buffer): void {
    this.#open.delete(file);
    this.#open.add(file);
    try {
      const [oldest] = this.#open.size > MOST_OPEN ? this.#open : [];
      if (oldest !== undefined) this.close(oldest);
      file.append(lines);
    } catch (error) {
      this.close(file);
      if (!this.#hasLost) this.#parts.onLoss(file.path, error);
      this.#hasLost = true;
    }
  }

  close(file: LogFile): void {
    this.#open.delete(file);
    file.close();
  }

  /** Returns as many of the last lines as a log can hold. */
  fitting(lines: readonly string[]): Buffer {
    let bytes = 0;
    let first = lines.length;
    while (first > 0) {
      bytes += Buffer.byteLength(lines[first - 1] as string);
      if (bytes > this.#parts.maxLog) break;
      first--;
    }
    return Buffer.from((first === 0 ? lines : lines.slice(first)).join(''));
  }
}

/** The log of one attempt. */
class JobLog implements AttemptLog {
  readonly #logs: JobLogs;
  readonly #clock: Clock;
  readonly #file: LogFile;
  readonly #attempt: number;
  #newest: Progress | undefined;
  /** When a progress line was written last, in ms. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Cancels the timer that writes the newest progress; undefined if that is written. */
  #cancelTimer: (() => void) | undefined;
  #hasBegun = false;
  #hasEnded = false;

  constructor(logs: JobLogs, clock: Clock, file: LogFile, attempt: number) {
    this.#logs = logs;
    this.#clock = clock;
    this.#file = file;
    this.#attempt = attempt;
  }

  progress(percent: number, message?: string): void {
    const progress = checkProgress(percent, message);
    if (this.#hasEnded) return;
    this.#newest = progress;
    if (this.#cancelTimer !== undefined) return;
    const now = this.#clock.now();
    if (!isWithin(PROGRESS_MS, this.#toldAt, now)) this.#tell(now);
    else
      this.#cancelTimer = this.#clock.later(this.#toldAt + PROGRESS_MS - now, () =>
        this.#tell(this.#clock.now()),
      );
  }

  log(given: string): void {
    // A log holds no more, and formatting all lines of a huge text takes seconds.
    const lines = logLines(text('text', given).slice(-this.#logs.maxLog));
    if (!this.#hasEnded) this.#write(this.#clock.now(), 'log', lines);
  }

  get latest(): string | undefined {
    return this.#newest && progressJson(this.#newest);
  }

  end(how: string): void {
    if (this.#hasEnded) return;
    const now = this.#clock.now();
    if (this.#cancelTimer !== undefined) this.#tell(now);
    if (this.#hasBegun) this.#write(now, 'end', [how]);
    this.#hasEnded = true;
    this.#logs.close(this.#file);
  }

  /** Writes the newest progress. */
  #tell(now: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#toldAt = now;
    if (this.#newest !== undefined) this.#write(now, 'progress', [progressText(this.#newest)]);
  }

  #write(now: number, kind: LogKind, texts: readonly string[]): void {
    const line = (kind: LogKind, text: string): string => formatLogLine(now, this.#attempt, kind, text);
    const lines = texts.map((text) => line(kind, text));
    this.#logs.append(this.#file, this.#logs.fitting(this.#hasBegun ? lines : [line('start', ''), ...lines]));
    this.#hasBegun = true;
  }
}
