import type { Unit } from '../figure.js';
import { median, quantile } from '../statistics.js';
import { crowd } from './crowd.js';
import type { Turn } from './turn.js';

/** A figure that a work gives for each contestant. The first of a work is the one that is drawn. */
interface Column {
  readonly name: string;
  readonly unit: Unit;
  readonly better: 'more' | 'less';
}

/** The same work for all. */
export interface Work {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly runs: { readonly quick: number; readonly full: number };
  /** Which of a contestant's settings it takes. Default: the plain ones. */
  readonly at?: 'best' | 'quickest';
  /** One value for each column. @throws if the work was not done */
  measure(turn: Turn, quick: boolean): Promise<number[]>;
}

const count = (n: number): string => n.toLocaleString('en-US');
const JOBS = { enqueue: 1_000, bulk: 10_000 };

const enqueue: Work = {
  name: 'enqueue',
  title: 'One awaited enqueue after another',
  columns: [
    { name: 'median', unit: 'µs', better: 'less' },
    { name: 'p99', unit: 'µs', better: 'less' },
  ],
  runs: { quick: 2, full: 5 },
  async measure(turn, quick) {
    await turn.fill(0);
    const jobs = quick ? 300 : JOBS.enqueue;
    const { times, enqueued } = await turn.run<{ times: number[]; enqueued: number }>('enqueue', { jobs });
    await turn.check({ waiting: enqueued, done: 0 });
    return [median(times), quantile(times, 0.99)];
  },
};

const bulk: Work = {
  name: 'bulk',
  title: `${count(JOBS.bulk)} jobs in one call`,
  columns: [{ name: 'rate', unit: 'jobs/s', better: 'more' }],
  runs: { quick: 2, full: 5 },
  async measure(turn) {
    await turn.fill(0);
    const { ms } = await turn.run<{ ms: number }>('bulk', { jobs: JOBS.bulk });
    await turn.check({ waiting: JOBS.bulk, done: 0 });
    return [(JOBS.bulk / ms) * 1000];
  },
};

const drain = (jobs: number, how: Pick<Work, 'title' | 'runs' | 'at'>): Work => ({
  name: `drain-${jobs}`,
  ...how,
  columns: [
    { name: 'rate', unit: 'jobs/s', better: 'more' },
    { name: 'peak memory of the worker', unit: 'MB', better: 'less' },
  ],
  async measure(turn) {
    await turn.fill(jobs);
    const { ms, peakMb } = await turn.run<{ ms: number; peakMb: number }>('drain', { jobs });
    await turn.check({ waiting: 0, done: jobs });
    return [(jobs / ms) * 1000, peakMb];
  },
});

const contended: Work = {
  name: 'contended',
  title: '16 processes enqueue while 4 workers run the jobs',
  columns: [
    { name: 'rate until all are done', unit: 'jobs/s', better: 'more' },
    { name: 'an enqueue, median', unit: 'ms', better: 'less' },
    { name: 'an enqueue, p99', unit: 'ms', better: 'less' },
  ],
  runs: { quick: 1, full: 3 },
  at: 'best',
  async measure(turn, quick) {
    const [producers, jobs] = [16, quick ? 50 : 125];
    await turn.fill(0);
    const { begin, end, took } = await crowd(turn, { producers, jobs, workers: 4 });
    await turn.check({ waiting: 0, done: producers * jobs });
    return [(producers * jobs) / ((end - begin) / 1e9), median(took) / 1000, quantile(took, 0.99) / 1000];
  },
};

const pickup: Work = {
  name: 'pickup',
  title: 'From enqueue in one process to the start of the handler in another',
  columns: [
    { name: 'median', unit: 'ms', better: 'less' },
    { name: 'p99', unit: 'ms', better: 'less' },
  ],
  runs: { quick: 1, full: 2 },
  at: 'quickest',
  async measure(turn, quick) {
    const jobs = quick ? 40 : 150;
    await turn.fill(0);
    const { delays } = await crowd(turn, { producers: 1, jobs, workers: 1, gapMs: 20 });
    await turn.check({ waiting: 0, done: jobs });
    return [median(delays), quantile(delays, 0.99)];
  },
};

const idle: Work = {
  name: 'idle',
  title: 'A worker starts, finds nothing and ends',
  columns: [{ name: 'time', unit: 'ms', better: 'less' }],
  runs: { quick: 1, full: 2 },
  async measure(turn, quick) {
    await turn.fill(0);
    const times: number[] = [];
    for (let i = 0; i < (quick ? 3 : 7); i++) {
      const start = performance.now();
      await turn.run('idle');
      times.push(performance.now() - start);
    }
    return [median(times)];
  },
};

export const works: readonly Work[] = [
  enqueue,
  bulk,
  drain(1_000, {
    title: 'Drain of 1,000 jobs that do nothing, one after another',
    runs: { quick: 1, full: 3 },
  }),
  drain(10_000, {
    title: 'Drain of 10,000 jobs that do nothing, each at its best',
    runs: { quick: 1, full: 3 },
    at: 'best',
  }),
  drain(100_000, {
    title: 'Drain of 100,000 jobs that do nothing, each at its best',
    runs: { quick: 1, full: 2 },
    at: 'best',
  }),
  contended,
  pickup,
  idle,
];
