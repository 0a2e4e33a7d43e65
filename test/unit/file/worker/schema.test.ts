import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Policy } from '../../../../lib/job/policy.js';
import type { StandardSchema } from '../../../../lib/job/standard-schema.js';
import { openTest } from '../../../support/queues.js';
import { deferred, settle } from '../../../support/waiting.js';

/*
 * What a schema of a type does with payloads: each is asked before the handler.
 */

type Answer = ReturnType<StandardSchema['~standard']['validate']>;

const schemaThat = (validate: (value: unknown) => Answer): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate },
});

/** Runs a job once. @returns the job after that, and what the handler got */
async function run(t: TestContext, payload: unknown, schema: StandardSchema, policy: Policy = {}) {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email', payload);
  const got: unknown[] = [];
  const handler = (value: unknown): number => got.push(value);
  const summary = await queue.processJobs({ email: { ...policy, handler, schema } }, { logger: () => {} });
  const job = await queue.getJob(id);
  return { job, got, summary, error: job?.error?.split('\n')[0] };
}

const later = async (answer: Answer): Promise<Awaited<Answer>> => answer;

for (const [kind, of] of [
  ['sync', (answer: Answer) => answer],
  ['async', later],
] as const) {
  test(`the handler gets the value that a schema returns: ${kind}`, async (t) => {
    const seen: unknown[] = [];
    const schema = schemaThat((value) => {
      seen.push(value);
      return of({ value: { ...(value as object), cc: [] } });
    });
    const { job, got } = await run(t, { to: 'ann' }, schema);
    assert.deepEqual([seen, got], [[{ to: 'ann' }], [{ to: 'ann', cc: [] }]]);
    assert.deepEqual([job?.status, job?.result, job?.payload], ['completed', 1, { to: 'ann' }]);
  });

  test(`a payload that does not fit fails the job for good, with the type, the paths and the messages: ${kind}`, async (t) => {
    const issues = [
      { message: 'Required', path: ['to'] },
      { message: 'Too short', path: ['items', 0, { key: 'name' }] },
    ];
    const retryIf = () => assert.fail('retryIf is asked');
    const { job, got, error, summary } = await run(
      t,
      {},
      schemaThat(() => of({ issues })),
      { retryIf },
    );
    assert.deepEqual([job?.status, job?.attempts, summary.failed, got], ['failed', 1, 1, []]);
    assert.equal(
      error,
      "PermanentError: payload doesn't fit the schema of email: to: Required; items.0.name: Too short",
    );
  });

  test(`a schema that fails is a failed attempt, which is tried again: ${kind}`, async (t) => {
    const fail = (): never => {
      throw new Error('the schema is broken');
    };
    const schema = schemaThat(kind === 'sync' ? fail : async () => fail());
    const { job, got, error } = await run(t, {}, schema);
    assert.deepEqual([job?.status, error, got], ['pending', 'Error: the schema is broken', []]);
  });

  test(`an answer that is neither a value nor issues is a failed attempt, which is tried again: ${kind}`, async (t) => {
    for (const answer of [undefined, null, true, {}]) {
      const { job, got, error } = await run(
        t,
        {},
        schemaThat(() => of(answer as never)),
      );
      assert.deepEqual([job?.status, got], ['pending', []]);
      assert.equal(error, 'Error: the schema of email returned neither a value nor issues');
    }
  });
}

test('an error names three issues at most, and one about the whole payload has no path', async (t) => {
  const issue = { message: 'wrong' };
  const symbol = { message: 'odd', path: [Symbol('a')] };
  for (const [issues, told] of [
    [[issue], ': wrong'],
    [[symbol, issue, { ...issue, path: [] }], ': Symbol(a): odd; wrong; wrong'],
    [[issue, issue, issue, issue, issue], ': wrong; wrong; wrong; and 2 more'],
  ] as const) {
    const { error } = await run(
      t,
      {},
      schemaThat(() => ({ issues })),
    );
    assert.equal(error, `PermanentError: payload doesn't fit the schema of email${told}`);
  }
});

test('a schema may return undefined as the value', async (t) => {
  const { job, got } = await run(
    t,
    {},
    schemaThat(() => ({ value: undefined })),
  );
  assert.deepEqual([job?.status, got], ['completed', [undefined]]);
});

test('a handler does not begin if its attempt was stopped while the schema was asked', async (t) => {
  const { queue, clock } = openTest(t);
  const id = await queue.enqueue('email');
  const asked = deferred();
  const answer = deferred<{ value: unknown }>();
  const schema = schemaThat(() => {
    asked.resolve();
    return answer.promise;
  });
  let hasBegun = false;
  const handler = () => {
    hasBegun = true;
  };
  const policy = { handler, schema, timeout: '5s' };
  const working = queue.processJobs({ email: policy }, { grace: '1s', logger: () => {} });
  await asked.promise;
  clock.advance(5000);
  clock.advance(1000);
  assert.equal((await working).retried, 1);
  answer.resolve({ value: 5 });
  await settle();
  assert.equal(hasBegun, false);
  assert.match((await queue.getJob(id))?.error ?? '', /5000 ms, its time limit/);
});

test('schemas of zod check and change payloads, if it is installed', async (t) => {
  // Not a dependency of this package, so the name is no literal.
  const name = 'zod';
  const zod = await import(name).catch(() => undefined);
  if (zod === undefined) return t.skip('zod is not installed');
  const { z } = zod;
  const schema: StandardSchema = z.object({ to: z.string().trim(), copies: z.number().default(1) });
  const fits = await run(t, { to: ' ann ', more: 5 }, schema);
  assert.deepEqual([fits.job?.status, fits.got], ['completed', [{ to: 'ann', copies: 1 }]]);
  const misfit = await run(t, { copies: 'two' }, schema);
  assert.deepEqual([misfit.job?.status, misfit.got], ['failed', []]);
  assert.match(
    misfit.error ?? '',
    /^PermanentError: payload doesn't fit the schema of email: to: .*; copies: /,
  );
  const refined: StandardSchema = z.object({ to: z.string() }).refine(async () => false, 'not today');
  assert.match((await run(t, { to: 'ann' }, refined)).error ?? '', /schema of email: not today$/);
});

test('a schema may answer with a promise whose then returns nothing', async (t) => {
  const answer = Promise.resolve({ value: 2 });
  const then = (...rest: Parameters<typeof answer.then>): void =>
    void Promise.prototype.then.apply(answer, rest);
  Reflect.set(answer, 'then', then);
  const { job, got } = await run(
    t,
    1,
    schemaThat(() => answer),
  );
  assert.deepEqual([job?.status, job?.result, got], ['completed', 1, [2]]);
});
