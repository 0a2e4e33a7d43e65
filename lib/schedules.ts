import type { DefaultJobs } from './job/job.js';
import type { Added } from './job/job-options.js';
import type { Schedule, ScheduleSpec } from './job/schedule-spec.js';

/** The calls of a queue for recurring jobs. A schedule is a row of the file, and any worker makes its jobs. */
export interface Schedules<Jobs = DefaultJobs> {
  /**
   * Adds a schedule, or changes it. Its first job comes at its first slot after now. A slot that is due already stays
   * due. If the schedule is there with this spec, nothing is written. `processJobs` declares schedules, too.
   *
   * @param name 1 to 200 characters
   * @returns the id of its row, its next slot (undefined if it is paused, or none comes), and whether it has changed
   * @throws TsvqError like {@link Queue.enqueue}
   * @example
   * await queue.schedule('nightly', { type: 'backup', cron: '30 2 * * *', timezone: 'Europe/Berlin' });
   */
  schedule(
    name: string,
    spec: ScheduleSpec<Jobs>,
  ): Promise<{ id: string; nextRun: Date | undefined; changed: boolean }>;

  /**
   * Removes a schedule. Jobs that it has made stay. A worker whose code declares it adds it again: pause it instead.
   *
   * @returns false if there is none of this name
   * @example
   * await queue.unschedule('nightly');
   */
  unschedule(name: string): Promise<boolean>;

  /**
   * Lets a schedule make no jobs until {@link resumeSchedule}, also when its declaration changes.
   *
   * @returns true if it is paused now; false if there is none of this name
   * @example
   * await queue.pauseSchedule('nightly');
   */
  pauseSchedule(name: string): Promise<boolean>;

  /**
   * Lets a schedule go on, at its first slot after now.
   *
   * @returns true if it isn't paused now; false if there is none of this name
   * @example
   * await queue.resumeSchedule('nightly');
   */
  resumeSchedule(name: string): Promise<boolean>;

  /**
   * Makes one job of a schedule now, beside its slots, also if it is paused. If an earlier job isn't over, `overlap`
   * decides: with `'skip'` nothing is added, and the id is that job's.
   *
   * @returns the job's id, and `'added'` or `'existing'`
   * @throws TsvqError `INVALID_ARGUMENT` if there is no schedule of this name, and the errors of {@link Queue.enqueue}
   * @example
   * const { id } = await queue.runNow('nightly');
   */
  runNow(name: string): Promise<Added>;

  /**
   * Lists the schedules, by name, without the lock.
   *
   * @example
   * for (const { name, nextRun } of await queue.listSchedules()) console.log(name, nextRun);
   */
  listSchedules(): Promise<Schedule[]>;
}
