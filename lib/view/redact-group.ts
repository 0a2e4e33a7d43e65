import type { Job } from '../job/job.js';
import { groupText } from './error-group.js';
import type { FailureSnapshot } from './snapshot.js';

/** Lets a group of failures say only what may be seen of its newest job; nothing if that is no longer there. */
export function redactGroup(
  group: FailureSnapshot,
  newest: Job | undefined,
  redact: (job: Job) => Job,
): FailureSnapshot {
  if (newest === undefined) return { ...group, text: '…' };
  const { error } = redact(newest);
  return error === newest.error ? group : { ...group, text: groupText(error ?? '') };
}
