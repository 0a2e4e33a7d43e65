/** What takes part, and what it promises. */
export interface Contestant {
  readonly name: string;
  /** Its file in contestants/. */
  readonly module: string;
  /** The server it needs, which is started and stopped with each turn. */
  readonly server?: 'postgres' | 'redis-always' | 'redis-everysec';
  /** How it is used where nothing else is said: one job at a time. */
  readonly settings: object;
  /** Its best reasonable settings for large drains, and for workers beside each other. */
  readonly best?: { readonly settings: object; readonly words: string };
  /** Its settings for the shortest time from enqueue to start, if others. */
  readonly quickest?: object;
  /** How it is set up, in words. */
  readonly setUp: string;
  /** What acknowledged jobs survive: `kill -9` of any process, and power loss. */
  readonly survives: { readonly kill: string; readonly power: string };
  /** When the jobs of a worker that was killed are run again, by its defaults. */
  readonly takenBack: string;
  /** Acknowledged work survives power loss. */
  readonly durable: boolean;
  /** The works that it takes part in. Default: all. */
  readonly only?: readonly string[];
}

const all = 'all';

export const contestants: readonly Contestant[] = [
  {
    name: "tsvq, 'sync'",
    setUp: '`concurrency: 1`, its default',
    module: 'tsvq',
    settings: { durability: 'sync' },
    survives: { kill: all, power: all },
    takenBack: 'at the next look',
    durable: true,
  },
  {
    name: "tsvq, 'os'",
    setUp: 'the same',
    module: 'tsvq',
    settings: { durability: 'os' },
    survives: { kill: all, power: 'all but the last half minute or so' },
    takenBack: 'at the next look',
    durable: false,
  },
  {
    name: 'SQLite by hand, FULL',
    setUp: 'better-sqlite3, WAL; an UPDATE to claim, an UPDATE to complete',
    module: 'sqlite',
    settings: { synchronous: 'FULL' },
    survives: { kill: all, power: all },
    takenBack: 'never: not written',
    durable: true,
    // A hundred thousand take half a minute and say no more than ten thousand.
    only: ['enqueue', 'bulk', 'drain-1000', 'drain-10000', 'contended', 'pickup', 'idle'],
  },
  {
    name: 'SQLite by hand, NORMAL',
    setUp: 'the same',
    module: 'sqlite',
    settings: { synchronous: 'NORMAL' },
    survives: { kill: all, power: 'what the last checkpoint has' },
    takenBack: 'never: not written',
    durable: false,
  },
  {
    name: 'SQLite by hand, FULL, in hundreds',
    setUp: 'the same, 100 claimed at once, and completed at once',
    module: 'sqlite',
    settings: { synchronous: 'FULL', batch: 100 },
    survives: { kill: all, power: all },
    takenBack: 'never: not written',
    durable: true,
    only: ['drain-10000', 'drain-100000', 'contended'],
  },
  {
    name: 'SQLite by hand, NORMAL, in hundreds',
    setUp: 'the same',
    module: 'sqlite',
    settings: { synchronous: 'NORMAL', batch: 100 },
    survives: { kill: all, power: 'what the last checkpoint has' },
    takenBack: 'never: not written',
    durable: false,
    only: ['drain-10000', 'drain-100000', 'contended'],
  },
  {
    name: 'plainjob',
    setUp: 'its defaults (WAL, NORMAL), but it looks every 10 ms instead of every second',
    module: 'plainjob',
    settings: {},
    survives: { kill: all, power: 'what the last checkpoint has' },
    takenBack: 'after 30 min',
    durable: false,
  },
  {
    name: 'BullMQ, always',
    setUp: 'Redis with appendfsync always',
    module: 'bullmq',
    server: 'redis-always',
    settings: {},
    best: { settings: { concurrency: 100 }, words: 'concurrency 100' },
    survives: { kill: all, power: all },
    takenBack: 'after 30 to 60 s',
    durable: true,
  },
  {
    name: 'BullMQ, everysec',
    setUp: 'Redis with appendfsync everysec',
    module: 'bullmq',
    server: 'redis-everysec',
    settings: {},
    best: { settings: { concurrency: 100 }, words: 'concurrency 100' },
    survives: { kill: all, power: 'all but the last second or two' },
    takenBack: 'after 30 to 60 s',
    durable: false,
  },
  {
    name: 'pg-boss',
    setUp: 'PostgreSQL with its defaults: synchronous_commit on; fetch() and complete()',
    module: 'pg-boss',
    server: 'postgres',
    settings: {},
    best: { settings: { batchSize: 500, fetchers: 2 }, words: '500 fetched at once, by 2' },
    quickest: { polled: true, batchSize: 500 },
    survives: { kill: all, power: all },
    takenBack: 'after 15 min',
    durable: true,
  },
  {
    name: 'graphile-worker',
    setUp: 'PostgreSQL with its defaults: synchronous_commit on',
    module: 'graphile-worker',
    server: 'postgres',
    settings: {},
    best: {
      settings: { concurrentJobs: 24, localQueue: 500, completeJobBatchDelay: 0 },
      words: '24 at once, in batches',
    },
    survives: { kill: all, power: all },
    takenBack: 'after 4 h',
    durable: true,
  },
  {
    name: 'whole file (dbbasic-queue)',
    setUp: 'its algorithm told again: no lock, no sync, the file written anew twice a job',
    module: 'whole-file',
    settings: {},
    survives: { kill: 'nothing, if it comes while the file is written', power: 'nothing for certain' },
    takenBack: 'never',
    durable: false,
    // It writes the file twice a job: a thousand jobs are what is bearable. It has no lock: two processes lose jobs.
    only: ['enqueue', 'bulk', 'drain-1000', 'idle'],
  },
];
