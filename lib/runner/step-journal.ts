import type { RecordedStep } from '../job/step.js';

/** Where the steps of one job are recorded. Each kind of queue has its own. */
export interface StepJournal {
  /** Returns all recorded steps, in their order. It is called once, before the first {@link record}. */
  read(): Promise<readonly RecordedStep[]>;
  /**
   * Records a step durably.
   *
   * @returns the step that counts: another process may have recorded one of this name before
   */
  record(step: RecordedStep): Promise<RecordedStep>;
  /** Releases what it holds. It is called at the end of the attempt, if one of the others was called. */
  close(): void;
}
