import { Actor } from './actor.js';
import { withSlowSyncs } from './keyed-scenarios.js';
import { job, queueOf, type Scenario } from './scenarios.js';

const HOUR = 3_600_000;
/** Longer than a page, so that power loss can keep a schedule's row and lose a job of it, or the other way round. */
const LONG = 5000;

/** Histories of schedules. */
export const SCHEDULED_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a schedule is declared, and fires',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const [web, worker] = [new Actor(machine, options), new Actor(machine, options)];
      await web.schedule('hourly', { every: '1h' });
      for (let slot = 0; slot < 2; slot++) {
        machine.clock.advance(HOUR);
        await worker.work();
      }
      await worker.compact();
      machine.clock.advance(HOUR);
      await worker.work();
      await web.close();
      await worker.close();
    },
  },
  {
    name: 'a schedule catches up with long jobs that wait for each other',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const worker = new Actor(machine, options);
      const times = { every: '1h', catchUp: 'all', catchUpWithin: '3h', overlap: 'queue' } as const;
      await worker.schedule('hourly', times, 'ok', LONG);
      machine.clock.advance(3 * HOUR);
      await worker.work();
      await worker.close();
    },
  },
  {
    name: 'a schedule cancels its job that runs, and another skips',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const [worker, other] = [new Actor(machine, options), new Actor(machine, options)];
      await worker.schedule('cancels', { every: '1h', overlap: 'cancel' }, 'waits', LONG);
      await worker.schedule('skips', { every: '1h' }, 'waits');
      machine.clock.advance(HOUR);
      let open = (): void => {};
      worker.gate = new Promise((resolve) => {
        open = resolve;
      });
      const work = worker.work({ concurrency: 3 });
      const runs = (): number => machine.witness.facts.filter(({ what }) => what === 'ran').length;
      while (runs() < 3) await new Promise(setImmediate);
      machine.clock.advance(HOUR);
      await other.work();
      open();
      await work;
      await worker.close();
      await other.close();
    },
  },
  {
    name: 'a schedule is changed, paused, removed and declared again',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const [web, worker] = [new Actor(machine, options), new Actor(machine, options)];
      await web.schedule('hourly', { every: '1h', overlap: 'allow' });
      machine.clock.advance(HOUR);
      await worker.work();
      await web.schedule('hourly', { every: '30m', overlap: 'allow' }, 'ok', LONG);
      await web.queue.pauseSchedule('hourly');
      machine.clock.advance(HOUR);
      await worker.work();
      await web.queue.resumeSchedule('hourly');
      await web.unschedule('hourly');
      await web.schedule('hourly', { every: '1h' });
      machine.clock.advance(HOUR);
      await worker.work();
      await web.close();
      await worker.close();
    },
  },
  {
    name: 'two workers fire a schedule at once',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const slow = { ...machine, fs: withSlowSyncs(machine.fs) };
      const workers = [slow, machine].map((one) => new Actor(one, options));
      await workers[0]?.schedule('hourly', { every: '1h', overlap: 'allow' }, 'ok', LONG);
      machine.clock.advance(HOUR);
      let isOver = false;
      const working = Promise.all(workers.map((worker) => worker.work())).finally(() => {
        isOver = true;
      });
      await machine.clock.advanceUntil('both have ended', () => isOver);
      await working;
      for (const worker of workers) await worker.close();
    },
  },
];
