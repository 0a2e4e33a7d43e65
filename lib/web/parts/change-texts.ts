import { CHANGES } from '../../view/changes.js';
import { counted } from '../../view/job-text.js';
import type { ChangeName } from '../act.js';

/** How pages speak of a change of jobs. */
interface ChangeTexts {
  /** The words of its button. */
  readonly label: string;
  /** The same for a number of jobs: `Retry 5 jobs`. */
  readonly labelFor: (jobs: string) => string;
  /** What will happen, for those who are asked. */
  readonly effect: string;
}

export const CHANGE_TEXTS: Readonly<Record<ChangeName, ChangeTexts>> = {
  retry: {
    label: 'Retry',
    labelFor: (jobs) => `Retry ${jobs}`,
    effect:
      'They are pending again, with all their attempts, and workers start them as soon as they have places free.',
  },
  dismiss: {
    label: 'Dismiss',
    labelFor: (jobs) => `Dismiss ${jobs}`,
    effect:
      'They stay failed and keep their errors, but lists, checks and alerts no longer count them. A retry undoes it.',
  },
  promote: {
    label: 'Run now',
    labelFor: (jobs) => `Run ${jobs} now`,
    effect: 'They are due now, whatever their time was. Workers start them as soon as they have places free.',
  },
  cancel: {
    label: 'Cancel',
    labelFor: (jobs) => `Cancel ${jobs}`,
    effect:
      'Those that wait never start. Those that run are told to stop within a second, and what they have done by then stays done. A cancelled job can be retried.',
  },
};

/** Says what was done: `5 jobs are pending again`. */
export const doneText = (name: ChangeName, count: number): string =>
  `${counted(count)} ${count === 1 ? 'is' : 'are'} ${CHANGES[name].done.replace(':', '')}`;
