/* Schedules: recurring jobs. */
import assert from 'node:assert/strict';
import type { Queue, ScheduleSpec } from 'tsvq';
import { rejects } from '../support/errors.js';
import { until } from '../support/waiting.js';
import type { Checks, DeclarableCheck, Steps } from './engine.js';
import { drain, fields, stay } from './tools.js';

const EACH_SECOND: ScheduleSpec = { type: 'work', payload: { n: 1 }, every: '1s' };
const NIGHTLY: ScheduleSpec = { type: 'work', cron: '30 2 * * *', timezone: 'Europe/Berlin' };

const scheduled = (steps: Steps): DeclarableCheck => ({
  needs: 'schedules',
  steps,
  refused: async (t, engine) => (await engine.open(t)).schedule('nightly', NIGHTLY),
});

/** The slots of the jobs of a schedule, in seconds and in their order. */
async function slotsOf(queue: Queue, name: string): Promise<number[]> {
  const made = (await queue.listJobs()).filter(({ schedule }) => schedule?.name === name);
  return made.map(({ schedule }) => Number(schedule?.slot) / 1000).sort((a, b) => a - b);
}

export const schedules: Checks = {
  'each slot of a schedule has one job, however many workers there are': scheduled(async (t, engine) => {
    const queue = await engine.open(t);
    // With skip, a slot passes if the job before it is slow.
    await queue.schedule('seconds', { ...EACH_SECOND, catchUp: 'all', overlap: 'allow' });
    const ran: unknown[] = [];
    const work = (payload: unknown): void => void ran.push(payload);
    const workers = [stay(queue, { work }), stay(await engine.reopen(t, queue), { work })];
    await until('three slots have passed', () => ran.length >= 3);
    for (const worker of workers) await worker.end();
    const slots = await slotsOf(queue, 'seconds');
    const [first = Number.NaN] = slots;
    assert.deepEqual(
      slots,
      slots.map((_, i) => first + i),
    );
    assert.deepEqual(ran[0], { n: 1 });
  }),

  'a worker declares schedules, an equal declaration changes nothing, and another one does': scheduled(
    async (t, engine) => {
      const queue = await engine.open(t);
      await drain(queue, {}, { schedules: { nightly: NIGHTLY } });
      const { nextRun, changed } = await queue.schedule('nightly', NIGHTLY);
      assert.equal(changed, false);
      const [listed, ...others] = await (await engine.reopen(t, queue)).listSchedules();
      assert.deepEqual(others, []);
      assert.deepEqual([listed?.name, listed?.nextRun, listed?.paused], ['nightly', nextRun, false]);
      assert.deepEqual([listed?.spec.type, listed?.spec.cron], ['work', '30 2 * * *']);
      assert.equal((await queue.schedule('nightly', { ...NIGHTLY, cron: '30 3 * * *' })).changed, true);
      assert.deepEqual(await queue.listJobs(), [], 'a schedule is no job');
    },
  ),

  'a paused schedule makes no jobs, and one that was removed is not there': scheduled(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.schedule('seconds', EACH_SECOND);
    await queue.schedule('others', { ...EACH_SECOND, type: 'other' });
    assert.equal(await queue.pauseSchedule('seconds'), true);
    let others = 0;
    const worker = stay(queue, { work: () => {}, other: () => void others++ });
    await until('two slots of the other have passed', () => others >= 2);
    assert.deepEqual(await slotsOf(queue, 'seconds'), []);
    assert.equal(await queue.resumeSchedule('seconds'), true);
    await until('it goes on', async () => (await slotsOf(queue, 'seconds')).length > 0);
    await worker.end();
    assert.equal(await queue.unschedule('seconds'), true);
    assert.equal(await queue.unschedule('seconds'), false);
    assert.deepEqual(
      (await queue.listSchedules()).map(({ name }) => name),
      ['others'],
    );
  }),

  'a job by hand is beside the slots, and with skip there is one at a time': scheduled(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.schedule('nightly', NIGHTLY);
    const { id, outcome } = await queue.runNow('nightly');
    assert.equal(outcome, 'added');
    assert.deepEqual(await queue.runNow('nightly'), { id, outcome: 'existing' });
    await drain(queue, { work: () => {} });
    const job = await fields(queue, id, 'status', 'schedule');
    assert.deepEqual(job, ['completed', { name: 'nightly', slot: undefined }]);
    assert.equal((await queue.runNow('nightly')).outcome, 'added');
    await rejects(queue.runNow('daily'), 'INVALID_ARGUMENT', 'daily');
  }),

  'a schedule that can not be kept is refused, and nothing is added': scheduled(async (t, engine) => {
    const queue = await engine.open(t);
    await queue.schedule('nightly', NIGHTLY);
    const wrong: readonly Partial<ScheduleSpec>[] = [
      { cron: undefined },
      { every: '1m' },
      { cron: '0 0 31 2 *' },
      { cron: '* * * * * *' },
      { timezone: 'Mars/Base' },
    ];
    for (const change of wrong)
      await rejects(queue.schedule('a', { ...NIGHTLY, ...change } as ScheduleSpec), 'INVALID_ARGUMENT');
    assert.equal((await queue.listSchedules()).length, 1);
  }),
};
