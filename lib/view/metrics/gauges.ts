import { PROBLEM_CODES } from '../problems.js';
import type { TypeSnapshot } from '../snapshot.js';
import type { Look } from '../view.js';
import type { Family, Labels, Sample } from './exposition.js';

const STATES = ['pending', 'processing', 'completed', 'failed', 'cancelled', 'waiting'] as const;

/** What the gauges show besides a look. */
export interface GaugeFacts extends Look {
  /** The number of workers that run jobs. */
  readonly workers: number;
  /** Since when the longest running job has run, in ms; undefined if none runs. */
  readonly longestRunning: number | undefined;
}

/** Returns what a queue is like at one moment, as metrics. Only types of jobs are labels that others choose. */
export function gauges(facts: GaugeFacts): Family[] {
  const { types } = facts.snapshot;
  return [...countsOf(types), ...hoursOf(types), ...queueOf(facts)];
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  ...{ name: `tsvq_${name}`, type: 'gauge', help, samples },
});

const sample = (value: number, ...labels: Labels): Sample => ({ suffix: '', labels, value });

/** Makes a sample for each type; none where there is no value. */
const perType = (types: readonly TypeSnapshot[], value: (type: TypeSnapshot) => number): Sample[] =>
  types.map((type) => sample(value(type), ['type', type.name]));

function countsOf(types: readonly TypeSnapshot[]): Family[] {
  return [
    gauge(
      'jobs',
      'Jobs in the file, by their state.',
      types.flatMap(({ name, counts }) =>
        STATES.map((state) => sample(counts[state], ['type', name], ['state', state])),
      ),
    ),
    gauge(
      'jobs_due',
      'Jobs whose time has come.',
      perType(types, ({ counts }) => counts.due),
    ),
    gauge(
      'jobs_retrying',
      'Jobs that have failed, and wait for their next attempt.',
      perType(types, ({ counts }) => counts.retrying),
    ),
    gauge(
      'jobs_dismissed',
      'Failed jobs that a person has dealt with; state="failed" counts them, too.',
      perType(types, ({ counts }) => counts.dismissed),
    ),
    gauge(
      'queue_latency_seconds',
      'How long the oldest due job has waited; 0 if none is due.',
      perType(types, ({ counts }) => seconds(counts.oldestDue)),
    ),
  ];
}

function hoursOf(types: readonly TypeSnapshot[]): Family[] {
  const percentiles = (times: (type: TypeSnapshot) => { p50: number | undefined; p95: number | undefined }) =>
    types.flatMap((type) => {
      const { p50, p95 } = times(type);
      return (
        [
          [p50, '50'],
          [p95, '95'],
        ] as const
      ).flatMap(([ms, percentile]) =>
        ms === undefined ? [] : [sample(seconds(ms), ['type', type.name], ['percentile', percentile])],
      );
    });
  return [
    gauge(
      'jobs_finished_last_hour',
      'Jobs in the file that ended in the last hour.',
      types.flatMap(({ name, hour }) =>
        (['completed', 'failed'] as const).map((outcome) =>
          sample(hour[outcome], ['type', name], ['outcome', outcome]),
        ),
      ),
    ),
    gauge(
      'job_run_seconds_last_hour',
      'How long jobs ran that ended in the last hour, within 5 %.',
      percentiles(({ hour }) => hour.ran),
    ),
    gauge(
      'job_wait_seconds_last_hour',
      'How long jobs were due before they started, of those that ended in the last hour, within 5 %.',
      percentiles(({ hour }) => hour.waited),
    ),
  ];
}

function queueOf({ snapshot, health, problems, workers, longestRunning }: GaugeFacts): Family[] {
  const now = snapshot.at.getTime();
  const running = longestRunning === undefined ? 0 : Math.max(0, now - longestRunning);
  return [
    gauge('last_tick_timestamp_seconds', 'When a worker last looked, in Unix seconds; 0 if never.', [
      sample(seconds(health.lastTick?.getTime() ?? 0)),
    ]),
    gauge('workers', 'Workers that run jobs at the moment.', [sample(workers)]),
    gauge('longest_running_seconds', 'How long the longest running job has run; 0 if none runs.', [
      sample(seconds(running)),
    ]),
    gauge(
      'paused',
      '1 for each paused type of jobs; type="*" pauses all.',
      health.pauses.map(({ type }) => sample(1, ['type', type])),
    ),
    gauge('unhandled_types', 'Types of due jobs for which the last worker had no handler.', [
      sample(health.unhandled.length),
    ]),
    gauge('file_bytes', 'The size of the file.', [sample(health.bytes)]),
    gauge(
      'problems',
      'What queue check would report, by its code.',
      PROBLEM_CODES.map((code) => sample(problems.filter((one) => one.code === code).length, ['code', code])),
    ),
  ];
}

const seconds = (ms: number): number => Math.round(ms) / 1000;
