import { text } from '../job/checks.js';
import { logLines } from '../job/log-line.js';
import { checkProgress, type Progress, progressJson } from '../job/progress.js';
import type { AttemptLog } from './attempt-log.js';

/** What an attempt says of itself, for a run without a queue. */
export class MemoryLog implements AttemptLog {
  readonly lines: string[] = [];
  readonly progresses: Progress[] = [];
  #hasEnded = false;

  progress(percent: number, message?: string): void {
    const progress = checkProgress(percent, message);
    if (!this.#hasEnded) this.progresses.push(progress);
  }

  log(line: string): void {
    const lines = logLines(text('text', line));
    if (!this.#hasEnded) this.lines.push(...lines);
  }

  get latest(): string | undefined {
    const last = this.progresses.at(-1);
    return last && progressJson(last);
  }

  end(): void {
    this.#hasEnded = true;
  }
}
