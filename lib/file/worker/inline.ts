import { invalid, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { JobFailedError } from '../../job/job-errors.js';
import type { EnqueueOptions } from '../../job/job-options.js';
import { resolveWorkerOptions } from '../../job/options.js';
import { workerPolicy } from '../../job/policy.js';
import { complain } from '../../job/worker-event.js';
import type { Ending } from '../../runner/ending.js';
import { Executor } from '../../runner/executor.js';
import type { HandlerEntries } from '../../runner/handler.js';
import { checkHandlers } from '../../runner/handler-table.js';
import { Hooks } from '../../runner/hooks.js';
import { MemoryJournal } from '../../runner/memory-journal.js';
import { MemoryLog } from '../../runner/memory-log.js';
import { ServedTypes } from '../../runner/served-types.js';
import { type FollowUp, followUpRows } from '../format/follow-ups.js';
import { newLayout } from '../format/layout.js';
import { StoredJob } from '../format/stored-job.js';
import { withoutDuplicates } from '../joins/unique.js';
import { checkJob } from '../operations/new-job.js';
import type { Store } from '../store.js';
import { ClaimedJob } from './claimed-job.js';
import { type FailureRules, judge } from './outcome.js';
import type { Verdict } from './verdict.js';

/** Options of {@link Results.runInline}. */
export interface InlineOptions extends Pick<EnqueueOptions, 'maxAttempts' | 'timeout' | 'group' | 'meta'> {
  /** Stops the job: the handler's signal is aborted, and the call rejects with the reason at once. Default: none. */
  signal?: AbortSignal | undefined;
}

/** A job to run, as the caller describes it. */
export interface InlineRequest {
  readonly type: string;
  readonly payload: unknown;
  readonly handlers: Partial<HandlerEntries>;
  readonly options: InlineOptions;
}

/** Runs a job at once, without a row in the file. Its follow-ups are enqueued when it has completed. */
export async function runInline(store: Store, request: InlineRequest): Promise<unknown> {
  const { type, payload, handlers, options } = request;
  onlyKnown('options', options, ['maxAttempts', 'timeout', 'group', 'meta', 'signal']);
  const { signal, ...jobOptions } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', signal, 'an AbortSignal');
  signal?.throwIfAborted();
  const entries = checkHandlers(handlers);
  const worker = resolveWorkerOptions({});
  const types = new ServedTypes(entries, workerPolicy(worker));
  const { id, fields } = checkJob({ type, payload, options: jobOptions }, store.clock.now(), store.options);
  if (!types.has(type))
    throw invalid('handlers', handlers, `an object with a handler for jobs of type ${type}`);
  const run = new InlineRun(store, { ...worker, types, newJob: store.options });
  const stop = (error: unknown): void => run.stop(error);
  const close = (): void =>
    stop(
      new TsvqError(
        'CLOSED',
        `the queue ${store.path} was closed while a job of type ${type} ran in this call`,
      ),
    );
  const abort = (): void => stop(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const first = StoredJob.first(id, fields, newLayout());
    return await store.work(() => Promise.race([run.run(first), run.stopped]), {
      stop: close,
      abandon: stop,
    });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The attempts of one job that is in no file. */
class InlineRun {
  /** Rejects when the job is stopped. */
  readonly stopped: Promise<never>;
  readonly #store: Store;
  readonly #rules: FailureRules & { readonly grace: number };
  readonly #journal = new MemoryJournal();
  readonly #executor: Executor<ClaimedJob>;
  #reject: (error: unknown) => void = () => {};
  #onEnd: (ending: Ending) => void = () => {};
  #isStopped = false;
  #cancelWait: (() => void) | undefined;

  constructor(store: Store, rules: FailureRules & { readonly grace: number }) {
    this.#store = store;
    this.#rules = rules;
    const { clock } = store;
    const { types, grace } = rules;
    const onEnd = (_: ClaimedJob, ending: Ending): void => this.#onEnd(ending);
    // The events of an attempt are a worker's.
    const own = { runningHere: new Set<string>(), tell: () => {}, onEnd };
    this.#executor = new Executor({ clock, types, concurrency: 1, grace, ...own });
    this.stopped = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.stopped.catch(() => {});
  }

  /** Stops the attempt that runs, and begins none. */
  stop(error: unknown): void {
    this.#isStopped = true;
    this.#cancelWait?.();
    for (const attempt of this.#executor.running) attempt.stop('cancelled');
    this.#reject(error);
  }

  /** Makes attempts until the job has ended. @returns its result */
  async run(first: StoredJob): Promise<unknown> {
    const { clock } = this.#store;
    let job = first;
    while (!this.#isStopped) {
      const attempt = this.#claim(job);
      const ending = await this.#execute(attempt);
      if (this.#isStopped) break;
      const verdict = judge(attempt, ending, clock.now(), this.#rules);
      attempt.finish(verdict.event, verdict.thrown);
      if (verdict.warning !== undefined) complain(verdict.warning);
      job = attempt.claim.next(verdict.change);
      await this.#enqueue(attempt, verdict.followUps ?? []);
      await this.#callHooks(job, verdict);
      if (verdict.event === 'completed') return job.toJob().result;
      if (verdict.event === 'failed') throw new JobFailedError(job.toJob(), { cause: verdict.thrown });
      await this.#wait(job.runAt - clock.now());
    }
    return this.stopped;
  }

  /** Calls the hooks of the type, and waits for them, because no worker's end does. */
  async #callHooks(job: StoredJob, { event, thrown }: Verdict): Promise<void> {
    const { types, grace } = this.#rules;
    const hooks = new Hooks(types, complain);
    if (event === 'completed') hooks.succeeded(job.type, () => job.toJob());
    if (event === 'failed') hooks.failed(job.type, () => job.toJob(), thrown);
    await hooks.settle(this.#store.clock, grace);
  }

  /** Makes the row that a worker's claim would write. */
  #claim(job: StoredJob): ClaimedJob {
    const { clock, processes, options } = this.#store;
    const claim = job.next({
      status: 'processing',
      attempts: job.attempts + 1,
      startedAt: clock.now(),
      lockedBy: processes.self(),
      claimTimeout: job.timeout ?? this.#rules.types.policyOf(job.type).timeout,
    });
    const tools = {
      now: clock.now,
      rules: options,
      journal: () => this.#journal,
      log: () => new MemoryLog(),
    };
    return new ClaimedJob(claim, false, tools);
  }

  #execute(attempt: ClaimedJob): Promise<Ending> {
    return new Promise((resolve) => {
      this.#onEnd = resolve;
      this.#executor.add([attempt]);
      this.#executor.startWaiting();
    });
  }

  /** Waits for the next attempt. The process stays alive. */
  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#cancelWait = this.#store.clock.later(Math.max(ms, 0), resolve, true);
    });
  }

  /** Adds follow-ups under the ids that the handler was told, without those whose key another job has. */
  async #enqueue({ id, attempts }: ClaimedJob, followUps: readonly FollowUp[]): Promise<void> {
    if (followUps.length === 0) return;
    const hasKeys = followUps.some((job) => job?.dedupeKey !== undefined);
    await this.#store.update(hasKeys ? 'open' : 'nothing', (tx) => {
      const wanted = hasKeys ? withoutDuplicates(tx, id, followUps) : followUps;
      for (const row of followUpRows(id, attempts, wanted, tx.layout)) tx.put(row);
    });
  }
}
