/*
 * Steps that are recorded, and sleeps: what a job has done stays done over its attempts.
 */
import assert from 'node:assert/strict';
import { type Handler, type HandlerContext, PermanentError, TsvqError } from 'tsvq';
import { deferred } from '../support/waiting.js';
import type { Checks } from './engine.js';
import { between, drain, fields, look, stay } from './tools.js';

const isError = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TsvqError, `not a TsvqError, but ${error}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

/** A handler whose first attempts fail at its end, and the names of the steps that ran, in their order. */
function failingAtFirst(
  times: number,
  run: (context: HandlerContext, ran: (name: string) => string) => Promise<unknown>,
): { work: Handler; ran: string[] } {
  const names: string[] = [];
  const note = (name: string): string => {
    names.push(name);
    return name;
  };
  const work: Handler = async (_, context) => {
    const result = await run(context, note);
    if (context.job.attempts <= times) throw new Error('not yet');
    return result;
  };
  return { work, ran: names };
}

export const steps: Checks = {
  'a step that is recorded never runs again, and each attempt gets its result': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const { work, ran } = failingAtFirst(2, async ({ step }, note) => {
      const charge = await step('charge', () => ({ name: note('charge'), at: new Date(5) }));
      return { charge, mail: await step('mail', async () => note('mail')) };
    });
    const { completed, retried } = await drain(queue, { work });
    assert.deepEqual({ completed, retried }, { completed: 1, retried: 2 });
    assert.deepEqual(ran, ['charge', 'mail']);
    // As JSON gives it back, in each attempt the same.
    const charge = { name: 'charge', at: '1970-01-01T00:00:00.005Z' };
    assert.deepEqual((await look(queue, id)).result, { charge, mail: 'mail' });
  },

  'a step that throws is not recorded, and the next attempt begins with it': async (t, engine) => {
    const queue = await engine.open(t);
    const ran: string[] = [];
    const id = await queue.enqueue('work');
    const work: Handler = async (_, { job, step }) => {
      await step('first', () => void ran.push('first'));
      await step('second', () => {
        ran.push('second');
        if (job.attempts === 1) throw new Error('no luck');
      });
      await step('third', () => void ran.push('third'));
    };
    await drain(queue, { work });
    assert.deepEqual(ran, ['first', 'second', 'second', 'third']);
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['completed', 2]);
  },

  'the first attempt gets a result as later ones do: after JSON': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const values = [
      undefined,
      null,
      0,
      '',
      false,
      [1, { a: undefined }],
      { b: new Date(0) },
      'Tab \t, LF \n, 日本',
    ];
    const seen: unknown[] = [];
    const work: Handler = async (_, { job, step }) => {
      const results: unknown[] = [];
      for (const [i, value] of values.entries()) results.push(await step(`value ${i}`, () => value));
      seen.push(results);
      if (job.attempts === 1) throw new Error('again');
    };
    await drain(queue, { work });
    const wanted = [undefined, null, 0, '', false, [1, {}], { b: '1970-01-01T00:00:00.000Z' }, values.at(-1)];
    assert.deepEqual(seen, [wanted, wanted]);
    assert.equal((await look(queue, id)).status, 'completed');
  },

  'a name that is used again gets a number, in the order of the calls': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work');
    const keys: string[][] = [];
    const { work } = failingAtFirst(1, async ({ job, step }) => {
      const own: string[] = [];
      for (const page of [1, 2, 3]) {
        await step('page', ({ key }) => void own.push(key.slice(job.id.length)));
        if (job.attempts === 1 && page === 2) break;
      }
      keys.push(own);
    });
    await drain(queue, { work });
    assert.deepEqual(keys, [[':page', ':page#2'], [':page#3']]);
  },

  'steps may run side by side': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const { work, ran } = failingAtFirst(1, async ({ step }, note) => {
      const [left, right] = [deferred(), deferred()];
      return Promise.all([
        step('left', async () => {
          left.resolve();
          await right.promise;
          return note('left');
        }),
        step('right', async () => {
          right.resolve();
          await left.promise;
          return note('right');
        }),
      ]);
    });
    await drain(queue, { work });
    assert.deepEqual(ran.sort(), ['left', 'right']);
    assert.deepEqual((await look(queue, id)).result, ['left', 'right']);
  },

  'within a step, steps, sleeps and follow-ups are refused, but not beside it': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work');
    let refusals = 0;
    const refused = async (inner: () => unknown): Promise<void> => {
      await assert.rejects(
        async () => await inner(),
        isError('INVALID_ARGUMENT', /inside of step "outer(#\d)?"/),
      );
      refusals++;
    };
    const work: Handler = async (_, { step, sleep, sleepUntil, enqueue }) => {
      const begun = deferred();
      const ended = deferred();
      const outer = step('outer', async () => {
        await refused(() => step('inner', () => {}));
        begun.resolve();
        await ended.promise;
        await refused(() => sleep(1));
        await refused(() => sleepUntil(new Date(0)));
        await refused(() => enqueue('other'));
      });
      await begun.promise;
      await step('beside', () => {});
      enqueue('other');
      ended.resolve();
      await outer;
      enqueue('other');
    };
    const { completed } = await drain(queue, { work, other: () => {} });
    assert.deepEqual([completed, refusals], [3, 4]);
  },

  'names and results that a step can not have are refused, and nothing is recorded': async (t, engine) => {
    const queue = await engine.open(t, { maxPayload: 1000 });
    await queue.enqueue('work');
    const names = ['', 'a\tb', 'a\nb', 'a\0', '#1', 'a#2', 'sleep', 'x'.repeat(201), '\ud800', 7];
    const work: Handler = async (_, { step }) => {
      for (const name of names)
        await assert.rejects(
          step(name as string, () => assert.fail('it ran')),
          isError('INVALID_ARGUMENT', /the name of a step/),
          String(name),
        );
      await assert.rejects(step('x', 5 as never), isError('INVALID_ARGUMENT', /run/));
      await assert.rejects(
        step('function', () => ({ deep: () => {} })),
        isError('INVALID_ARGUMENT', /the result of step "function"\.deep/),
      );
      await assert.rejects(
        step('large', () => 'x'.repeat(2000)),
        isError('PAYLOAD_TOO_LARGE', /the result of step "large" is 2002 bytes.* 1000/),
      );
      await step('x'.repeat(200), () => 'x'.repeat(998));
    };
    const { completed } = await drain(queue, { work });
    assert.equal(completed, 1);
  },

  'a step after the end of its attempt is refused': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work');
    let late: (() => Promise<unknown>) | undefined;
    const work: Handler = (_, { step }) => {
      late = () => step('late', () => assert.fail('it ran'));
    };
    await drain(queue, { work });
    await assert.rejects(late as () => Promise<unknown>, isError('CLOSED', /step "late"/));
  },

  'a sleep ends the attempt, which costs none, and the job goes on after it': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 1 });
    const { work, ran } = failingAtFirst(0, async ({ step, sleep, job }, note) => {
      await step('first', () => note('first'));
      await sleep(60);
      await step('second', () => note('second'));
      await sleep(60);
      return job.attempts;
    });
    const before = Date.now();
    const { completed, slept, claimed } = await drain(queue, { work }, { linger: 500 });
    assert.deepEqual({ completed, slept, claimed }, { completed: 1, slept: 2, claimed: 3 });
    assert.deepEqual(ran, ['first', 'second']);
    const job = await look(queue, id);
    assert.deepEqual([job.status, job.attempts, job.forgiven, job.result], ['completed', 3, 2, 3]);
    between(job.finishedAt, before + 120, Date.now());
  },

  'a sleeping job is pending until its time, and neither catch nor finally runs': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const at = new Date(Date.now() + 3_600_000);
    let reason: unknown;
    let after = 0;
    const work: Handler = async (_, { signal, sleepUntil }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      try {
        await sleepUntil(at);
      } catch {
        after++;
      } finally {
        after++;
      }
    };
    const { slept } = await drain(queue, { work });
    await new Promise(setImmediate);
    assert.deepEqual([slept, after], [1, 0]);
    assert.match(String(reason), /AbortError: the job sleeps/);
    const job = await look(queue, id);
    assert.deepEqual([job.status, job.runAt.getTime(), job.error], ['pending', at.getTime(), undefined]);
    assert.deepEqual([job.attempts, job.forgiven], [1, 1]);
  },

  'a step that runs beside a sleep is recorded first, and so are those that follow it': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const { work, ran } = failingAtFirst(0, async ({ step, sleep }, note) => {
      const slow = async (): Promise<void> => {
        for (const name of ['one', 'two', 'three'])
          await step(name, async () => {
            await new Promise(setImmediate);
            note(name);
          });
      };
      await Promise.all([sleep(30), slow()]);
    });
    const { completed, slept } = await drain(queue, { work }, { linger: 500 });
    assert.deepEqual({ completed, slept }, { completed: 1, slept: 1 });
    assert.deepEqual(ran, ['one', 'two', 'three']);
    assert.equal((await look(queue, id)).attempts, 2);
  },

  'of two sleeps at once, the attempt begins again after the shorter': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const start = Date.now();
    const work: Handler = (_, { sleep }) => Promise.all([sleep('2h'), sleep('1h')]);
    assert.equal((await drain(queue, { work })).slept, 1);
    between((await look(queue, id)).runAt, start + 3_600_000, Date.now() + 3_600_000);
  },

  'a promoted job that sleeps goes on sleeping for the rest': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { maxAttempts: 1 });
    const work: Handler = (_, { sleep }) => sleep('1h');
    await drain(queue, { work });
    const { runAt } = await look(queue, id);
    assert.equal(await queue.promoteJob(id), true);
    const { slept } = await drain(queue, { work });
    assert.equal(slept, 1);
    assert.deepEqual(await fields(queue, id, 'status', 'runAt', 'attempts', 'forgiven'), [
      'pending',
      runAt,
      2,
      2,
    ]);
  },

  'a sleeping job can be cancelled, and a retry lets it go on': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const { work, ran } = failingAtFirst(0, async ({ step, sleep }, note) => {
      await step('first', () => note('first'));
      await sleep(40);
      await step('second', () => note('second'));
    });
    await drain(queue, { work });
    assert.equal(await queue.cancelJob(id), true);
    await drain(queue, { work }, { linger: 60 });
    assert.deepEqual([(await look(queue, id)).status, ran], ['cancelled', ['first']]);
    assert.equal(await queue.retryJob(id), true);
    await drain(queue, { work }, { linger: 500 });
    assert.deepEqual([(await look(queue, id)).status, ran], ['completed', ['first', 'second']]);
  },

  'a time limit counts for each attempt, not for the sleep': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work', null, { timeout: 400, maxAttempts: 1 });
    const work: Handler = async (_, { sleep }) => {
      await sleep(600);
    };
    await drain(queue, { work }, { linger: 2000 });
    assert.deepEqual(await fields(queue, id, 'status', 'attempts'), ['completed', 2]);
  },

  'a sleep that is no time is refused': async (t, engine) => {
    const queue = await engine.open(t);
    await queue.enqueue('work');
    const work: Handler = async (_, { sleep, sleepUntil }) => {
      for (const bad of [-1, 'soon', Number.NaN, undefined])
        await assert.rejects(sleep(bad as never), isError('INVALID_ARGUMENT', /duration/));
      for (const bad of ['tomorrow', 2e11, undefined])
        await assert.rejects(sleepUntil(bad as never), isError('INVALID_ARGUMENT', /at/));
      await sleep(0);
      await sleepUntil(new Date(0));
    };
    const { completed, slept } = await drain(queue, { work });
    assert.deepEqual({ completed, slept }, { completed: 1, slept: 0 });
  },

  'a step that was renamed runs, and a recorded one that is no longer asked for does no harm': async (
    t,
    engine,
  ) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const ran: string[] = [];
    const work: Handler = async (_, { job, step }) => {
      const name = job.attempts === 1 ? 'charge' : 'pay';
      await step(name, () => void ran.push(name));
      if (job.attempts === 1) throw new Error('no luck');
    };
    await drain(queue, { work });
    assert.deepEqual([(await look(queue, id)).status, ran], ['completed', ['charge', 'pay']]);
  },

  'a retry goes on after the last step, and with fromStart all steps run again': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const ran: string[] = [];
    const work: Handler = async (_, { step }) => {
      await step('first', () => void ran.push('first'));
      throw new PermanentError('no good');
    };
    await drain(queue, { work });
    assert.equal(await queue.retryJob(id), true);
    await drain(queue, { work });
    assert.deepEqual(ran, ['first']);
    assert.equal(await queue.retryJob(id, { fromStart: true }), true);
    assert.equal(await queue.retryJob(id, { fromStart: true }), false);
    await drain(queue, { work });
    assert.deepEqual(ran, ['first', 'first']);
    await assert.rejects(
      queue.retryJob(id, { fromStart: 1 as never }),
      isError('INVALID_ARGUMENT', /fromStart/),
    );
  },

  'a job that is cancelled while a step runs keeps that step': async (t, engine) => {
    const queue = await engine.open(t);
    const id = await queue.enqueue('work');
    const ran: string[] = [];
    const running = deferred();
    const work: Handler = async (_, { signal, step }) => {
      await step('slow', async () => {
        running.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        ran.push('slow');
      });
      await step('last', () => void ran.push('last'));
    };
    const worker = stay(queue, { work });
    await running.promise;
    assert.equal(await queue.cancelJob(id), true);
    await worker.end();
    assert.equal((await look(queue, id)).status, 'cancelled');
    await queue.retryJob(id);
    await drain(queue, { work });
    assert.deepEqual(
      ran.filter((name) => name === 'slow'),
      ['slow'],
    );
    assert.equal((await look(queue, id)).status, 'completed');
  },
};
