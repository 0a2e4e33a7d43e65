import assert from 'node:assert/strict';
import { rmSync, utimesSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { archiveFiles } from '../../../lib/file/compaction/archive.js';
import type { ArchivedEnd } from '../../../lib/job/row-source.js';
import { Board } from '../../../lib/view/board.js';
import { countEnds } from '../../../lib/view/metrics/count-ends.js';
import { Counters } from '../../../lib/view/metrics/counters.js';
import { exposition, type ReadSample, samplesIn } from '../../../lib/view/metrics/exposition.js';
import { LiveCounters } from '../../../lib/view/metrics/live-counters.js';
import { View } from '../../../lib/view/view.js';
import { openTest, type TestOptions } from '../../support/queues.js';
import { deferred } from '../../support/waiting.js';

/** A queue, and a file of metrics that each call of `cut` writes again. */
function counted(t: TestContext, options: TestOptions = {}) {
  const opened = openTest(t, options);
  let text = '';
  const cut = async (): Promise<ReadSample[]> => {
    const { queue, store, clock, file } = opened;
    // Their times are those of the disk, which knows nothing of the clock.
    for (const path of archiveFiles(store.fs, file)) utimesSync(path, clock.now() / 1000, clock.now() / 1000);
    const view = new View(queue);
    await view.snapshot(clock.now());
    const counters = new Counters(samplesIn(text), clock.now());
    await countEnds(counters, view);
    view.close();
    text = exposition(counters.families(), false);
    return samplesIn(text);
  };
  const lose = (): void => {
    text = '';
  };
  return { ...opened, cut, lose };
}

/** The value of a series. */
const valueIn = (samples: readonly ReadSample[], name: string, labels: Record<string, string> = {}): number =>
  samples.find((one) => one.name === name && Object.entries(labels).every(([k, v]) => one.labels[k] === v))
    ?.value ?? Number.NaN;

const finished = (samples: readonly ReadSample[], type: string, outcome: string): number =>
  valueIn(samples, 'tsvq_jobs_finished_total', { type, outcome });

const handlers = {
  good: () => {},
  bad: () => Promise.reject(new Error('no')),
};

test('counters begin at 0, and count an end once it was five seconds ago', async (t) => {
  const { queue, clock, cut } = counted(t);
  await queue.enqueueMany([{ type: 'good' }, { type: 'good' }]);
  await queue.processJobs(handlers);
  clock.advance(60_000);
  let samples = await cut();
  assert.equal(finished(samples, 'good', 'completed'), 0, 'they ended before the first count');
  assert.equal(valueIn(samples, 'tsvq_counted_until_timestamp_seconds'), clock.now() / 1000 - 5);
  await queue.enqueue('good');
  await queue.processJobs(handlers);
  clock.advance(4_999);
  samples = await cut();
  assert.equal(finished(samples, 'good', 'completed'), 0);
  clock.advance(1);
  samples = await cut();
  assert.equal(finished(samples, 'good', 'completed'), 1);
  assert.equal(finished(await cut(), 'good', 'completed'), 1);
  assert.equal(valueIn(samples, 'tsvq_job_duration_seconds_count', { type: 'good' }), 1);
});

test('fifty counts with compactions, archived jobs, retries and a lost queue: each end counts once', async (t) => {
  // No finished job stays in the file for longer than the time between two counts.
  const { queue, clock, cut, file } = counted(t, { retention: 20_000, durability: 'os' });
  const expected = { good: 0, bad: 0, cancelled: 0 };
  let allRetried = 0;
  let before = await cut();
  for (let round = 0; round < 50; round++) {
    const good = 1 + ((round * 7) % 5);
    const bad = (round * 3) % 4;
    await queue.enqueueMany([
      ...Array.from({ length: good }, () => ({ type: 'good' })),
      ...Array.from({ length: bad }, () => ({ type: 'bad' })),
    ]);
    if (round % 6 === 1) {
      await queue.cancelJob(await queue.enqueue('good', null, { delay: '1h' }));
      expected.cancelled++;
    }
    // Retries those that were counted already; each fails again.
    const failed = await queue.listJobs({ status: 'failed' });
    if (round % 3 === 0) for (const { id } of failed) await queue.retryJob(id);
    const retried = round % 3 === 0 ? failed.length : 0;
    const summary = await queue.processJobs(handlers, { maxAttempts: 1 });
    assert.deepEqual([summary.completed, summary.failed], [good, bad + retried]);
    allRetried += retried;
    expected.good += good;
    expected.bad += bad + retried;
    clock.advance(25_000);
    if (round % 2 === 0) await queue.compact();
    if (round === 40) {
      await cut();
      rmSync(file);
    }
    clock.advance(35_000);
    const samples = await cut();
    assert.equal(finished(samples, 'good', 'completed'), expected.good, `round ${round}`);
    if (expected.bad > 0) assert.equal(finished(samples, 'bad', 'failed'), expected.bad, `round ${round}`);
    assert.equal(finished(samples, 'good', 'cancelled'), expected.cancelled);
    assert.equal(valueIn(samples, 'tsvq_job_duration_seconds_count', { type: 'good' }), expected.good);
    for (const { name, labels, value } of before)
      assert.ok(valueIn(samples, name, labels) >= value, `${name} ${JSON.stringify(labels)} falls`);
    before = samples;
  }
  assert.ok(allRetried >= 5, String(allRetried));
});

test('a lost text begins again at 0, and a clock that is set back does not count twice', async (t) => {
  const { queue, clock, cut, lose } = counted(t);
  await cut();
  const end = async (): Promise<void> => {
    await queue.enqueue('good');
    await queue.processJobs(handlers);
    clock.advance(10_000);
  };
  await end();
  assert.equal(finished(await cut(), 'good', 'completed'), 1);
  clock.set(-60_000);
  assert.equal(finished(await cut(), 'good', 'completed'), 1);
  clock.advance(61_000);
  assert.equal(finished(await cut(), 'good', 'completed'), 1);
  await end();
  assert.equal(finished(await cut(), 'good', 'completed'), 2);
  // So far back that it would be waited for too long.
  clock.set(-7 * 86_400_000);
  const until = valueIn(await cut(), 'tsvq_counted_until_timestamp_seconds');
  assert.equal(until, clock.now() / 1000 - 5);
  await end();
  assert.equal(finished(await cut(), 'good', 'completed'), 3);
  lose();
  assert.equal(finished(await cut(), 'good', 'completed'), 0);
});

test('what was written is read back, whatever a type is called', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('\\', '"', '\n', '}', '{', ',', '=', ' ', 'n', '#', '\r', '\u2028') }),
  );
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 5 }), fc.nat(), (types, value) => {
      const labels = types.map(
        (type) =>
          [
            ['type', type],
            ['le', '+Inf'],
          ] as const,
      );
      const samples = labels.map((label) => ({ suffix: '_total', labels: label, value }));
      const written = exposition([{ name: 'tsvq_x', type: 'counter', help: 'X\n"\\', samples }], false);
      assert.deepEqual(
        samplesIn(written),
        types.map((type) => ({ name: 'tsvq_x_total', labels: { type, le: '+Inf' }, value })),
      );
    }),
  );
  assert.deepEqual(samplesIn('# HELP x y\nx{a="b" 1\nx\ny nonsense\n'), []);
});

test('the histogram has each run in its bucket and all larger ones', () => {
  const counters = new Counters(samplesIn('tsvq_counted_until_timestamp_seconds 1\n'), 20_000);
  for (const ran of [0, 10, 11, 3_600_000, 3_600_001, Number.NaN])
    counters.add({ type: 'a', outcome: 'completed', at: 5_000, ran });
  const samples = samplesIn(exposition(counters.families(), false));
  const bucket = (le: string) => valueIn(samples, 'tsvq_job_duration_seconds_bucket', { le });
  assert.deepEqual(['0.01', '0.05', '900', '3600', '+Inf'].map(bucket), [2, 3, 3, 4, 5]);
  const again = new Counters(samples, 20_000);
  assert.equal(exposition(again.families(), false), exposition(counters.families(), false));
});

test('OpenMetrics names a counter without its suffix, and ends with EOF', () => {
  const family = {
    name: 'tsvq_x',
    type: 'counter',
    help: 'X.',
    samples: [{ suffix: '_total', labels: [], value: 1 }],
  } as const;
  assert.equal(
    exposition([family], true),
    '# HELP tsvq_x X.\n# TYPE tsvq_x counter\ntsvq_x_total 1\n# EOF\n',
  );
  assert.equal(
    exposition([family, { ...family, samples: [] }], false),
    '# HELP tsvq_x_total X.\n# TYPE tsvq_x_total counter\ntsvq_x_total 1\n',
  );
});

test('of two counts at once, the earlier one does not undo the later one', async () => {
  const [slow, fast] = [deferred<Map<string, ArchivedEnd>>(), deferred<Map<string, ArchivedEnd>>()];
  const gates = [slow, fast];
  const view = { board: new Board(), archivedEnds: () => gates.shift()?.promise } as unknown as View;
  const end = { type: 'a', status: 'completed', startedAt: 1_000, finishedAt: 5_000 } as const;
  const counters = new LiveCounters(6_000);
  const first = counters.count(view, 9_003);
  const second = counters.count(view, 12_000);
  fast.resolve(new Map([['1', end]]));
  await new Promise(setImmediate);
  slow.resolve(new Map());
  await Promise.all([first, second]);
  gates.push({ ...slow, promise: Promise.resolve(new Map()) });
  const samples = samplesIn(exposition(await counters.count(view, 12_000), false));
  assert.equal(valueIn(samples, 'tsvq_counted_until_timestamp_seconds'), 7);
  assert.equal(finished(samples, 'a', 'completed'), 1);
});
