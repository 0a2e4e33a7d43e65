/*
 * Errors and the functions of the default queue, as the compiler sees them. Checked, not run.
 */
import {
  cancelJob,
  dismissJob,
  type ErrorCode,
  enqueue,
  enqueueMany,
  getJob,
  iterateJobs,
  listJobs,
  PermanentError,
  processJobs,
  promoteJob,
  RetryAfterError,
  retryJob,
  stats,
  TsvqError,
} from 'tsvq';

export async function all(): Promise<void> {
  const id: string = await enqueue('email', { to: 'ann' }, { delay: '10m' });
  const ids: string[] = await enqueueMany([{ type: 'email', payload: { to: 'ann' } }]);
  const job = await getJob(id);
  const type: string | undefined = job?.type;
  const done: boolean = (await cancelJob(id)) || (await retryJob(ids[0] ?? '')) || (await promoteJob(id));
  const dismissed: boolean = (await dismissJob(id)) && (job?.dismissed ?? false);
  const { length } = await listJobs({ status: 'failed', type: 'email', idPrefix: 'a', limit: 5 });
  for await (const { payload } of iterateJobs()) console.log(payload);
  const { due, types, lastTick } = await stats();
  const pending: number | undefined = types.email?.pending;
  const at: Date | undefined = lastTick;
  const { completed, unhandled } = await processJobs(
    { email: async (payload) => payload.to },
    { concurrency: 5 },
  );
  const later = (delay?: string, signal?: AbortSignal): unknown => [
    enqueue('email', { to: 'ann' }, { delay }),
    processJobs({}, { signal, logger: undefined }),
  ];
  console.log(later);
  const missing: number | undefined = unhandled.email;
  console.log(type, done, dismissed, length, due, pending, at, completed, missing);
  // @ts-expect-error: a job may lack
  job.id;
}

export function told(error: unknown): string {
  if (error instanceof TsvqError) {
    const code: ErrorCode = error.code;
    const written: readonly string[] = error.written;
    // @ts-expect-error: no such code
    if (error.code === 'FULL') return '';
    // @ts-expect-error: codes are the package's to give
    error.code = 'CLOSED';
    return code + written.length;
  }
  throw error instanceof PermanentError ? error : new RetryAfterError('busy', 5000, { cause: error });
}

// @ts-expect-error: without a time it would be any other error
new RetryAfterError('busy');
