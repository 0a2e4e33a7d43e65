export {
  cancelJob,
  dismissJob,
  enqueue,
  enqueueMany,
  getJob,
  iterateJobs,
  listJobs,
  processJobs,
  promoteJob,
  retryJob,
  stats,
  waitForJob,
} from './default-queue.js';
export type { Pause } from './file/admission/paused.js';
export type { CompactionSummary } from './file/compaction/compact.js';
export type { DrainOptions } from './file/operations/drain.js';
export type { LogOptions } from './file/operations/get.js';
export type { PauseOptions } from './file/operations/pause.js';
export type { PurgeableStatus, PurgeOptions } from './file/operations/purge.js';
export type { Stats } from './file/operations/stats.js';
export type { WaitOptions } from './file/operations/wait-options.js';
export type { InlineOptions } from './file/worker/inline.js';
export type {
  BackoffFormula,
  BackoffOption,
  FixedBackoff,
  PolynomialBackoff,
} from './job/backoff-option.js';
export type { Duration } from './job/checks.js';
export { type ErrorCode, PermanentError, RetryAfterError, TsvqError } from './job/errors.js';
export type { DefaultJobs, Job, JobOf, JobTypes, Status, TypeOf } from './job/job.js';
export { JobCancelledError, JobFailedError, WaitTimeoutError } from './job/job-errors.js';
export type {
  Added,
  DedupeScope,
  EnqueueArguments,
  EnqueueDefaults,
  EnqueueOptions,
  ListOptions,
  NewJob,
  OnDuplicate,
} from './job/job-options.js';
export type { ConcurrencyLimit, RateLimit } from './job/limits.js';
export type { LevelLogger } from './job/logger.js';
export type { WorkerOptions } from './job/options.js';
export type { Policy } from './job/policy.js';
export type { Progress } from './job/progress.js';
export type { QueueOptions } from './job/queue-options.js';
export { queueOptionsFrom } from './job/queue-settings.js';
export type { RetentionOption } from './job/retention.js';
export type { CatchUp, Overlap, Schedule, ScheduleSpec, ScheduleTimes } from './job/schedule-spec.js';
export { workerOptionsFrom } from './job/settings.js';
export type { StandardSchema } from './job/standard-schema.js';
export type { EventLevel, EventName, WorkerEvent } from './job/worker-event.js';
export { openQueue } from './open-queue.js';
export type { Operator } from './operator.js';
export type { Queue } from './queue.js';
export type { Results } from './results.js';
export { type DefinedHandlers, defineHandlers } from './runner/define-handlers.js';
export type {
  Handler,
  HandlerContext,
  HandlerEntries,
  HandlerEntry,
  Handlers,
  HandlerWithPolicy,
  Summary,
} from './runner/handler.js';
export { nextRuns } from './schedule/next-runs.js';
export type { Schedules } from './schedules.js';
