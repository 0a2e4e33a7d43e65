import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { PermanentError, RetryAfterError, TsvqError } from '../../../lib/job/errors.js';
import { FakeClock } from '../../support/fake-clock.js';
import { HEADER } from '../../support/queue-file.js';
import { openTest } from '../../support/queues.js';
import { onBench } from './bench.js';
import { decoded, readByRule } from './oracle.js';

/*
 * Users' code may hand over any value: types and payloads to enqueue, things that handlers throw and return. Each
 * comes back as JSON has it, or is refused with an error of ours, and other jobs are not affected.
 */

/** Texts that might be taken for something else in the file. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom(
    HEADER,
    '#',
    '# open jobs begin here\n',
    '\t#torn\n',
    'pending',
    '__proto__',
    'constructor',
    'toString',
    '\0',
    '\r\n',
    '\ud800',
    'a\udc00b',
    '\u2028',
    '\ufeff',
    '\x1b]0;owned\x07',
    '\u202e',
    '\\t\\n',
    '"',
    `x\n    at ${'y'.repeat(50_000)}`,
    'x'.repeat(300_000),
  ),
);

const refuse = (): never => {
  throw {
    toString: () => {
      throw undefined;
    },
  };
};

/** Objects that strike back when they are looked at: only made when they are used, since fast-check looks at all. */
const MAKERS = {
  'a getter that throws': () => Object.defineProperty({}, 'a', { get: refuse, enumerable: true }),
  'a toJSON': (value: unknown) => ({ toJSON: () => value }),
  'a toJSON that throws': () => ({ toJSON: refuse }),
  'a proxy that refuses': () => new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse }),
  'a proxy': (value: unknown) => new Proxy(Object(value), {}),
  'no prototype': (value: unknown) => Object.assign(Object.create(null), { value }),
  pollution: () =>
    JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'),
  'a promise that refuses': () => Object.defineProperty(Promise.resolve(1), 'constructor', { get: refuse }),
  'a then that throws': () => Object.defineProperty({}, 'then', { get: refuse }),
  'a nameless error': () => Object.defineProperty(new Error('x'), 'name', { get: refuse }),
  'an odd message': (value: unknown) => Object.defineProperty(new Error('x'), 'message', { value }),
  'an odd stack': (value: unknown) => Object.defineProperty(new Error('x'), 'stack', { value }),
  'a circle': () => {
    const circle: unknown[] = [];
    circle.push(circle);
    return circle;
  },
  error: (value: unknown) => new Error(String(value)),
  permanent: (value: unknown) => new PermanentError(String(value)),
  'retry after': (value: unknown) => new RetryAfterError('x', value as number),
};

class Hostile {
  readonly kind: keyof typeof MAKERS;
  readonly value: unknown;

  constructor(kind: keyof typeof MAKERS, value: unknown) {
    this.kind = kind;
    this.value = value;
  }
}

const made = (value: unknown): unknown =>
  value instanceof Hostile ? MAKERS[value.kind](value.value) : value;

const value: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.jsonValue(),
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withNullPrototype: true,
    withTypedArray: true,
    withObjectString: true,
    key: text,
    maxDepth: 3,
  }),
  fc
    .tuple(fc.constantFrom(...(Object.keys(MAKERS) as (keyof typeof MAKERS)[])), fc.oneof(text, fc.double()))
    .map(([kind, value]) => new Hostile(kind, value)),
);

const job = fc.record({
  type: fc.oneof({ weight: 3, arbitrary: fc.constant('email' as unknown) }, text, value),
  payload: value,
  options: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    fc.record(
      { runAt: value, delay: value, priority: value, maxAttempts: value, timeout: value, mine: value },
      { requiredKeys: [] },
    ),
  ),
  ending: fc.constantFrom('throws', 'rejects', 'returns', 'resolves', 'enqueues'),
  outcome: value,
});

type HostileJob = typeof job extends fc.Arbitrary<infer J> ? J : never;

/** A few hostile jobs at a time, among peaceful ones. */
export const hostileJobs = () =>
  fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 3 }), checkJobs);

const optionsOf = ({ options }: HostileJob): object =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, made(value)]));

const checkJobs = (jobs: HostileJob[], concurrency: number): Promise<void> =>
  onBench(async ({ t, file, fs }) => {
    const { queue } = openTest(t, { file, fs, clock: new FakeClock() });
    const peaceful = [await queue.enqueue('peaceful', 1)];
    const taken = new Map<string, HostileJob>();
    for (const job of jobs) {
      const [type, payload, options] = [made(job.type), made(job.payload), optionsOf(job)];
      const before = readFileSync(file);
      try {
        const id = await queue.enqueue(type as string, payload, options as object);
        taken.set(id, job);
        const added = await queue.getJob(id);
        assert.equal(added?.type, type);
        assert.deepEqual(added?.payload, JSON.parse(JSON.stringify(payload) ?? 'null'));
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        assert.ok(error instanceof TsvqError, `not an error of ours: ${typeof error}`);
        assert.ok(['INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE'].includes(error.code), error.code);
        assert.deepEqual(readFileSync(file), before, 'what is refused leaves nothing');
      }
    }
    peaceful.push(await queue.enqueue('peaceful', 2));
    const followUps = new Set<string>();
    const types = new Set([...taken.values()].map(({ type }) => made(type) as string));
    types.delete('peaceful');
    const act = (
      _: unknown,
      context: { job: { id: string }; enqueue: (...job: never[]) => string },
    ): unknown => {
      const job = taken.get(context.job.id);
      const [ending, outcome] = [job?.ending, made(job?.outcome)];
      if (ending === 'throws') throw outcome;
      if (ending === 'rejects') return Promise.reject(outcome);
      if (ending === 'resolves') return Promise.resolve(1).then(() => outcome);
      if (ending === 'enqueues')
        followUps.add(context.enqueue(...([job?.type, made(job?.payload)] as never[])));
      return ending === 'returns' ? outcome : undefined;
    };
    const handlers = Object.fromEntries([...types].map((type) => [type, act]));
    const warnings: string[] = [];
    const summary = await queue.processJobs(
      { ...handlers, peaceful: () => 'done' },
      {
        concurrency,
        maxAttempts: 2,
        backoff: [60_000],
        logger: ({ event, message }) => event === 'warning' && warnings.push(message ?? ''),
      },
    );
    assert.ok(summary.completed >= peaceful.length);
    assert.ok(!warnings.some((warning) => /commit failed|could not look/.test(warning)), warnings.join());
    for (const id of peaceful) assert.equal((await queue.getJob(id))?.result, 'done');
    for (const [id] of taken) assert.notEqual((await queue.getJob(id))?.status, 'processing');
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);

    await queue.compact();
    const bytes = readFileSync(file);
    const oracle = readByRule(bytes);
    const ids = [...peaceful, ...taken.keys()];
    assert.deepEqual(oracle?.kept, [], 'no line that is none');
    for (const id of oracle?.jobs.keys() ?? [])
      assert.ok(ids.includes(id) || followUps.has(id), `nobody enqueued ${id}`);
    for (const id of ids) assert.ok(oracle?.jobs.has(id), `${id} is gone`);
    for (const { fields } of oracle?.rows ?? []) {
      assert.equal(fields.version === undefined, false);
      assert.ok(decoded(fields.error as string).length < 30_000, 'an error is cut');
    }
    assert.ok(!/[\r\0]/.test(bytes.toString('latin1')));
  });
