/*
 * The judge of the torture is judged: by a history in which all is well, and by the same history with one thing wrong.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { followUpId } from '../../lib/file/format/derived-id.js';
import { check, type Verdict } from '../../scripts/torture/check.js';
import { type FinalState, type Row, readFinalState } from '../../scripts/torture/final-state.js';
import { type Entry, readJournal } from '../../scripts/torture/journal.js';
import { temporaryFolder } from '../support/folders.js';
import { HEADER, jobId, line } from '../support/queue-file.js';

const [done, parent, cancelled, retried, flaky, parked] = [1, 2, 3, 4, 5, 6].map(jobId) as [
  string,
  ...string[],
] &
  string[];
const children = [0, 1].map((child) => followUpId(parent as string, 1, child));

interface Case {
  producer: Entry[];
  worker: Entry[];
  meddler: Entry[];
  person: Entry[];
  jobs: Map<string, Row>;
  state: { ids: string[]; notes: string[]; strange: string[] };
}

/** A life in which everything went right. */
function allIsWell(): Case {
  const row = (status: string, attempts: number, tag: string, more: object = {}): Row => ({
    type: 'work',
    status,
    attempts: String(attempts),
    payload: JSON.stringify({ tag }),
    result: status === 'completed' ? `{"attempt":${attempts}}` : '',
    ...more,
  });
  const ran = (id: string, attempt: number, event: string, t: number): Entry[] => [
    { t, e: 'start', id, attempt },
    ...(event === 'completed' ? [{ t: t + 1, e: 'end', id, attempt } as const] : []),
    { t: t + 2, e: 'recorded', event, id, attempt },
  ];
  const added = (tag: string, id: string, t: number): Entry[] => [
    { t, e: 'ask', op: 'add', tags: [tag] },
    { t: t + 1, e: 'told', op: 'add', tags: [tag], ids: [id] },
  ];
  const ids = [done, parent, cancelled, retried, flaky] as string[];
  return {
    producer: [{ t: 0, e: 'up' }, ...ids.flatMap((id, n) => added(`tag ${n + 1}`, id, 10 * n + 1))],
    worker: [
      { t: 0, e: 'up' },
      ...ran(done, 1, 'completed', 100),
      ...ran(parent as string, 1, 'completed', 110),
      ...children.flatMap((id) => ran(id, 1, 'completed', 120)),
      ...ran(retried as string, 1, 'failed', 130),
      ...ran(flaky as string, 1, 'retried', 140),
      ...ran(flaky as string, 2, 'failed', 150),
      // Killed, and up again.
      { t: 300, e: 'up' },
      ...ran(retried as string, 2, 'completed', 310),
    ],
    meddler: [
      { t: 0, e: 'up' },
      { t: 60, e: 'ask', op: 'cancel', id: cancelled as string },
      { t: 61, e: 'told', op: 'cancel', id: cancelled as string, done: true },
      { t: 200, e: 'seen', id: retried as string, status: 'failed', attempt: 1 },
      { t: 201, e: 'ask', op: 'retry', id: retried as string, attempt: 1 },
      { t: 202, e: 'told', op: 'retry', id: retried as string, attempt: 1, done: true },
      { t: 203, e: 'seen', id: flaky as string, status: 'failed', attempt: 2 },
    ],
    person: [
      { t: 10, e: 'ask', op: 'edit', id: parked as string, mark: 1 },
      { t: 20, e: 'told', op: 'edit', id: parked as string, mark: 1, done: true },
      { t: 30, e: 'ask', op: 'edit', id: parked as string, mark: 2 },
    ],
    jobs: new Map([
      [done, row('completed', 1, 'tag 1')],
      [parent as string, row('completed', 1, 'tag 2', { type: 'parent' })],
      [cancelled as string, row('cancelled', 0, 'tag 3')],
      [retried as string, row('completed', 2, 'tag 4')],
      [flaky as string, row('failed', 2, 'tag 5')],
      ...children.map((id, n): [string, Row] => [id, row('completed', 1, `${parent}:1:${n + 1}`)]),
      [parked as string, row('cancelled', 0, '', { type: 'parked', payload: '{"mark":1}' })],
    ]),
    state: { ids, notes: ['# note 1'], strange: [] },
  };
}

function judge({ producer, worker, meddler, person, jobs, state }: Case): Verdict {
  return check({ journals: [producer, worker, meddler, person], parked: new Map([[parked as string, 0]]) }, {
    jobs,
    schedules: new Map(),
    ...state,
  } satisfies FinalState);
}

test('the check says so if all is well', () => {
  assert.deepEqual(judge(allIsWell()).violations, []);
  assert.deepEqual(judge(allIsWell()).counts, { jobs: 8, operations: 17, acknowledged: 8, attempts: 8 });
});

const change = (one: Case, id: string | undefined, fields: object): void =>
  void one.jobs.set(id as string, { ...one.jobs.get(id as string), ...fields });

const wrongs: [what: string, spoil: (one: Case) => void, verdict: RegExp][] = [
  ['a lost job', ({ jobs }) => jobs.delete(done), /acknowledged and is gone/],
  [
    'another job under its id',
    (one) => change(one, done, { payload: '{"tag":"x"}' }),
    /not what was enqueued/,
  ],
  ['a doubled job', ({ jobs }) => jobs.set(jobId(9), jobs.get(done) as Row), /tag 1 is two jobs/],
  [
    'a job that was never enqueued',
    ({ jobs }) => jobs.set(jobId(9), { ...jobs.get(done), payload: '{"tag":"x"}' } as Row),
    /no process enqueued/,
  ],
  ['a lost follow-up', ({ jobs }) => jobs.delete(children[0] as string), /follow-up .* is missing/],
  [
    'a follow-up of an attempt that did not count',
    (one) => change(one, children[0], { payload: `{"tag":"${parent}:7:1"}` }),
    /no process enqueued/,
  ],
  [
    'an attempt that ran twice',
    ({ worker }) => worker.push({ t: 400, e: 'start', id: done, attempt: 1 }),
    /attempt 1 .* ran twice/,
  ],
  [
    'an attempt that is not counted',
    ({ worker }) => worker.push({ t: 400, e: 'start', id: done, attempt: 2 }),
    /ran attempt 2, and has had 1/,
  ],
  ['a job that never ends', (one) => change(one, done, { status: 'pending' }), /is still pending/],
  [
    'a cancel that was undone',
    (one) => change(one, cancelled, { status: 'completed' }),
    /was cancelled and is/,
  ],
  [
    'a result that was undone',
    (one) => change(one, done, { status: 'failed' }),
    /was completed and is failed/,
  ],
  ['a failure that was undone', (one) => change(one, flaky, { status: 'cancelled' }), /was failed and is/],
  [
    'a job that failed again',
    (one) => change(one, flaky, { attempts: '3' }),
    /was failed by attempt 2 and counts 3/,
  ],
  ['a lost retry', (one) => change(one, retried, { status: 'failed', attempts: '1' }), /retry .* was lost/],
  [
    'a result of another attempt',
    (one) => change(one, retried, { result: '{"attempt":1}' }),
    /another attempt/,
  ],
  [
    'a result that no attempt returned',
    (one) => {
      one.worker = one.worker.filter((entry) => entry.e !== 'end' || entry.id !== done);
    },
    /its handler never ended/,
  ],
  ['a lost edit', (one) => change(one, parked, { payload: '{"mark":0}' }), /edit 1 .* is lost/],
  [
    'an edit that no process made',
    (one) => change(one, parked, { payload: '{"mark":3}' }),
    /edit 1 .* it has 3/,
  ],
  ['a lost note', ({ state }) => state.notes.pop(), /note 1 is there 0 times/],
  ['a doubled note', ({ state }) => state.notes.push('# note 1'), /note 1 is there 2 times/],
  ['a row that is not crossed out', ({ state }) => state.ids.push(done), /2 rows of job .* not crossed out/],
  [
    'a line that no process wrote',
    ({ state }) => state.strange.push('garbage'),
    /a line that no process wrote: garbage/,
  ],
  [
    'a call that failed',
    ({ meddler }) =>
      meddler.push(
        { t: 400, e: 'ask', op: 'compact' },
        { t: 401, e: 'refused', op: 'compact', code: 'WRITE_FAILED', message: 'EIO' },
      ),
    /compact was refused: WRITE_FAILED/,
  ],
  [
    'a worker that failed',
    ({ worker }) => worker.push({ t: 400, e: 'refused', op: 'work', code: 'WRITE_FAILED', message: '' }),
    /a worker failed/,
  ],
  [
    'a warning',
    ({ worker }) => worker.push({ t: 400, e: 'warning', message: 'odd' }),
    /a worker warned: odd/,
  ],
];

for (const [what, spoil, verdict] of wrongs)
  test(`the check finds ${what}`, () => {
    const one = allIsWell();
    spoil(one);
    const { violations } = judge(one);
    assert.ok(
      violations.some((text) => verdict.test(text)),
      violations.join('\n'),
    );
  });

/** Two jobs of one key: the second waited for the first, and was replaced once. */
function withKeys(): Case {
  const one = allIsWell();
  const [first, second] = [jobId(11), jobId(12)] as [string, string];
  const keyed = (tag: string): Row => ({
    type: 'keyed',
    status: 'completed',
    attempts: '1',
    payload: JSON.stringify({ tag }),
    result: '{"attempt":1}',
    dedupe_key: 'key 0',
  });
  const added = (tag: string, id: string, outcome: string, t: number): Entry[] => [
    { t, e: 'ask', op: 'add keyed', tags: [tag], key: 'key 0' },
    { t: t + 1, e: 'told', op: 'add keyed', tags: [tag], key: 'key 0', ids: [id], outcome },
  ];
  const ran = (id: string, tag: string, t: number): Entry[] => [
    { t, e: 'start', id, attempt: 1, tag },
    { t: t + 5, e: 'end', id, attempt: 1, tag },
    { t: t + 6, e: 'recorded', event: 'completed', id, attempt: 1 },
  ];
  one.producer.push(
    ...added('k1', first, 'added', 500),
    ...added('k2', second, 'added', 504),
    ...added('k3', second, 'replaced', 506),
    ...added('k4', second, 'existing', 508),
  );
  one.worker.push(...ran(first, 'k1', 503), ...ran(second, 'k3', 520));
  one.jobs.set(first, keyed('k1')).set(second, keyed('k3'));
  return one;
}

const wrongKeys: [what: string, spoil: (one: Case) => void, verdict: RegExp][] = [
  ['a lost job with a key', ({ jobs }) => jobs.delete(jobId(12)), /was existing and is gone/],
  [
    'a payload that was replaced, and is back',
    (one) => change(one, jobId(12), { payload: '{"tag":"k2"}' }),
    /was replaced with k3, and has the payload k2/,
  ],
  [
    'a payload that never ran',
    ({ worker }) => {
      const start = worker.findIndex((entry) => 'tag' in entry && entry.tag === 'k3');
      worker[start] = { t: 520, e: 'start', id: jobId(12), attempt: 1, tag: 'k2' };
    },
    /completed with k2, and has the payload k3/,
  ],
  [
    'two of one key that ran at once',
    ({ worker }) => {
      const start = worker.findIndex((entry) => 'tag' in entry && entry.tag === 'k3');
      worker[start] = { t: 507, e: 'start', id: jobId(12), attempt: 1, tag: 'k3' };
    },
    /of key 0 ran at once/,
  ],
  ['a job that waits for ever', (one) => change(one, jobId(12), { status: 'waiting' }), /is still waiting/],
];

test('the check says so if all is well with keys', () => {
  assert.deepEqual(judge(withKeys()).violations, []);
});

for (const [what, spoil, verdict] of wrongKeys)
  test(`the check finds ${what}`, () => {
    const one = withKeys();
    spoil(one);
    assert.match(judge(one).violations.join('\n'), verdict);
  });

test('a call that was not acknowledged may have happened or not', () => {
  const one = allIsWell();
  one.producer.push({ t: 90, e: 'ask', op: 'add', tags: ['tag 6'] });
  assert.deepEqual(judge(one).violations, []);
  one.jobs.set(jobId(9), {
    ...one.jobs.get(flaky as string),
    attempts: '0',
    payload: '{"tag":"tag 6"}',
  } as Row);
  assert.deepEqual(judge(one).violations, []);
  change(one, parked, { payload: '{"mark":2}' });
  one.state.notes.push('# note 2');
  assert.deepEqual(judge(one).violations, []);
  // Somebody was quicker than the worker, which was told of its own row after that had been retried.
  one.worker = one.worker.map((entry) =>
    entry.e === 'recorded' && entry.id === retried && entry.attempt === 1 ? { ...entry, t: 205 } : entry,
  );
  assert.deepEqual(judge(one).violations, []);
  // A retry that was killed excuses a final state that was left, one that came before it does not.
  change(one, flaky, { status: 'cancelled' });
  one.meddler.push({ t: 500, e: 'ask', op: 'retry', id: flaky as string, attempt: 2 });
  assert.deepEqual(judge(one).violations, []);
  one.meddler.splice(-1, 1);
  one.meddler.splice(1, 0, { t: 1, e: 'ask', op: 'retry', id: flaky as string, attempt: 2 });
  one.meddler.splice(2, 0, { t: 2, e: 'up' });
  assert.match(judge(one).violations.join(), /was failed and is cancelled/);
});

test('journals and files are read as they are left: cut lines, superseded rows, marks', (t) => {
  const folder = temporaryFolder(t);
  const journal = join(folder, 'journal.jsonl');
  writeFileSync(journal, '\n{"t":1,"e":"up"}\n\n{"t":2,"e":"st\n{"t":3,"e":"up"}\n\n{"t":4,"e"');
  assert.deepEqual(readJournal(journal), [
    { t: 1, e: 'up' },
    { t: 3, e: 'up' },
  ]);
  const file = join(folder, 'queue.tsv');
  const old = line({ id: done });
  writeFileSync(
    file,
    [
      `${HEADER}\n`,
      `#${old.slice(1).replace('pending', '-------')}`,
      line({ id: done, version: 3, status: 'failed' }),
      line({ id: done, version: 2 }),
      '# note 1\n',
      '# open jobs begin here\n',
      '#fragment\t#torn\n',
      'garbage\n',
      line({ id: parent as string }).slice(0, -1),
    ].join(''),
  );
  const state = readFinalState(file);
  assert.deepEqual(
    [...state.jobs].map(([id, { status }]) => [id, status]),
    [[done, 'failed']],
  );
  assert.deepEqual([state.ids, state.notes, state.strange], [[done, done], ['# note 1'], ['garbage']]);
});
