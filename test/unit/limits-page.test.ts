import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RateLimit, WorkerEvent } from 'tsvq';
import { inspect } from '../../lib/file/doctor/inspect.js';
import { RATE_WAIT_MS } from '../../lib/file/worker/lifetime.js';
import { duration } from '../../lib/job/checks.js';
import { temporaryFolder } from '../support/folders.js';
import { read, section } from '../support/pages.js';
import { jobId, line, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';
import { blocks, compile } from '../support/snippets.js';
import { until } from '../support/waiting.js';

/* What the page on limits says is true: rates, examples, one-liners, the limits file. */

const page = read('docs/limits.md');
const nothing = (): void => {};

test('the programs on the page on limits compile', () => {
  const programs = blocks(page, 'ts');
  assert.equal(programs.length, 4);
  assert.deepEqual(programs.flatMap(compile), []);
});

/** The rates of the table, each with how many jobs start at once and the time between the next ones. */
const rates = [...section(page, 'Rates').matchAll(/^\| `(\{.*\})` \| (\d+) \| (.+) \|$/gm)].map(
  ([, text = '', burst, wait = '']) => ({
    text,
    rateLimit: JSON.parse(text.replace(/(\w+):/g, '"$1":').replaceAll("'", '"')) as RateLimit,
    burst: Number(burst),
    wait: duration('wait', wait.replace(' ', '')),
  }),
);

test('the rates of the table let as many jobs start at once as it says, and the next one after the wait', async (t) => {
  assert.equal(rates.length, 4);
  for (const { text, rateLimit, burst, wait } of rates) {
    const { queue, clock } = openTest(t);
    await queue.enqueueMany(Array.from({ length: burst + 1 }, () => ({ type: 'work' })));
    const events: WorkerEvent[] = [];
    const ofKind = (kind: string): WorkerEvent[] => events.filter(({ event }) => event === kind);
    const stop = new AbortController();
    const work = queue.processJobs(
      { work: { handler: nothing, rateLimit } },
      { concurrency: 2000, signal: stop.signal, logger: (event) => void events.push(event) },
    );
    await until('some have started', () => ofKind('completed').length >= burst);
    stop.abort();
    assert.equal((await work).completed, burst, text);
    assert.equal(Number(ofKind('rate_limited')[0]?.runAt) - clock.now(), wait, text);
  }
});

test('in any stretch of time no more jobs start than the formula says', async (t) => {
  for (const [burst, mostInASecond, mostWithBothEnds] of [
    [1, 5, 6],
    [4, 8, 9],
  ] as const) {
    const { queue, clock } = openTest(t);
    await queue.enqueueMany(Array.from({ length: 15 }, () => ({ type: 'work' })));
    const starts: number[] = [];
    const handler = (): void => void starts.push(clock.now());
    const stop = new AbortController();
    const work = queue.processJobs(
      { work: { handler, rateLimit: { max: 5, per: '1s', burst } } },
      { concurrency: 4, linger: Number.POSITIVE_INFINITY, signal: stop.signal, logger: nothing },
    );
    await clock.advanceUntil('all have started', () => starts.length === 15, 50);
    stop.abort();
    await work;
    let most = 0;
    let mostWithEnds = 0;
    for (const [i, from] of starts.entries())
      for (const [j, to] of starts.slice(i).entries()) {
        assert.ok(j + 1 <= burst + ((to - from) * 5) / 1000, `${j + 1} in ${to - from} ms`);
        if (to - from < 1000) most = Math.max(most, j + 1);
        if (to - from <= 1000) mostWithEnds = Math.max(mostWithEnds, j + 1);
      }
    assert.deepEqual([most, mostWithEnds], [mostInASecond, mostWithBothEnds]);
  }
});

test('a worker without linger reaches a rate of one in ten seconds, and leaves after a minute', async (t) => {
  assert.equal(RATE_WAIT_MS, 60_000);
  const { queue, clock } = openTest(t);
  await queue.enqueueMany(Array.from({ length: 8 }, () => ({ type: 'work' })));
  const begun = clock.now();
  let completed: number | undefined;
  const rateLimit = { max: 1, per: '10s' };
  void queue.processJobs({ work: { handler: nothing, rateLimit } }, { logger: nothing }).then((summary) => {
    completed = summary.completed;
  });
  await clock.advanceUntil('it has left', () => completed !== undefined, 1000);
  assert.equal(completed, 6);
  assert.ok(clock.now() - begun <= RATE_WAIT_MS);
});

for (const [kind, plant] of Object.entries({
  'a symlink': (path: string) => {
    writeFileSync(`${path}.other`, '');
    symlinkSync(`${path}.other`, path);
  },
  'a symlink to nothing': (path: string) => symlinkSync(`${path}.other`, path),
  'a folder': (path: string) => mkdirSync(path),
  'a pipe': (path: string) => execFileSync('mkfifo', [path]),
}))
  test(`${kind} in the place of the limits file stops only the jobs with a rate, with a warning`, async (t) => {
    const { queue, store, file } = openTest(t);
    const limits = `${file}.limits`;
    plant(limits);
    await queue.enqueueMany(['api', 'plain', 'two', 'api'].map((type) => ({ type })));
    const messages: unknown[] = [];
    const handlers = {
      api: { handler: nothing, rateLimit: { max: 5, per: '1s' } },
      two: { handler: nothing, concurrency: 2 },
      plain: nothing,
    };
    const logger = ({ event, message }: WorkerEvent): void => {
      if (event === 'warning') messages.push(message);
    };
    const { completed } = await queue.processJobs(handlers, { logger });
    assert.equal(completed, 2);
    assert.equal(messages.length, 1);
    assert.match(String(messages[0]), /^jobs with a rate limit wait: .*queue\.tsv\.limits/);
    assert.deepEqual(await inspect(store), [
      { kind: 'access', message: `${limits} is not a file, so jobs with a rate limit wait; remove it` },
    ]);
    assert.deepEqual(
      (await queue.listJobs({ type: 'api' })).map(({ attempts }) => attempts),
      [0, 0],
    );
  });

test('the limits file has the lines of the page, and a limit begins again if it is deleted', async (t) => {
  const { queue, file, clock } = openTest(t);
  await queue.enqueueMany([{ type: 'api' }, { type: 'hook', options: { group: 'a' } }, { type: 'hook' }]);
  const api = { handler: nothing, rateLimit: { max: 1, per: '1h' } };
  const hook = { handler: nothing, rateLimit: { max: 1, per: '2h', by: 'group' } } as const;
  await queue.processJobs({ api, hook }, { logger: nothing });
  const at = (ms: number): number => (clock.now() + ms) / 1000;
  assert.deepEqual(readFileSync(`${file}.limits`, 'utf8').trimEnd().split('\n').sort(), [
    `api\t\t${at(3_600_000)}`,
    `hook\ta\t${at(7_200_000)}`,
  ]);
  await queue.enqueue('api');
  assert.equal((await queue.processJobs({ api }, { logger: nothing })).completed, 0);
  rmSync(`${file}.limits`);
  assert.equal((await queue.processJobs({ api }, { logger: nothing })).completed, 1);
});

test('the one-liners on the page on limits print what they say', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'data/queue.tsv');
  mkdirSync(join(folder, 'data'));
  const running = { type: 'hook', group: 'a', status: 'processing', version: 2 };
  writeQueue(
    file,
    ...[1, 2].map((n) => line({ id: jobId(n), ...running })),
    line({ id: jobId(3), ...running, group: 'b' }),
    line({ id: jobId(4), type: 'hook', group: 'a' }),
  );
  const later = Math.floor(Date.now() / 1000) + 600;
  const sample = blocks(section(page, 'The limits file'), '')[0] as string;
  const [first] = sample.split('\n');
  assert.match(String(first), /^call_api\t\t\d+\.\d$/);
  writeFileSync(`${file}.limits`, `${sample}call_api\t\t${later}\ngone\t\t${later}\ngone\t\t1\n`);
  const run = (heading: string): string[] =>
    execFileSync('sh', ['-c', blocks(section(page, heading), 'sh')[0] as string], {
      cwd: folder,
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n')
      .sort();
  assert.deepEqual(run('Concurrency'), ['1 hook b', '2 hook a']);
  assert.deepEqual(
    run('The limits file').filter((text) => /^call_api|^gone/.test(text)),
    [`call_api  ${later}`],
  );
});

test("the package's own worker has the limits that the pages name", () => {
  const worker = read('workers/queue_worker.js');
  const operations = read('docs/operations.md');
  for (const name of ['EMAIL_CONCURRENCY', 'WEBHOOK_CONCURRENCY']) {
    const [, most] = new RegExp(`${name}\\?\\.trim\\(\\) \\|\\| (\\d+)`).exec(worker) ?? [];
    assert.match(operations, new RegExp(`^\\| \`${name}\` \\| ${most} \\|`, 'm'));
  }
  assert.match(page, /at most 2 webhooks of a group at a time \(`WEBHOOK_CONCURRENCY`\)/);
});
