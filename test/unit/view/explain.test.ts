import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Health } from '../../../lib/job/health.js';
import type { Job } from '../../../lib/job/job.js';
import { context } from '../../../lib/testing.js';
import { explain, type Surroundings } from '../../../lib/view/explain.js';

/*
 * Why a job is where it is: a sentence for each state, and for each rule that can hold a job back.
 */

const NOW = Date.UTC(2030, 0, 1);
const at = (seconds: number): Date => new Date(NOW + seconds * 1000);

const HEALTH: Health = {
  ...{ file: '/srv/queue.tsv', bytes: 0, lastTick: at(-5), unhandled: [], crowdedOutAt: undefined },
  ...{
    shortOfRoom: undefined,
    limitedTypes: [],
    pauses: [],
    obstacle: undefined,
    unreadable: 0,
    held: 0,
    ahead: 0,
  },
  ...{ orphaned: 0, others: [] },
};

const AROUND: Surroundings = {
  ...{ now: NOW, health: HEALTH, ahead: 0, runningOfType: 0, rateUntil: undefined, isHeld: false },
  ...{ isWorkerAlive: undefined, overdueAt: undefined, parents: [] },
};

const ID = '0000000000000001';
const jobOf = (fields: Partial<Job>): Job =>
  ({
    ...context({ job: { id: ID, type: 'email', status: 'pending', attempts: 0, lockedBy: undefined } }).job,
    ...{ createdAt: at(-60), runAt: at(-60), startedAt: undefined },
    ...fields,
  }) as Job;

const withHealth = (health: Partial<Health>): Partial<Surroundings> => ({ health: { ...HEALTH, ...health } });
const pause = { type: 'email', since: at(-600), until: undefined, by: 'ann' };

const CASES: [
  what: string,
  job: Partial<Job>,
  around: Partial<Surroundings>,
  why: RegExp,
  next: RegExp,
  first: string,
][] = [
  [
    'held',
    {},
    { isHeld: true },
    /another line .* can't be read/,
    /until a person has repaired/,
    'queue doctor',
  ],
  [
    'delayed',
    { runAt: at(600) },
    {},
    /added to start later/,
    /due at 2030-01-01T00:10:00Z, in 10m/,
    `queue promote ${ID}`,
  ],
  [
    'of a schedule',
    { runAt: at(60), schedule: { name: 'nightly', slot: at(60) } },
    {},
    /schedule nightly/,
    /in 1m/,
    `queue promote ${ID}`,
  ],
  [
    'retried',
    { runAt: at(60), attempts: 2, error: 'no\nat x' },
    {},
    /failed 2 times, the last time with: no\./,
    /next attempt is at .*, in 1m/,
    `queue promote ${ID}`,
  ],
  [
    'obstacle',
    {},
    withHealth({ obstacle: 'a newer version wrote the file' }),
    /newer version/,
    /mended/,
    'queue doctor',
  ],
  [
    'paused type',
    {},
    withHealth({ pauses: [pause] }),
    /type email are paused since .*, by ann/,
    /a person ends/,
    'queue resume email',
  ],
  [
    'paused until',
    {},
    withHealth({ pauses: [{ ...pause, type: '*', until: at(60) }] }),
    /All jobs are paused/,
    /ends at 2030-01-01T00:01:00Z/,
    'queue resume',
  ],
  [
    'never a worker',
    {},
    withHealth({ lastTick: undefined }),
    /No worker has looked at the queue yet/,
    /cron/,
    'queue cron print',
  ],
  [
    'no worker now',
    {},
    withHealth({ lastTick: at(-600) }),
    /No worker has looked .* since/,
    /cron/,
    'queue cron print',
  ],
  [
    'short of room',
    {},
    withHealth({ shortOfRoom: { at: at(-5), free: 1, minFree: 2 } }),
    /less room than minFree/,
    /room/,
    'df -h',
  ],
  [
    'no handler',
    {},
    withHealth({ unhandled: ['email'] }),
    /no handler for jobs of type email/,
    /has one/,
    'queue stats',
  ],
  [
    'rate',
    {},
    { rateUntil: at(7) },
    /type email have used up their rate/,
    /00:00:07Z at the latest/,
    'queue stats',
  ],
  [
    'rate of a group',
    { group: 'acme' },
    { rateUntil: at(7) },
    /in group acme/,
    /at the latest/,
    'queue stats',
  ],
  [
    'no place',
    {},
    withHealth({ crowdedOutAt: at(-5) }),
    /maxWorkers/,
    /one of them is free/,
    'queue list --status processing',
  ],
  [
    'others of its type',
    {},
    { runningOfType: 4 },
    /4 jobs of its type run/,
    /has ended/,
    'queue list --status processing --type email',
  ],
  [
    'in line',
    {},
    { ahead: 12 },
    /due since .*12 due jobs come before it/,
    /in a minute/,
    'queue list --status processing',
  ],
  [
    'runs',
    { status: 'processing', attempts: 2, startedAt: at(-90), lockedBy: 'a.b.c.17' },
    { isWorkerAlive: true, overdueAt: NOW + 60_000 },
    /attempt 2 runs for 1m in the worker a\.b\.c\.17, which lives/,
    /goes silent, another takes the job back at 2030-01-01T00:01:00Z/,
    `queue cancel ${ID}`,
  ],
  [
    'runs elsewhere',
    { status: 'processing', attempts: 1, startedAt: at(-9), lockedBy: 'x' },
    {},
    /can't be judged from here/,
    /handler does/,
    `queue cancel ${ID}`,
  ],
  [
    'worker dead',
    { status: 'processing', attempts: 1, startedAt: at(-9), lockedBy: 'x' },
    { isWorkerAlive: false },
    /which is dead/,
    /takes the job back within seconds/,
    'queue check',
  ],
  [
    'waits for others',
    { status: 'waiting' },
    { parents: ['aa (email): processing'] },
    /waits for aa \(email\): processing/,
    /as soon as they have ended/,
    `queue cancel ${ID}`,
  ],
  [
    'waits for none',
    { status: 'waiting' },
    {},
    /other jobs, which are over/,
    /queue compact/,
    `queue cancel ${ID}`,
  ],
  [
    'a schedule',
    { status: 'recurring', runAt: at(60) },
    {},
    /a schedule/,
    /next slot is at/,
    'queue schedule list',
  ],
  [
    'completed',
    { status: 'completed', attempts: 2, finishedAt: at(-9) },
    {},
    /completed at .*, in attempt 2/,
    /Nothing happens/,
    `queue show ${ID}`,
  ],
  [
    'cancelled',
    { status: 'cancelled', finishedAt: at(-9) },
    {},
    /was cancelled at/,
    /unless a person retries/,
    `queue retry ${ID}`,
  ],
  [
    'failed',
    { status: 'failed', attempts: 3, error: 'gone 12', finishedAt: at(-9) },
    {},
    /after 3 attempts, the last time with: gone 12/,
    /unless a person retries/,
    `queue show ${ID}`,
  ],
  [
    'dismissed',
    { status: 'failed', attempts: 1, finishedAt: at(-9), dismissed: true },
    {},
    /after 1 attempt\./,
    /a person has dismissed it/,
    `queue show ${ID}`,
  ],
];

for (const [what, job, around, why, next, first] of CASES)
  test(`explains a job: ${what}`, () => {
    const explanation = explain(jobOf(job), { ...AROUND, ...around });
    assert.match(explanation.why, why);
    assert.match(explanation.next, next);
    assert.equal(explanation.commands[0], first);
    for (const sentence of [explanation.why, explanation.next]) assert.match(sentence, /^[A-Z].*\.$/s);
  });

test('a failed job can be retried with all that failed like it', () => {
  const { commands } = explain(
    jobOf({ status: 'failed', error: 'no such user 12', finishedAt: at(-9) }),
    AROUND,
  );
  assert.match(commands.join('; '), /queue retry --error [0-9a-f]{10}; queue dismiss/);
});
