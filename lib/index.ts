export {
  cancelJob,
  enqueue,
  enqueueMany,
  getJob,
  iterateJobs,
  listJobs,
  processJobs,
  retryJob,
  stats,
} from './default-queue.js';
export { type ErrorCode, PermanentError, RetryAfterError, TsvqError } from './errors.js';
export type { DefaultJobs, Job, JobOf, JobTypes, Status, TypeOf } from './job.js';
export type { EnqueueArguments, EnqueueOptions, ListOptions } from './job-options.js';
export { type NewJob, openQueue, type Queue } from './open.js';
export type {
  BackoffFormula,
  BackoffOption,
  Duration,
  QueueOptions,
  WorkerEvent,
  WorkerOptions,
} from './options.js';
export type { Stats } from './queue/stats.js';
export { workerOptionsFrom } from './settings.js';
export type { CompactionSummary } from './store/compact.js';
export type { Handler, HandlerContext, Handlers, Summary } from './worker/handler.js';
