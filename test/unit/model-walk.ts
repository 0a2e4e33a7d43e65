import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { PermanentError } from '../../lib/job/errors.js';
import type { FinalStatus, Status } from '../../lib/job/job.js';
import type { Queue } from '../../lib/queue.js';
import { rejects } from '../support/errors.js';
import { FakeClock } from '../support/fake-clock.js';
import { temporaryFolder } from '../support/folders.js';
import { text } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';

const DAY = 24 * 3_600_000;
const RETENTION = { completed: 7 * DAY, failed: 30 * DAY, cancelled: 7 * DAY };
const WAIT = 10_000;

type Ending = 'ok' | 'fail' | 'never';

interface ModelJob {
  status: Status;
  attempts: number;
  forgiven: number;
  maxAttempts: number;
  runAt: number;
  finishedAt: number;
  endings: readonly Ending[];
  key: string;
}

interface NewJob {
  endings: Ending[];
  delay: number;
  maxAttempts: number | undefined;
}

type Step =
  | {
      do: 'enqueue';
      jobs: NewJob[];
      by: number;
    }
  | {
      do: 'add';
      job: NewJob;
      key: string;
      dedupe: 'active' | 'queued';
      onDuplicate: 'return' | 'reject' | 'replace' | 'update';
      by: number;
    }
  | { do: 'cancel'; pick: number; by: number }
  | { do: 'retry'; pick: number; by: number }
  | { do: 'work'; by: number }
  | { do: 'compact'; by: number }
  | { do: 'reopen'; by: number }
  | { do: 'list'; by: number }
  | { do: 'wait'; ms: number }
  | { do: 'edit'; how: 'crlf' | 'comment' | 'shuffle' | 'copy' | 'torn' | 'garbage' | 'lastLf' }
  | { do: 'die' };

const by = fc.integer({ min: 0, max: 1 });
const job = fc.record({
  endings: fc.array(fc.constantFrom<Ending>('ok', 'fail', 'never'), { maxLength: 4 }),
  delay: fc.constantFrom(0, 0, 0, 5000, 3_600_000),
  maxAttempts: fc.constantFrom(undefined, 1, 2),
});
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('enqueue' as const), jobs: fc.array(job, { maxLength: 5 }), by }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      job,
      key: fc.constantFrom('a', 'a', 'a', 'b'),
      dedupe: fc.constantFrom('active' as const, 'queued' as const),
      onDuplicate: fc.constantFrom(
        'return' as const,
        'reject' as const,
        'replace' as const,
        'update' as const,
      ),
      by,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'retry' as const), pick: fc.nat(), by }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'work' as const,
        'work' as const,
        'compact' as const,
        'reopen' as const,
        'list' as const,
      ),
      by,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1000, WAIT, 3_600_000, 3 * 24 * 3_600_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      how: fc.constantFrom(
        'crlf' as const,
        'comment' as const,
        'shuffle' as const,
        'copy' as const,
        'torn' as const,
        'garbage' as const,
        'lastLf' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'die' as const }) },
);

const isFinal = (status: Status): boolean => status !== 'pending' && status !== 'processing';

export class Walk {
  readonly clock = new FakeClock();
  readonly file: string;
  readonly jobs = new Map<string, ModelJob>();
  readonly runs = new Set<string>();
  readonly #t: TestContext;
  readonly #durability: 'sync' | 'os';
  readonly #handles: Queue[];

  constructor(t: TestContext, durability: 'sync' | 'os') {
    this.#t = t;
    this.#durability = durability;
    this.file = join(temporaryFolder(t), 'queue.tsv');
    this.#handles = [this.#open(), this.#open()];
  }

  #open(): Queue {
    return openTest(this.#t, { file: this.file, clock: this.clock, durability: this.#durability }).queue;
  }

  async close(): Promise<void> {
    for (const handle of this.#handles) await handle.close();
  }

  /** Whether a job may be in the archive by now. */
  #mayBeGone({ status, finishedAt }: ModelJob): boolean {
    return isFinal(status) && finishedAt < this.clock.now() - RETENTION[status as FinalStatus];
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'wait') return this.clock.advance(step.ms);
    if (step.do === 'edit') return this.#edit(step.how);
    if (step.do === 'die') return this.#die();
    const queue = this.#handles[step.by] as Queue;
    if (step.do === 'enqueue') return this.#enqueue(queue, step.jobs);
    if (step.do === 'add') return this.#add(queue, step);
    if (step.do === 'work') return this.#work(queue);
    if (step.do === 'compact') return void (await queue.compact());
    if (step.do === 'list') return void (await queue.listJobs());
    if (step.do === 'reopen') {
      await queue.close();
      this.#handles[step.by] = this.#open();
      return;
    }
    const there = [...this.jobs].filter(([, job]) => !this.#mayBeGone(job));
    // Most retries are of jobs that can be retried.
    const retryable = there.filter(([, { status }]) => status === 'failed' || status === 'cancelled');
    const candidates = step.do === 'retry' && retryable.length > 0 && step.pick % 4 > 0 ? retryable : there;
    const [id, job] = candidates[step.pick % Math.max(candidates.length, 1)] ?? [];
    if (id === undefined || job === undefined) return;
    if (step.do === 'cancel') {
      assert.equal(await queue.cancelJob(id), !isFinal(job.status), `cancel ${id}`);
      if (isFinal(job.status)) return;
      Object.assign(job, { status: 'cancelled', finishedAt: this.clock.now() });
    } else {
      const works = job.status === 'failed' || job.status === 'cancelled';
      const [other] = this.#holder(job.key) ?? [];
      if (works && other !== undefined) return void (await rejects(queue.retryJob(id), 'DUPLICATE_JOB'));
      assert.equal(await queue.retryJob(id), works, `retry ${id}`);
      if (works) Object.assign(job, { status: 'pending', forgiven: job.attempts, runAt: this.clock.now() });
    }
  }

  async #enqueue(queue: Queue, jobs: Extract<Step, { do: 'enqueue' }>['jobs']): Promise<void> {
    const now = this.clock.now();
    const ids = await queue.enqueueMany(
      jobs.map(({ endings, delay, maxAttempts }) => ({
        type: 'email',
        payload: endings,
        options: { delay, ...(maxAttempts === undefined ? {} : { maxAttempts }) },
      })),
    );
    for (const [i, { endings, delay, maxAttempts = 3 }] of jobs.entries()) {
      this.jobs.set(ids[i] as string, {
        status: 'pending',
        attempts: 0,
        forgiven: 0,
        maxAttempts,
        runAt: now + delay,
        finishedAt: 0,
        endings,
        key: '',
      });
    }
  }

  /** The job that holds a key. None runs between two steps, so that there is one at most. */
  #holder(key: string): [id: string, job: ModelJob] | undefined {
    return key === '' ? undefined : [...this.jobs].find(([, job]) => job.key === key && !isFinal(job.status));
  }

  async #add(queue: Queue, { job, key, dedupe, onDuplicate }: Extract<Step, { do: 'add' }>): Promise<void> {
    const now = this.clock.now();
    const { endings, delay, maxAttempts = 3 } = job;
    const limit = job.maxAttempts === undefined ? {} : { maxAttempts };
    const adding = queue.add('email', endings, { delay, dedupeKey: key, dedupe, onDuplicate, ...limit });
    const [holder, held] = this.#holder(key) ?? [];
    if (held === undefined) {
      const { id, outcome } = await adding;
      assert.equal(outcome, 'added');
      const fresh = { status: 'pending', attempts: 0, forgiven: 0, finishedAt: 0 } as const;
      this.jobs.set(id, { ...fresh, maxAttempts, runAt: now + delay, endings, key });
    } else if (onDuplicate === 'reject') await rejects(adding, 'DUPLICATE_JOB');
    else {
      const outcome = { return: 'existing', replace: 'replaced', update: 'updated' }[onDuplicate];
      assert.deepEqual(await adding, { id: holder, outcome });
      if (onDuplicate === 'return') return;
      Object.assign(held, { endings, maxAttempts, forgiven: held.attempts });
      if (onDuplicate === 'replace') held.runAt = now + delay;
    }
  }

  async #work(queue: Queue): Promise<void> {
    const now = this.clock.now();
    await queue.processJobs(
      {
        email: (endings: Ending[], { job }) => {
          const run = `${job.id}:${job.attempts}`;
          assert.ok(!this.runs.has(run), `${run} ran twice`);
          this.runs.add(run);
          const ending = endings[job.attempts - 1] ?? 'ok';
          if (ending === 'fail') throw new Error('not now');
          if (ending === 'never') throw new PermanentError('never');
          return job.attempts;
        },
      },
      { backoff: [WAIT], concurrency: 3 },
    );
    for (const [id, job] of this.jobs) {
      if (job.status !== 'pending' || job.runAt > now) continue;
      job.attempts++;
      assert.ok(this.runs.has(`${id}:${job.attempts}`), `${id} was due and did not run`);
      const ending = job.endings[job.attempts - 1] ?? 'ok';
      const isOver = ending !== 'fail' || job.attempts - job.forgiven >= job.maxAttempts;
      job.status = !isOver ? 'pending' : ending === 'ok' ? 'completed' : 'failed';
      if (isOver) job.finishedAt = now;
      else job.runAt = now + WAIT;
    }
  }

  /** What people do to files, and none of it changes a job. */
  async #edit(how: Extract<Step, { do: 'edit' }>['how']): Promise<void> {
    if (this.jobs.size === 0) return;
    const save = (content: string): void => {
      writeFileSync(`${this.file}.edited`, content);
      renameSync(`${this.file}.edited`, this.file);
    };
    const content = text(this.file);
    // What is glued to half a row is a line that holds the job of that row, as it should.
    if (!content.endsWith('\n')) return;
    const [header = '', ...lines] = content.split('\n').slice(0, -1);
    if (how === 'crlf') save(content.replaceAll(/\r?\n/g, '\r\n'));
    if (how === 'comment') save(`${[header, '# a note', ...lines, '# another'].join('\n')}\n`);
    if (how === 'shuffle') save(`${[header, ...lines.sort()].join('\n')}\n`);
    if (how === 'lastLf') {
      save(content.slice(0, -1));
      // Without the lock a line without end is not looked at; the next who takes it closes the line.
      await (this.#handles[0] as Queue).compact();
    }
    if (how === 'garbage') appendFileSync(this.file, 'what is\tthis\n');
    if (how === 'torn') appendFileSync(this.file, (lines.at(-1) ?? 'x').replace(/\d+\r?$/, ''));
    if (how === 'copy' && lines.length > 0)
      appendFileSync(this.file, `${lines.find((line) => /^[0-9a-f]/.test(line)) ?? '#'}\n`);
  }

  /** Somebody dies in a commit, having written nothing. */
  #die(): void {
    const [host, boot, namespace] = systemProcesses.self().split('.');
    mkdirSync(`${this.file}.lock`, { recursive: true });
    writeFileSync(`${this.file}.lock/owner.${host}.${boot}.${namespace}.4194305.1.aa`, '');
  }

  async check(): Promise<void> {
    for (const queue of this.#handles) {
      for (const [id, { status, attempts, forgiven, runAt }] of this.jobs) {
        const job = await queue.getJob(id, { archive: true });
        assert.deepEqual(
          [job?.status, job?.attempts, job?.forgiven, job?.runAt.getTime()],
          [status, attempts, forgiven, runAt],
          `${id}\n${text(this.file)}`,
        );
        if (status === 'completed') assert.equal(job?.result, attempts);
      }
      const listed = (await queue.listJobs()).map(({ id }) => id);
      assert.equal(new Set(listed).size, listed.length);
      const missing = [...this.jobs].filter(([id, job]) => !listed.includes(id) && !this.#mayBeGone(job));
      assert.deepEqual(missing, []);
      assert.deepEqual(
        listed.filter((id) => !this.jobs.has(id)),
        [],
      );
      assert.equal((await queue.stats()).total, listed.length);
    }
  }
}
