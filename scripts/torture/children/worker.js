// Works as a tick of cron does, or stays for a while; notes each start of an attempt, its end, and what was recorded.
import { openQueue } from 'tsvq';
import { inTheMiddle, note, order, random, sleep, upTo } from './actor.js';
import { LIMITS } from './limits.js';
import { SCHEDULES } from './schedules.js';

const queue = openQueue(order.file, order.options);

/** @param {import('tsvq').HandlerContext} context */
function start({ job }) {
  const run = { id: job.id, attempt: job.attempts };
  note({ e: 'start', ...run });
  if (random() < 0.05) inTheMiddle();
  return run;
}

/** @type {Partial<Record<string, import('tsvq').HandlerEntry>>} */
const handlers = {
  work: async (_, context) => {
    const run = start(context);
    if (random() < 0.3) await sleep(upTo(8));
    note({ e: 'end', ...run });
    return { attempt: run.attempt };
  },
  parent: (_, context) => {
    const run = start(context);
    for (const child of [1, 2]) context.enqueue('work', { tag: `${run.id}:${run.attempt}:${child}` });
    context.enqueue('keyed', { tag: `${run.id}:${run.attempt}:3`, failures: 0 }, { dedupeKey: 'key 0' });
    note({ e: 'end', ...run });
    return { attempt: run.attempt };
  },
  keyed: async ({ tag, failures }, context) => {
    const run = { id: context.job.id, attempt: context.job.attempts, tag };
    note({ e: 'start', ...run });
    await sleep(upTo(15));
    if (context.job.attempts - context.job.forgiven <= failures) throw new Error('it is flaky');
    note({ e: 'end', ...run });
    return { attempt: run.attempt };
  },
  slot: async (_, context) => {
    const run = start(context);
    // Now and then longer than until the next slot.
    await sleep(random() < 0.05 ? 1500 : upTo(20));
    note({ e: 'end', ...run });
    return { attempt: run.attempt };
  },
  flaky: ({ failures }, context) => {
    const run = start(context);
    if (context.job.attempts - context.job.forgiven <= failures) throw new Error('it is flaky');
    note({ e: 'end', ...run });
    return { attempt: run.attempt };
  },
};

for (const [type, limits] of Object.entries(LIMITS))
  handlers[type] = {
    ...limits,
    handler: async ({ failures }, { job }) => {
      const run = { id: job.id, attempt: job.attempts, claimed: job.startedAt?.getTime() };
      note({ e: 'start', ...run });
      if (random() < 0.05) inTheMiddle();
      await sleep(upTo(30));
      // Few fail, so that the slow ones are over some time.
      if (job.attempts - job.forgiven <= failures - 3) throw new Error('it is flaky');
      note({ e: 'end', ...run });
      return { attempt: run.attempt };
    },
  };

/** @param {import('tsvq').WorkerOptions} options */
const work = (options) =>
  queue.processJobs(handlers, {
    maxAttempts: 3,
    maxWorkers: 12,
    backoff: [0, 50, 300],
    ...(order.schedules && { schedules: SCHEDULES }),
    ...options,
    logger: ({ event, id, attempt, message }) => {
      if (event === 'warning') note({ e: 'warning', message });
      else note({ e: 'recorded', event, id, attempt });
    },
  });

try {
  if (order.drain) {
    // Until nothing is left that could run; what is parked is not due for long.
    for (let left = 1; left > 0; ) {
      await work({ concurrency: 8, linger: 50 });
      left = 0;
      for await (const { type, status } of queue.iterateJobs())
        if (type !== 'parked' && (status === 'pending' || status === 'processing' || status === 'waiting'))
          left++;
    }
    await queue.compact();
  } else {
    await work({ concurrency: 1 + upTo(7), linger: order.linger ?? (random() < 0.6 ? 500 + upTo(3000) : 0) });
  }
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  note({ e: 'refused', op: 'work', code: code ?? 'none', message });
}
await queue.close();
