import { text } from '../job/checks.js';
import type { AttemptLog } from './attempt-log.js';
import { checkProgress, type Progress } from './progress.js';

/** What an attempt says of itself, for a run without a queue. */
export class MemoryLog implements AttemptLog {
  readonly lines: string[] = [];
  readonly progresses: Progress[] = [];

  progress(percent: number, message?: string): void {
    this.progresses.push(checkProgress(percent, message));
  }

  log(line: string): void {
    this.lines.push(...text('text', line).split('\n'));
  }

  get latest(): string | undefined {
    const last = this.progresses.at(-1);
    return last && JSON.stringify(last);
  }

  end(): void {}
}
