import type { RecordedStep } from '../job/step.js';
import type { StepJournal } from './step-journal.js';

/** Steps of a job that is in no queue, for a run without one. */
export class MemoryJournal implements StepJournal {
  readonly steps: RecordedStep[] = [];

  async read(): Promise<readonly RecordedStep[]> {
    return this.steps;
  }

  async record(step: RecordedStep): Promise<RecordedStep> {
    this.steps.push(step);
    return step;
  }

  close(): void {}
}
