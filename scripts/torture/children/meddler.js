// Cancels, retries or compacts, by its order; notes on the way what it saw of jobs that are finished.
import { openQueue } from 'tsvq';
import { ask, inTheMiddle, note, order, pick, sleep, upTo } from './actor.js';
import { SCHEDULES } from './schedules.js';

/** @typedef {import('tsvq').ScheduleSpec} Spec */

const queue = openQueue(order.file, order.options);

/** @param {readonly import('tsvq').Status[]} statuses */
async function some(...statuses) {
  const jobs = await queue.listJobs({ status: pick(statuses) ?? 'pending', limit: 1 + upTo(150) });
  const job = pick(jobs);
  return job === undefined || job.type === 'parked' ? undefined : job;
}

const roles = {
  canceller: async () => {
    const job = await some('pending', 'processing', 'waiting');
    if (job !== undefined)
      await ask(
        { op: 'cancel', id: job.id },
        () => queue.cancelJob(job.id),
        (done) => ({ done }),
      );
  },
  retrier: async () => {
    const job = await some('failed', 'cancelled');
    if (job === undefined) return;
    const { id, status, attempts } = job;
    note({ e: 'seen', id, status, attempt: attempts });
    await ask(
      { op: 'retry', id, attempt: attempts },
      () => queue.retryJob(id),
      (done) => ({ done }),
    );
  },
  pauser: async () => {
    const until = new Date(Date.now() + 300);
    await ask(
      { op: 'pause' },
      () => queue.pause('keyed', { until }),
      () => ({}),
    );
    await sleep(upTo(100));
    await ask(
      { op: 'resume' },
      () => queue.resume('keyed'),
      () => ({}),
    );
  },
  scheduler: async () => {
    const name = pick(Object.keys(SCHEDULES)) ?? '';
    const what = pick(['run now', 'run now', 'schedule', 'pause schedule', 'resume schedule']);
    if (what === 'run now')
      await ask(
        { op: what },
        () => queue.runNow(name),
        ({ id }) => ({ ids: [id] }),
      );
    // The next worker declares it as it was.
    else if (what === 'schedule')
      await ask(
        { op: what },
        () => queue.schedule(name, { .../** @type {Spec} */ (SCHEDULES[name]), payload: { n: upTo(3) } }),
        () => ({}),
      );
    else if (what === 'pause schedule')
      await ask(
        { op: what },
        () => queue.pauseSchedule(name),
        () => ({}),
      );
    // Also those that one which was killed has left paused.
    else
      for (const { name: paused } of (await queue.listSchedules()).filter((one) => one.paused))
        await ask(
          { op: 'resume schedule' },
          () => queue.resumeSchedule(paused),
          () => ({}),
        );
  },
  compactor: async () => {
    const job = await some('completed', 'failed', 'cancelled');
    if (job !== undefined) note({ e: 'seen', id: job.id, status: job.status, attempt: job.attempts });
    inTheMiddle();
    await ask(
      { op: 'compact' },
      () => queue.compact(),
      () => ({}),
    );
  },
};

const role = roles[/** @type {keyof typeof roles} */ (order.role)];
for (;;) {
  await role();
  await sleep(upTo(order.longestRest));
}
