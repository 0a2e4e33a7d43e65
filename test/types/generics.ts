/*
 * What the compiler must refuse, and what it must accept. Nothing here runs: `npm run types` checks that each line
 * below an expected error is one, and that no other is.
 */
import {
  type DefinedHandlers,
  defineHandlers,
  type HandlerEntries,
  type HandlerEntry,
  type Handlers,
  type Job,
  type NewJob,
  openQueue,
  type Policy,
  type Queue,
  type StandardSchema,
  type Status,
} from 'tsvq';
import { context, type Enqueued, type TestContext } from 'tsvq/testing';

interface Jobs {
  email: { to: string; subject?: string };
  report: { month: string };
  cleanup: undefined;
  ping: string | undefined;
}

declare const queue: Queue<Jobs>;
const opened: Queue<Jobs> = openQueue<Jobs>('queue.tsv', {
  durability: 'os',
  retention: '7d',
  lockTimeout: 500,
});

/** Whether two types are the same one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isSame = <A, B>(_: Same<A, B>): void => {};

// ---- enqueue: the payload goes with the type ----

isSame<Promise<string>, ReturnType<typeof queue.enqueue>>(true);
queue.enqueue('email', { to: 'ann' });
queue.enqueue(
  'email',
  { to: 'ann', subject: 'hi' },
  { delay: '10m', priority: 5, maxAttempts: 2, timeout: 1000 },
);
queue.enqueue('email', { to: 'ann' }, { runAt: new Date() });
queue.enqueue('email', { to: 'ann' }, { runAt: '2030-01-01T00:00:00Z' });
queue.enqueue('email', { to: 'ann' }, { runAt: 1_700_000_000.5 });
opened.enqueue('report', { month: '2030-01' });
queue.enqueue('cleanup');
queue.enqueue('cleanup', undefined, { delay: 5 });
queue.enqueue('ping');
queue.enqueue('ping', 'now');

// @ts-expect-error: a payload of another type of job
queue.enqueue('email', { month: '2030-01' });
// @ts-expect-error: a field of the wrong type
queue.enqueue('email', { to: 5 });
// @ts-expect-error: a field that is none
queue.enqueue('email', { to: 'ann', cc: 'bob' });
// @ts-expect-error: no payload where one is needed
queue.enqueue('email');
// @ts-expect-error: undefined is none
queue.enqueue('report', undefined);
// @ts-expect-error: a payload where there is none
queue.enqueue('cleanup', {});
// @ts-expect-error: an unknown type
queue.enqueue('emial', { to: 'ann' });
// @ts-expect-error: a misspelt option
queue.enqueue('email', { to: 'ann' }, { dealy: '10m' });
// @ts-expect-error: an option of the wrong type
queue.enqueue('email', { to: 'ann' }, { priority: 'high' });
// @ts-expect-error: options in the place of the payload
queue.enqueue('report', { delay: '10m' });

// ---- enqueueMany: each for itself ----

queue.enqueueMany([
  { type: 'email', payload: { to: 'ann' } },
  { type: 'report', payload: { month: '2030-01' }, options: { priority: 1 } },
  { type: 'cleanup' },
  { type: 'ping', payload: 'now' },
]);
const prepared: NewJob<Jobs>[] = ['ann', 'bob'].map((to) => ({ type: 'email', payload: { to } }));
queue.enqueueMany(prepared);
// @ts-expect-error: the payload of another
queue.enqueueMany([{ type: 'email', payload: { month: '2030-01' } }]);
// @ts-expect-error: no payload
queue.enqueueMany([{ type: 'report' }]);
// @ts-expect-error: an unknown type
queue.enqueueMany([{ type: 'nothing', payload: {} }]);
// @ts-expect-error: a misspelt key, which would be ignored
queue.enqueueMany([{ type: 'cleanup', option: { delay: 5 } }]);

// ---- a job is a union, told apart by its type ----

async function read(): Promise<void> {
  const job = await queue.getJob('0123456789abcdef', { archive: true });
  // @ts-expect-error: it may not be there
  job.id;
  if (job === undefined) return;
  isSame<typeof job, Job<Jobs>>(true);
  isSame<typeof job.type, 'email' | 'report' | 'cleanup' | 'ping'>(true);
  isSame<typeof job.status, Status>(true);
  isSame<typeof job.result, unknown>(true);
  isSame<typeof job.runAt, Date>(true);
  isSame<typeof job.startedAt, Date | undefined>(true);
  // @ts-expect-error: only an email has this
  job.payload.to;
  if (job.type === 'email') {
    isSame<typeof job.payload, { to: string; subject?: string }>(true);
    // @ts-expect-error: this one has no month
    job.payload.month;
  } else if (job.type === 'report') {
    isSame<typeof job.payload.month, string>(true);
  } else if (job.type === 'cleanup') {
    isSame<typeof job.payload, null>(true);
  } else {
    isSame<typeof job.type, 'ping'>(true);
    isSame<typeof job.payload, string | null>(true);
  }
  // @ts-expect-error: no such type
  if (job.type === 'emial') return;
  // @ts-expect-error: no such state
  if (job.status === 'done') return;
  // @ts-expect-error: a copy, never updated
  job.status = 'cancelled';

  isSame<Awaited<ReturnType<typeof queue.listJobs>>, Job<Jobs>[]>(true);
  for await (const one of queue.iterateJobs({ status: ['failed', 'cancelled'], limit: 5 }))
    isSame<typeof one, Job<Jobs>>(true);
  // @ts-expect-error: no such state
  await queue.listJobs({ status: 'done' });
  // @ts-expect-error: no such filter
  await queue.listJobs({ state: 'failed' });
  isSame<Awaited<ReturnType<typeof queue.cancelJob>>, boolean>(true);
  isSame<Awaited<ReturnType<typeof queue.retryJob>>, boolean>(true);
}

// ---- handlers: a subset, each with its payload ----

queue.processJobs({});
queue.processJobs({ email: () => {} });
queue.processJobs({
  email: async (payload, { job, signal, enqueue }) => {
    isSame<typeof payload, { to: string; subject?: string }>(true);
    isSame<typeof job.type, 'email'>(true);
    isSame<typeof job.payload.to, string>(true);
    isSame<typeof signal, AbortSignal>(true);
    const id: string = enqueue('report', { month: payload.to });
    enqueue('cleanup');
    // @ts-expect-error: the payload of another
    enqueue('report', { to: 'ann' });
    // @ts-expect-error: an unknown type
    enqueue('nothing', {});
    return { id };
  },
  report: ({ month }) => month.length,
  // What is left out comes back as JSON has it.
  cleanup: (payload) => isSame<typeof payload, null>(true),
  ping: (payload) => isSame<typeof payload, string | null>(true),
});
// @ts-expect-error: a handler for a type that is unknown
queue.processJobs({ emial: () => {} });
// @ts-expect-error: a handler of another payload
queue.processJobs({ email: ({ month }: { month: string }) => month });
// @ts-expect-error: no function
queue.processJobs({ email: 'send' });
// @ts-expect-error: a misspelt option
queue.processJobs({}, { concurency: 5 });
queue.processJobs({}, { linger: Number.POSITIVE_INFINITY, backoff: ['1m', 5000], maxWorkers: 2 });
queue.processJobs(
  {},
  { backoff: { base: '60s', factor: 2, max: '1h', jitter: 0.1 }, grace: '10s', maxTime: 5000 },
);
queue.processJobs(
  {},
  { backoff: (attempts, error, job) => (error instanceof Error ? attempts : job.attempts) },
);
// @ts-expect-error: an unknown part of a formula
queue.processJobs({}, { backoff: { bse: 5 } });
queue.processJobs({}, { logger: ({ event }) => isSame<typeof event, string>(false) });

const some: Partial<Handlers<Jobs>> = { report: ({ month }) => month };
queue.processJobs(some);

// ---- handlers: all of them, each of which can be called ----

const all: Handlers<Jobs> = {
  email: ({ to }, { enqueue }) => enqueue('report', { month: to }),
  report: ({ month }) => month,
  cleanup: () => {},
  ping: () => {},
};
queue.processJobs(all);
all.email({ to: 'ann' }, context());
all.cleanup(null, context({ job: { attempts: 2 }, signal: AbortSignal.timeout(5) }));
all.ping('now', { ...context(), signal: AbortSignal.abort() });
const forEmail: TestContext<Jobs, 'email'> = context<Jobs, 'email'>({ job: { payload: { to: 'ann' } } });
all.email({ to: 'ann' }, forEmail);
isSame<typeof forEmail.enqueued, readonly Enqueued<Jobs>[]>(true);
for (const { type, payload } of forEmail.enqueued)
  if (type === 'report') isSame<typeof payload.month, string>(true);
// @ts-expect-error: one is missing
const missing: Handlers<Jobs> = { email: () => {} };
// @ts-expect-error: the payload of another
all.email({ month: '2030-01' }, context());
// @ts-expect-error: a context is needed
all.email({ to: 'ann' });
// @ts-expect-error: the context of another
all.report({ month: '2030-01' }, forEmail);
// @ts-expect-error: an override that there is none of
context({ payload: {} });
// @ts-expect-error: a payload of another type of job
context<Jobs, 'email'>({ job: { payload: { month: '2030-01' } } });
// @ts-expect-error: a follow-up without its payload
forEmail.enqueue('report');
// @ts-expect-error: it may be left out
some.report({ month: '2030-01' }, context());
console.log(missing);

// ---- handlers with a policy: the same contexts in both forms ----

queue.processJobs({
  email: {
    handler: async (payload, { job, enqueue }) => {
      isSame<typeof payload, { to: string; subject?: string }>(true);
      isSame<typeof job.type, 'email'>(true);
      enqueue('report', { month: payload.to });
      // @ts-expect-error: the payload of another
      enqueue('report', { to: 'ann' });
    },
    maxAttempts: 5,
    timeout: '30s',
    backoff: (attempts, error, job) => {
      isSame<typeof error, unknown>(true);
      isSame<typeof job.payload.to, string>(true);
      return attempts;
    },
    retryIf: (error, job) => error instanceof Error && job.payload.to !== '',
  },
  report: ({ month }) => month.length,
  cleanup: { handler: (payload) => isSame<typeof payload, null>(true), backoff: ['1m', 5000] },
});
queue.processJobs({ ping: { handler: () => {}, backoff: { kind: 'fixed', delay: '5m', jitter: '30s' } } });
queue.processJobs({}, { backoff: { kind: 'polynomial', base: 500, power: 2, plus: 0, max: '1h' } });
const entry: HandlerEntry<Jobs, 'email'> = { handler: ({ to }) => to };
const policy: Policy<Jobs, 'email'> = { maxAttempts: 5, retryIf: (_, job) => job.payload.to !== '' };
const asEntries: HandlerEntries<Jobs> = { ...all, email: { ...policy, handler: all.email } };
queue.processJobs({ ...asEntries, email: entry });
const plain: HandlerEntries<Jobs> = all;
queue.processJobs(plain);
// @ts-expect-error: no handler
queue.processJobs({ email: { maxAttempts: 5 } });
// @ts-expect-error: a misspelt option
queue.processJobs({ email: { handler: () => {}, maxAttemps: 5 } });
// @ts-expect-error: an option of the wrong type
queue.processJobs({ email: { handler: () => {}, maxAttempts: '5' } });
// @ts-expect-error: a handler of another payload
queue.processJobs({ email: { handler: ({ month }: { month: string }) => month } });
// @ts-expect-error: a type that is unknown
queue.processJobs({ emial: { handler: () => {} } });
// @ts-expect-error: a promise is no answer
queue.processJobs({ email: { handler: () => {}, retryIf: async () => true } });
// @ts-expect-error: a kind that there is none of
queue.processJobs({ email: { handler: () => {}, backoff: { kind: 'linear' } } });
// @ts-expect-error: a part of another kind
queue.processJobs({ email: { handler: () => {}, backoff: { kind: 'fixed', delay: 5, base: 5 } } });
// @ts-expect-error: a fixed wait without its delay
queue.processJobs({}, { backoff: { kind: 'fixed' } });

// ---- schemas: what they let pass has to be the payload ----

declare const emails: StandardSchema<{ to: string; subject?: string }>;
queue.processJobs({ email: { handler: ({ to }) => to, schema: emails } });
// @ts-expect-error: the schema of another
queue.processJobs({ report: { handler: () => {}, schema: emails } });
// @ts-expect-error: no schema
queue.processJobs({ email: { handler: () => {}, schema: { parse: () => {} } } });

// ---- defineHandlers: each entry of the result has its handler ----

const defined = defineHandlers<Jobs>({
  email: { handler: ({ to }, { enqueue }) => enqueue('report', { month: to }), maxAttempts: 5 },
  report: ({ month }, { job }) => [month, isSame<typeof job.payload.month, string>(true)],
  cleanup: () => {},
  ping: (payload) => isSame<typeof payload, string | null>(true),
});
queue.processJobs(defined);
isSame<typeof defined, DefinedHandlers<Jobs>>(true);
defined.email.handler({ to: 'ann' }, context());
defined.report.handler({ month: '2030-01' }, context());
isSame<typeof defined.email.maxAttempts, number | undefined>(true);
// @ts-expect-error: the payload of another
defined.email.handler({ month: '2030-01' }, context());
// @ts-expect-error: an entry is an object, never a function
defined.report({ month: '2030-01' }, context());
const oneType = defineHandlers<Jobs, 'email'>({ email: ({ to }, { enqueue }) => enqueue('ping', to) });
queue.processJobs(oneType);
oneType.email.handler({ to: 'ann' }, context());
// @ts-expect-error: it is not there
oneType.report;
const someTypes = defineHandlers<Jobs>({ email: { handler: ({ to }) => to }, ping: (payload) => payload });
queue.processJobs(someTypes);
someTypes.email?.handler({ to: 'ann' }, context());
// @ts-expect-error: it may have been left out
someTypes.email.handler({ to: 'ann' }, context());
// @ts-expect-error: a handler for a type that is unknown
defineHandlers<Jobs>({ emial: () => {} });
// @ts-expect-error: a misspelt option
defineHandlers<Jobs>({ email: { handler: () => {}, maxAttemps: 5 } });
// @ts-expect-error: no handler
defineHandlers<Jobs, 'email'>({ email: { maxAttempts: 5 } });
const untyped = defineHandlers({
  anything: ({ at }) => at,
  other: { handler: (payload: { n: number }) => payload.n, timeout: '5s' },
});
untyped.anything.handler({ at: 5 }, context());
untyped.other.handler({ n: 5 }, context());
openQueue('queue.tsv').processJobs(untyped);
// @ts-expect-error: nothing of that name was given
untyped.none;

// ---- without declared types everything is welcome ----

const loose = openQueue('queue.tsv');
loose.enqueue('anything', { at: ['all'] });
loose.enqueue('anything');
loose.enqueueMany([{ type: 'a' }, { type: 'b', payload: 5 }]);
loose.processJobs({ anything: ({ at }) => at, other: (payload: { n: number }) => payload.n });
loose.processJobs({ anything: { handler: ({ at }, { job }) => [at, job.payload.at], schema: emails } });
// @ts-expect-error: a misspelt option
loose.processJobs({ anything: { handler: () => {}, maxAttemps: 5 } });
// @ts-expect-error: a type is a name all the same
loose.enqueue(5, {});
// @ts-expect-error: no such option
openQueue('queue.tsv', { durabilty: 'os' });
// @ts-expect-error: no such value
openQueue('queue.tsv', { durability: 'full' });
// @ts-expect-error: a path is needed
openQueue();

export { read };

// ---- schedules: the payload goes with the type ----
queue.schedule('monthly', { type: 'report', payload: { month: '2030-01' }, cron: '@monthly' });
queue.schedule('daily', { type: 'cleanup', every: '1d' });
queue.processJobs({}, { schedules: { daily: { type: 'ping', cron: '@daily' } } });
// @ts-expect-error report needs a month
queue.schedule('monthly', { type: 'report', cron: '@monthly' });
// @ts-expect-error nothing handles this type
queue.processJobs({}, { schedules: { daily: { type: 'pong', cron: '@daily' } } });
