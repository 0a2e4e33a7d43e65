import { CHANGES } from '../../view/changes.js';
import { counted } from '../../view/job-text.js';
import type { ChangeName } from '../act.js';

/** How pages speak of a change of jobs. */
interface ChangeTexts {
  /** The words of its button. */
  readonly label: string;
  /** The same for a number of jobs: `Retry 5 jobs`. */
  readonly labelFor: (jobs: string) => string;
  /** What will happen to one job, or to several, for those who are asked. */
  readonly effect: readonly [one: string, several: string];
}

export const CHANGE_TEXTS: Readonly<Record<ChangeName, ChangeTexts>> = {
  retry: {
    label: 'Retry',
    labelFor: (jobs) => `Retry ${jobs}`,
    effect: [
      'It will be pending again, with all its attempts. A worker starts it as soon as it has a place free.',
      'They will be pending again, with all their attempts. Workers start them as soon as they have places free.',
    ],
  },
  dismiss: {
    label: 'Dismiss',
    labelFor: (jobs) => `Dismiss ${jobs}`,
    effect: [
      'It stays failed and keeps its error, but lists, checks and alerts no longer count it. A retry undoes it.',
      'They stay failed and keep their errors, but lists, checks and alerts no longer count them. A retry undoes it.',
    ],
  },
  promote: {
    label: 'Run now',
    labelFor: (jobs) => `Run ${jobs} now`,
    effect: [
      'It will be due now, whatever its time was. A worker starts it as soon as it has a place free.',
      'They will be due now, whatever their times were. Workers start them as soon as they have places free.',
    ],
  },
  cancel: {
    label: 'Cancel',
    labelFor: (jobs) => `Cancel ${jobs}`,
    effect: [
      'If it waits, it never starts. If it runs, it is told to stop within a second, and what it has done by then stays done. A cancelled job can be retried.',
      'Those that wait never start. Those that run are told to stop within a second, and what they have done by then stays done. Cancelled jobs can be retried.',
    ],
  },
};

/** Says what was done: `5 jobs are pending again`. */
export const doneText = (name: ChangeName, count: number): string =>
  `${counted(count)} ${count === 1 ? 'is' : 'are'} ${CHANGES[name].done.replace(':', '')}`;
