import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue } from '../../../../lib/open-queue.js';
import { rejects } from '../../../support/errors.js';
import { temporaryFolder } from '../../../support/folders.js';
import { startScript } from '../../../support/processes.js';
import { text } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';
import { deferred } from '../../../support/waiting.js';

const NOW = Date.UTC(2030, 0, 1) / 1000;
const quiet = { logger: () => {} };
const handlers = { email: () => {}, report: () => {} };

test('jobs of a paused type wait, and others start', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueueMany([{ type: 'email' }, { type: 'report' }]);
  await queue.pause('email');
  assert.equal((await queue.processJobs(handlers)).completed, 1);
  assert.deepEqual(
    (await queue.listJobs({ status: 'pending' })).map(({ type }) => type),
    ['email'],
  );
  assert.equal(await queue.resume('email'), true);
  assert.equal((await queue.processJobs(handlers)).completed, 1);
});

test('a pause of all types lets nothing start, and everything else works', async (t) => {
  const { queue } = openTest(t);
  const id = await queue.enqueue('email');
  await queue.pause();
  await queue.enqueue('report');
  assert.equal(await queue.cancelJob(id), true);
  assert.equal(await queue.retryJob(id), true);
  await queue.compact();
  assert.equal((await queue.processJobs(handlers)).claimed, 0);
  assert.equal(await queue.resume(), true);
  assert.equal((await queue.processJobs(handlers)).completed, 2);
});

test('the file has a line a pause: type, since, until and by', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueue('email');
  await queue.pause('email', { until: NOW + 3600, by: 'ann\tb' });
  await queue.pause();
  assert.equal(text(`${file}.paused`), `email\t${NOW}\t${NOW + 3600}\tann\\tb\n*\t${NOW}\t\t\n`);
  assert.deepEqual(await queue.paused(), [
    { type: 'email', since: new Date(NOW * 1000), until: new Date((NOW + 3600) * 1000), by: 'ann\tb' },
    { type: '*', since: new Date(NOW * 1000), until: undefined, by: undefined },
  ]);
  assert.equal(statSync(`${file}.paused`).mode & 0o777, statSync(file).mode & 0o777);
  // The second pause of a type keeps its beginning.
  clock.advance(60_000);
  await queue.pause('email');
  assert.equal(text(`${file}.paused`), `*\t${NOW}\t\t\nemail\t${NOW}\t\t\n`);
});

test('a pause ends by itself at its time, and the next change removes its line', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueue('email');
  await queue.pause('email', { until: NOW + 60 });
  clock.advance(59_999);
  assert.equal((await queue.processJobs(handlers)).claimed, 0);
  clock.advance(1);
  assert.deepEqual(await queue.paused(), []);
  assert.equal((await queue.processJobs(handlers)).completed, 1);
  assert.equal(await queue.resume('email'), false);
  assert.equal(existsSync(`${file}.paused`), false);
});

test('resume tells if jobs start again because of it', async (t) => {
  const { queue, file } = openTest(t);
  assert.equal(await queue.resume(), false, 'there is no file');
  await queue.enqueue('email');
  assert.equal(await queue.resume('email'), false, 'nothing is paused');
  await queue.pause('email');
  await queue.pause();
  assert.equal(await queue.resume('email'), false, 'all types are paused');
  assert.equal(await queue.resume(), true);
  assert.equal(existsSync(`${file}.paused`), false);
});

test('an empty file and lines that are no pauses pause nothing, and the lines are kept', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('email');
  writeFileSync(`${file}.paused`, '');
  assert.equal((await queue.processJobs(handlers)).completed, 1);
  await queue.enqueue('email');
  const junk = 'email\n\nemail\tsoon\t\t\n#email\t1\nemail\t1\tx\t\n\u0000\t1\t\t\n';
  writeFileSync(`${file}.paused`, junk);
  assert.deepEqual(await queue.paused(), []);
  assert.equal((await queue.processJobs(handlers)).completed, 1);
  await queue.pause('report');
  await queue.resume('report');
  assert.equal(text(`${file}.paused`), junk.replace('\n\n', '\n'));
  // What another program has written without a line end is a line as well.
  appendFileSync(`${file}.paused`, `report\t${NOW}`);
  assert.equal((await queue.paused()).length, 1);
});

test('a type that no job has can be paused, and what is no type is refused', async (t) => {
  const { queue } = openTest(t);
  await rejects(queue.pause('email'), 'NOT_A_QUEUE', /no queue file/);
  await queue.enqueue('email');
  await queue.pause('some-day');
  assert.equal((await queue.processJobs(handlers)).completed, 1);
  await rejects(queue.pause('a\tb'), 'INVALID_ARGUMENT', /^type is "a\\tb"/);
  await rejects(queue.resume(''), 'INVALID_ARGUMENT', /^type is ""/);
  await rejects(queue.pause('a', { until: NOW }), 'INVALID_ARGUMENT', /^until is .* a time in the future/);
  await rejects(queue.pause('a', { for: '2h' } as never), 'INVALID_ARGUMENT', /options\.for/);
});

test('an idle tick with all due jobs paused does no more than a look', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('email');
  await queue.pause('email');
  const before = readFileSync(file);
  const summary = await queue.processJobs({ email: () => assert.fail('it is paused') }, quiet);
  assert.deepEqual([summary.claimed, summary.unhandled], [0, {}]);
  assert.deepEqual(readFileSync(file), before);
});

test('a name outside of ASCII is compared as it is, not by its bytes', async (t) => {
  const { queue } = openTest(t);
  await queue.enqueue('\u00e4');
  // As Latin-1, the bytes of the other type would spell this name.
  await queue.pause('\u00c3\u00a4');
  assert.equal((await queue.processJobs({ '\u00e4': () => {} })).completed, 1);
  await queue.enqueue('\u00e4');
  await queue.pause('\u00e4');
  assert.equal((await queue.processJobs({ '\u00e4': () => {} })).claimed, 0);
});

test('a lingering worker starts the jobs soon after resume, and goes on meanwhile', async (t) => {
  const { queue, clock } = openTest(t);
  const stop = new AbortController();
  const started = deferred();
  const release = deferred();
  const ran: string[] = [];
  await queue.enqueue('slow');
  const working = queue.processJobs(
    {
      slow: async () => {
        started.resolve();
        await release.promise;
      },
      email: () => void ran.push('email'),
    },
    { linger: Number.POSITIVE_INFINITY, concurrency: 2, signal: stop.signal, ...quiet },
  );
  await started.promise;
  await queue.pause();
  await queue.enqueue('email');
  await clock.pass(2_000);
  assert.deepEqual(ran, []);
  // The job that ran goes on to its end.
  release.resolve();
  await clock.advanceUntil('its end is recorded', async () => (await queue.stats()).completed === 1);
  await queue.resume();
  await clock.advanceUntil('the job ran', () => ran.length === 1);
  stop.abort();
  await working;
});

test('a worker makes no claim after pause has resolved in another process', async (t) => {
  // The other process has the system's clock.
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  t.after(() => queue.close());
  await queue.enqueueMany(Array.from({ length: 3_000 }, () => ({ type: 'email' })));
  const worker = startScript(
    t,
    `
    import { openQueue } from 'lib/index.js';
    const queue = openQueue(${JSON.stringify(file)});
    let ran = 0;
    const email = async () => { if (++ran === 100) console.log('begun'); };
    await queue.processJobs({ email }, { concurrency: 1, logger: () => {} });
    console.log('ended');`,
  );
  await worker.said('begun');
  await queue.pause('email');
  const claimed = async () => (await queue.listJobs()).filter(({ attempts }) => attempts > 0).length;
  const then = await claimed();
  const { stderr, code } = await worker.ended;
  assert.deepEqual([stderr, code], ['', 0]);
  assert.ok((await claimed()) <= then, 'a job was claimed after that');
  assert.ok(then < 3_000, 'the worker was paused in the middle');
  const { completed, processing, pending } = await queue.stats();
  assert.deepEqual([processing, completed + pending], [0, 3_000]);
});

test('two processes that pause at once both succeed', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('email');
  const pauser = (letter: string) => `
    import { openQueue } from 'lib/index.js';
    const queue = openQueue(${JSON.stringify(file)});
    for (let i = 0; i < 20; i++) await queue.pause('${letter}' + i);`;
  const ends = await Promise.all(['a', 'b'].map((letter) => startScript(t, pauser(letter)).ended));
  assert.deepEqual(
    ends.map(({ code, stderr }) => [code, stderr]),
    [
      [0, ''],
      [0, ''],
    ],
  );
  assert.equal(text(`${file}.paused`).split('\n').length - 1, 40);
});

test('a link in place of the file is not followed: nothing is claimed until that is mended', async (t) => {
  const { queue, file } = openTest(t);
  await queue.enqueue('email');
  symlinkSync('/etc/passwd', `${file}.paused`);
  await rejects(queue.processJobs(handlers), 'NO_ACCESS', /paused.*ELOOP/);
  assert.equal((await queue.stats()).pending, 1);
});
