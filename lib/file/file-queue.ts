import { onlyKnown, text } from '../job/checks.js';
import { loaded } from '../job/dependency.js';
import type { Job } from '../job/job.js';
import type { Added, EnqueueOptions, ListOptions } from '../job/job-options.js';
import type { Listener } from '../job/listeners.js';
import type { NoWorkerWarning } from '../job/no-worker-warning.js';
import type { WorkerOptions } from '../job/options.js';
import type { RowSink } from '../job/row-source.js';
import type { ScheduleSpec } from '../job/schedule-spec.js';
import type { EventName } from '../job/worker-event.js';
import type { HandlerEntries } from '../runner/handler.js';
import { withStoreErrors } from './disk/fs.js';
import { cancel } from './operations/cancel.js';
import { dismiss } from './operations/dismiss.js';
import { type DrainOptions, drain } from './operations/drain.js';
import { addAll } from './operations/enqueue.js';
import { forget } from './operations/forget.js';
import { get, getArchived, getLog, type LogOptions } from './operations/get.js';
import { list } from './operations/list.js';
import type { JobRequest } from './operations/new-job.js';
import { NoWorkerWatch } from './operations/no-worker-watch.js';
import { listPauses, type PauseOptions, pause, resume } from './operations/pause.js';
import { promote } from './operations/promote.js';
import { type PurgeOptions, purge } from './operations/purge.js';
import { type RetryOptions, retry } from './operations/retry.js';
import { FileRows } from './operations/row-source.js';
import { gatherStats } from './operations/stats.js';
import type { Waiters } from './operations/wait.js';
import type { WaitOptions } from './operations/wait-options.js';
import type { Store } from './store.js';
import type { InlineOptions } from './worker/inline.js';
import { processQueue } from './worker/process-jobs.js';

/**
 * Returns the calls of a queue that is a file, and the source of its rows. The caller knows the payloads' types.
 *
 * @param tell gets a warning if no worker runs the jobs that are added; default: stderr
 */
export function fileQueue(store: Store, tell?: (warning: NoWorkerWarning) => void) {
  const { path } = store;
  const watch = new NoWorkerWatch(store, tell);
  const addMany = async (jobs: readonly JobRequest[]) => {
    const added = await addTraced(store, jobs);
    watch.added();
    tellAdded(store, jobs, added);
    return added;
  };
  const add = async (type: string, payload?: unknown, options?: EnqueueOptions) =>
    (await addMany([{ type, payload, options }]))[0] as Added;
  return {
    file: path,
    add,
    addMany,
    enqueue: async (...job: Parameters<typeof add>) => (await add(...job)).id,
    enqueueMany: async (jobs: readonly JobRequest[]) => (await addMany(jobs)).map(({ id }) => id),
    getJob: async (id: string, options?: { archive?: boolean }) =>
      withStoreErrors(path, async () => {
        // `ids.map(queue.getJob)` passes a number here, which is ignored.
        if (typeof options === 'object' && options !== null) onlyKnown('options', options, ['archive']);
        return (await get(store, text('id', id))) ?? (options?.archive ? getArchived(store, id) : undefined);
      }),
    readLog: async (id: string, options?: LogOptions) =>
      withStoreErrors(path, () => getLog(store, text('id', id), options)),
    cancelJob: async (id: string) => withStoreErrors(path, () => cancel(store, text('id', id))),
    retryJob: async (id: string, options?: RetryOptions) =>
      withStoreErrors(path, () =>
        // `ids.map(queue.retryJob)` passes a number here, which is ignored.
        retry(store, text('id', id), typeof options === 'object' && options !== null ? options : {}),
      ),
    promoteJob: async (id: string) => withStoreErrors(path, () => promote(store, text('id', id))),
    dismissJob: async (id: string) => withStoreErrors(path, () => dismiss(store, text('id', id))),
    listJobs: async (options: ListOptions = {}) =>
      withStoreErrors(path, async () => {
        const jobs: Job[] = [];
        for await (const job of list(store, options)) jobs.push(job);
        return jobs;
      }),
    iterateJobs: (options: ListOptions = {}) => list(store, options),
    stats: async () => withStoreErrors(path, () => gatherStats(store)),
    processJobs: async (handlers: Partial<HandlerEntries>, options: WorkerOptions = {}) =>
      processQueue(store, handlers, options),
    pause: async (type?: string, options?: PauseOptions) =>
      withStoreErrors(path, () => pause(store, type, options)),
    resume: async (type?: string) => withStoreErrors(path, () => resume(store, type)),
    paused: async () => withStoreErrors(path, async () => listPauses(store)),
    drain: async (options?: DrainOptions) => withStoreErrors(path, () => drain(store, options)),
    ...scheduleCalls(store),
    ...resultCalls(store),
    compact: async () => withStoreErrors(path, () => store.compact()),
    purge: async (options?: PurgeOptions) => withStoreErrors(path, () => purge(store, options)),
    close: async () => withStoreErrors(path, () => store.close()),
    abandon: async (error: unknown) => store.abandon(error),
    on: (name: EventName, listener: Listener) => store.listeners.add(name, listener),
    rows: (sink: RowSink) => new FileRows(store, sink),
  };
}

/** Returns the calls for the results of jobs. Most of their code is loaded at the first wait. */
function resultCalls(store: Store) {
  let waiters: Waiters | undefined;
  return {
    waitForJob: async (id: string, options?: WaitOptions) => {
      text('id', id);
      const module = await loaded('the code of waits', import('./operations/wait.js'));
      waiters ??= new module.Waiters(store);
      // `ids.map(queue.waitForJob)` passes a number here, which is ignored.
      return waiters.wait(id, typeof options === 'object' && options !== null ? options : {});
    },
    runInline: async (
      type: string,
      payload: unknown,
      handlers: Partial<HandlerEntries>,
      options: InlineOptions = {},
    ) => {
      const module = await loaded('the code of a worker', import('./worker/inline.js'));
      return module.runInline(store, { type, payload, handlers, options });
    },
    forgetJob: async (id: string) => withStoreErrors(store.path, () => forget(store, text('id', id))),
  };
}

/** Adds jobs, within a span if the queue is traced. */
async function addTraced(store: Store, jobs: readonly JobRequest[]): Promise<Added[]> {
  const add = (): Promise<Added[]> => withStoreErrors(store.path, () => addAll(store, jobs));
  const { tracing } = store.options;
  if (tracing === undefined || !Array.isArray(jobs) || jobs.length === 0) return add();
  // They were not checked yet.
  const types = jobs.map((job) => String(job?.type));
  return tracing.adding(types, add, ([one]) => (one as Added).id);
}

/** Tells what came of jobs that a call added. */
function tellAdded({ listeners, clock }: Store, jobs: readonly JobRequest[], added: readonly Added[]): void {
  if (!listeners.hears('added') && !listeners.hears('duplicate')) return;
  const time = new Date(clock.now());
  for (const [i, { id, outcome }] of added.entries()) {
    const event = outcome === 'added' ? 'added' : 'duplicate';
    listeners.tell({ event, time, id, type: (jobs[i] as JobRequest).type });
  }
}

/** Returns the calls for recurring jobs. Their code is loaded at the first one. */
function scheduleCalls(store: Store) {
  const call = async <T>(run: (calls: typeof import('./schedules/calls.js')) => Promise<T>): Promise<T> =>
    withStoreErrors(store.path, async () =>
      run(await loaded('the code of schedules', import('./schedules/calls.js'))),
    );
  const named = (name: string): string => text('name', name);
  return {
    schedule: async (name: string, spec: ScheduleSpec) => call((calls) => calls.schedule(store, name, spec)),
    unschedule: async (name: string) => call((calls) => calls.unschedule(store, named(name))),
    pauseSchedule: async (name: string) => call((calls) => calls.pauseSchedule(store, named(name))),
    resumeSchedule: async (name: string) => call((calls) => calls.resumeSchedule(store, named(name))),
    runNow: async (name: string) => call((calls) => calls.runNow(store, named(name))),
    listSchedules: async () => call((calls) => calls.listSchedules(store)),
  };
}
