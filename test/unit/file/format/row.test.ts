import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seconds } from '../../../../lib/file/format/columns.js';
import { newLayout, parseHeader } from '../../../../lib/file/format/layout.js';
import { splitRows } from '../../../../lib/file/format/row.js';
import { StoredJob } from '../../../../lib/file/format/stored-job.js';
import { COLUMN_NAMES, jobId, jobOf, line } from '../../../support/queue-file.js';

const layout = newLayout();
const job = {
  type: 'email',
  payload: '{"to":"ann"}',
  createdAt: 1_700_000_000_123,
  runAt: 1_700_000_060_000,
  priority: -2.5,
  maxAttempts: 5,
  timeout: 1500,
};

test('a new job is one row', () => {
  assert.equal(
    StoredJob.first(jobId(1), job, layout).line,
    `${jobId(1)}\temail\t{"to":"ann"}\tpending\t1700000000.123\t1700000060\t0\t\t\t-2.5\t5\t0\t1.5\t\t\t\t\t\t\t\t\t\t\t1\n`,
  );
});

test('the fields of a row come back as a job', () => {
  assert.deepEqual(StoredJob.first(jobId(1), job, layout).toJob(), {
    id: jobId(1),
    type: 'email',
    payload: { to: 'ann' },
    status: 'pending',
    createdAt: new Date(1_700_000_000_123),
    runAt: new Date(1_700_000_060_000),
    attempts: 0,
    forgiven: 0,
    interruptions: 0,
    maxAttempts: 5,
    timeout: 1500,
    priority: -2.5,
    group: undefined,
    dedupeKey: undefined,
    after: [],
    schedule: undefined,
    dismissed: false,
    meta: {},
    error: undefined,
    result: undefined,
    progress: undefined,
    lockedBy: undefined,
    startedAt: undefined,
    finishedAt: undefined,
  });
});

test('the next row is the same job, changed, one version on; the old one stays as it was', () => {
  const first = StoredJob.first(jobId(1), job, layout);
  const before = [...first.row];
  const claimed = first.next({ status: 'processing', attempts: 1, lockedBy: 'me', startedAt: 5000 });
  assert.equal(claimed.version, 2);
  const failed = claimed.next({ status: 'failed', error: 'a\tb\\\n', lockedBy: '', finishedAt: 6001 });
  assert.deepEqual(first.row, before);
  const { status, attempts, lockedBy, startedAt, finishedAt, error, payload } = failed.toJob();
  assert.deepEqual(
    { status, attempts, lockedBy, startedAt, finishedAt, error, payload },
    {
      status: 'failed',
      attempts: 1,
      lockedBy: undefined,
      startedAt: new Date(5000),
      finishedAt: new Date(6001),
      error: 'a\tb\\\n',
      payload: { to: 'ann' },
    },
  );
  const retried = failed.next({ status: 'pending', finishedAt: undefined, startedAt: undefined }).toJob();
  assert.equal(retried.finishedAt, undefined);
  assert.equal(retried.startedAt, undefined);
  assert.equal(retried.error, 'a\tb\\\n');
});

test('times are seconds, to the millisecond, without needless digits', () => {
  assert.equal(seconds(0), '0');
  assert.equal(seconds(1500), '1.5');
  assert.equal(seconds(1_700_000_000_000), '1700000000');
  assert.equal(seconds(1_700_000_000_001.7), '1700000000.002');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e14 - 1 }), (ms) => {
      assert.match(seconds(ms), /^\d+(\.\d{1,3})?$/);
      assert.equal(Math.round(Number(seconds(ms)) * 1000), ms);
    }),
  );
});

test('rows are split at tabs and line ends alone', () => {
  const payload = JSON.stringify({ a: '"', b: "'", c: ',;|#', d: '  ', e: '""unbalanced' });
  const rows = splitRows(line({ payload }) + line({ id: jobId(2), error: '"' }));
  assert.equal(rows.length, 2);
  assert.equal(rows[0]?.[layout.at.payload], payload);
  assert.equal(rows[1]?.[layout.at.error], '"');
});

test('a row comes back from its text, whatever its payload, error and result', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.string({ unit: 'binary' }), (payload, result, error) => {
      const fresh = StoredJob.first(jobId(1), { ...job, payload: JSON.stringify(payload) }, layout);
      const row = fresh.next({ status: 'failed', error, result: JSON.stringify(result) });
      const again = jobOf(Buffer.from(row.line).toString()).toJob();
      assert.deepEqual(again, row.toJob());
      assert.deepEqual(again.payload, JSON.parse(JSON.stringify(payload)));
      assert.deepEqual(again.result, JSON.parse(JSON.stringify(result)));
    }),
  );
});

test('falsy results are results, and null is not undefined', () => {
  for (const [field, result] of [
    ['0', 0],
    ['false', false],
    ['""', ''],
    ['[]', []],
    ['null', null],
    ['', undefined],
  ] as const) {
    assert.deepEqual(jobOf(line({ result: field })).toJob().result, result);
  }
});

test('fields that a person broke do not break the rest', () => {
  const job = jobOf(
    line({ payload: 'not json', attempts: 'x', run_at: 'soon', timeout: '', result: '{', priority: '' }),
  );
  const { payload, attempts, runAt, timeout, result, priority, type } = job.toJob();
  assert.deepEqual(
    { payload, attempts, runAt, timeout, result, priority, type },
    {
      payload: 'not json',
      attempts: 0,
      runAt: new Date(0),
      timeout: undefined,
      result: '{',
      priority: 0,
      type: 'email',
    },
  );
});

test('every change keeps an unknown column', () => {
  const wide = parseHeader(COLUMN_NAMES.replace('version', 'customer\tversion'), 'q.tsv');
  const next = jobOf(line({ id: jobId(1) }).replace(/\t1\n$/, '\tann\t1\n'), wide).next({
    status: 'cancelled',
  });
  assert.equal(next.row[wide.names.indexOf('customer')], 'ann');
  assert.equal(next.row.at(-1), '2');
});
