import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job, Status } from '../../../lib/job/job.js';
import { eventOf, type JobState } from '../../../lib/job/job-event.js';

/*
 * The table of states in lib/job/job.ts, as events.
 */

const at = (ms: number): Date => new Date(ms);

const state = (status: Status, fields: Partial<JobState> = {}): JobState => ({
  ...{ status, payload: {} as Job['payload'], version: 2, attempts: 1, forgiven: 0, priority: 0 },
  ...{ createdAt: at(1), runAt: at(2), startedAt: at(3), finishedAt: at(4), error: undefined },
  ...{ after: [], dismissed: false },
  ...fields,
});

const pending = state('pending', { attempts: 0 });
const running = state('processing');

const TABLE: [what: string, before: JobState | undefined, after: JobState, event?: string, ms?: number][] = [
  ['enqueue', undefined, { ...pending, version: 1 }, 'added', 1],
  ['enqueue with the key of a running job', undefined, state('waiting', { version: 1 }), 'added', 1],
  ['the job that it waits for has ended', state('waiting'), pending, 'ready'],
  ['enqueue with its key', pending, { ...pending, runAt: at(9) }, 'changed'],
  ['enqueue with its key, for now', pending, { ...pending, runAt: at(1), payload: { n: 2 } }, 'changed'],
  ['enqueue with the key of a waiting job', state('waiting'), state('waiting'), 'changed'],
  ['claim', pending, running, 'started', 3],
  ['handler returned', running, state('completed'), 'completed', 4],
  [
    'handler failed, attempts left',
    running,
    state('pending', { runAt: at(9), error: 'Error: no' }),
    'retrying',
  ],
  [
    'handler failed as before',
    state('processing', { error: 'Error: no' }),
    state('pending', { runAt: at(9), error: 'Error: no' }),
    'retrying',
  ],
  ['handler failed for good', running, state('failed', { error: 'Error: no' }), 'failed', 4],
  ['worker shut down', running, state('pending', { forgiven: 1 }), 'released'],
  ['handler sleeps', running, state('pending', { runAt: at(9), forgiven: 1 }), 'slept'],
  ['worker dead', running, state('pending', { error: 'worker died' }), 'retrying'],
  ['worker dead, no attempt left', running, state('failed', { error: 'worker died' }), 'failed', 4],
  ['cancel', running, state('cancelled'), 'cancelled', 4],
  ['cancel of a waiting job', state('waiting'), state('cancelled'), 'cancelled', 4],
  ['retry', state('failed'), state('pending', { forgiven: 1, runAt: at(8) }), 'retried', 8],
  ['retry of a cancelled job', state('cancelled'), state('pending', { runAt: at(8) }), 'retried', 8],
  ['promote', pending, { ...pending, runAt: at(1) }, 'promoted', 1],
  ['dismiss', state('failed'), state('failed', { dismissed: true }), 'dismissed'],
  ['an edit of a failed job', state('failed'), state('failed'), 'changed'],
  ['an edit of a completed job', state('completed'), state('completed'), 'changed'],
  ['a slot of a schedule', state('recurring'), state('recurring')],
  ['a new schedule', undefined, state('recurring', { version: 1 })],
  ['removal of a schedule', state('recurring'), state('cancelled')],
  ['claim, row before unknown', undefined, running, 'started', 3],
  ['failure, row before unknown', undefined, state('failed'), 'failed', 4],
  ['dismissal, row before unknown', undefined, state('failed', { dismissed: true }), 'dismissed'],
  ['failure, attempts left, row before unknown', undefined, state('pending', { error: 'no' }), 'retrying'],
  ['retry, row before unknown', undefined, state('pending', { forgiven: 1, error: 'no' }), 'retried', 2],
  ['release, row before unknown', undefined, state('pending', { attempts: 2, forgiven: 1 }), 'released'],
  [
    'sleep, row before unknown',
    undefined,
    state('pending', { attempts: 2, forgiven: 1, runAt: at(9) }),
    'slept',
  ],
  ['release of a waiting job, row before unknown', undefined, { ...pending, after: ['a'] }, 'ready'],
  ['replacement, row before unknown', undefined, pending, 'changed'],
];

for (const [what, before, after, event, ms] of TABLE)
  test(`${what}: ${event ?? 'no event'}`, () => {
    const found = eventOf(before, after);
    assert.deepEqual([found?.event, found?.at?.getTime()], [event, ms]);
  });
