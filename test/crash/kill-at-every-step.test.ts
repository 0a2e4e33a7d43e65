import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openQueue } from 'tsvq';
import type { COLUMNS } from '../../lib/file/format/columns.js';
import { followUpId } from '../../lib/file/format/derived-id.js';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { bundleCrashChild } from '../fixtures/bundle.js';
import { journaled, readJournal, repeated } from '../fixtures/children.js';
import type { CrashConfig } from '../fixtures/crash-child.js';
import { crashHandlers } from '../fixtures/crash-handlers.js';
import { openJournal } from '../fixtures/journal.js';
import { HEADER, jobId, line, rowsOf } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';

/*
 * A process is killed at each of its steps in turn, and in the middle of each write as well. After every death another
 * process opens the queue and works until nothing is due. The invariants of the file are checked before and after.
 */

// ---- the file, read by the one rule and by other means than the library's ----

type Row = Record<(typeof COLUMNS)[number], string>;

const STATUS = /^(pending|processing|completed|failed|cancelled)$/;
const isFinal = (row: Row | undefined): boolean => /^(completed|failed|cancelled)$/.test(row?.status ?? '');

/** Of each id the row with the highest version, the earlier of two; bytes after the last LF don't count. */
function newest(path: string, into = new Map<string, Row>()): Map<string, Row> {
  if (!existsSync(path)) return into;
  const [header = '', ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const names = header.split('\t');
  for (const text of lines) {
    const fields = text.split('\t');
    if (text.startsWith('#') || fields.length !== names.length) continue;
    const row = Object.fromEntries(names.map((name, i) => [name, fields[i]])) as Row;
    if (!STATUS.test(row.status) || !/^\d+$/.test(row.version)) continue;
    if (Number(row.version) > Number(into.get(row.id)?.version ?? 0)) into.set(row.id, row);
  }
  return into;
}

/** The same with the archive beside it. */
function everything(file: string): Map<string, Row> {
  const jobs = newest(file);
  const archive = join(dirname(file), 'archive');
  for (const name of existsSync(archive) ? readdirSync(archive) : []) newest(join(archive, name), jobs);
  for (const name of existsSync(dirname(file)) ? readdirSync(dirname(file)) : [])
    if (/\.tsv\.\d{4}-\d\d\.[0-9a-f]{12}\.tmp$/.test(name)) newest(join(dirname(file), name), jobs);
  return jobs;
}

// ---- what the processes find ----

const DAY = 86_400;
const now = Math.floor(Date.now() / 1000);
const deadOwner = systemProcesses.self().replace(/\.\d+\.(\d+)\.([0-9a-f]+)$/, '.99999999.$1.$2');
/** This test: as long as it runs, its job is nobody else's. */
const liveOwner = systemProcesses.self();

const finished = (n: number, daysAgo: number, more: Partial<Row> = {}): string =>
  line({
    id: jobId(n),
    type: 'work',
    status: 'completed',
    attempts: 1,
    result: '{"attempt":1}',
    finished_at: now - daysAgo * DAY,
    version: 3,
    ...more,
  });
const pending = (n: number, type: string, more: Partial<Row> = {}): string =>
  line({ id: jobId(n), type, ...more });
const running = (n: number, owner: string): string =>
  line({
    id: jobId(n),
    type: 'work',
    status: 'processing',
    attempts: 1,
    locked_by: owner,
    started_at: now,
    version: 2,
  });
/** A completion whose follow-ups' own rows were cut off. */
const orphan = finished(6, 0, {
  type: 'parent',
  follow_ups: JSON.stringify(
    [1, 2].map((child) => ({
      type: 'work',
      payload: JSON.stringify({ tag: `child ${child} of ${jobId(6)}:1` }),
      createdAt: now * 1000,
      runAt: now * 1000,
      priority: 0,
    })),
  ),
});
const comment = '# a note of the operator: 日本\n';
const unreadable = `${jobId(99)}\twork\tnot enough fields\n`;

interface Setup {
  scenario: CrashConfig['scenario'];
  /** Lines of the queue file; undefined: there is none yet, nor its folder. */
  lines?: string[];
  /** Bytes of a row that a crash cut short, behind the last line. */
  tail?: string;
  /** Somebody died inside a commit before. */
  deadToken?: boolean;
  ids?: string[];
  /** Jobs with these ids are past their retention time. */
  expired?: string[];
}

const mixed = [
  finished(1, 30),
  finished(2, 30),
  finished(3, 1),
  pending(11, 'work'),
  pending(12, 'parent'),
  pending(13, 'flaky'),
  pending(14, 'flaky', { priority: '5' }),
  pending(15, 'work', { run_at: String(now + DAY) }),
  comment,
  unreadable,
];

const setups: Record<string, Setup> = {
  'the first jobs of a queue': { scenario: 'enqueue' },
  'enqueueing next to other jobs': { scenario: 'enqueueOne', lines: mixed },
  'a tick: claims, outcomes, follow-ups, compaction, archive': {
    scenario: 'tick',
    lines: mixed,
    expired: [jobId(1), jobId(2)],
  },
  'taking jobs back from dead workers': {
    scenario: 'tick',
    lines: [running(12, deadOwner), running(13, deadOwner), running(14, liveOwner)],
  },
  cancelling: {
    scenario: 'cancel',
    lines: [pending(11, 'work'), pending(12, 'work'), running(13, liveOwner)],
    ids: [jobId(11), jobId(13)],
  },
  retrying: {
    scenario: 'retry',
    lines: [
      finished(1, 1, { status: 'failed', attempts: '3', error: 'once', result: '' }),
      finished(2, 1, { status: 'cancelled', result: '' }),
      pending(11, 'work'),
    ],
    ids: [jobId(1), jobId(2)],
  },
  'a compaction with archive': {
    scenario: 'compact',
    lines: [
      ...mixed,
      orphan,
      line({ id: jobId(11), type: 'work', status: 'cancelled', finished_at: now, version: 2 }),
    ],
    expired: [jobId(1), jobId(2)],
  },
  'the repair after a death': {
    scenario: 'enqueueOne',
    lines: [...mixed, running(16, deadOwner), orphan],
    tail: pending(17, 'work').slice(0, 40),
    deadToken: true,
    expired: [jobId(1), jobId(2)],
  },
};

/** Lays the files as the process is to find them. */
function lay(file: string, { lines, tail = '', deadToken }: Setup): void {
  if (lines === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${HEADER}\n${lines.join('')}${tail}`);
  if (!deadToken) return;
  mkdirSync(`${file}.lock`);
  writeFileSync(join(`${file}.lock`, `owner.${deadOwner}`), '');
}

// ---- the invariants ----

async function checkAfterwards(file: string, journal: string, setup: Setup): Promise<void> {
  const { lines, expired = [], ids = [] } = setup;
  const first = new Map<string, Row>();
  if (lines !== undefined) {
    const original = join(dirname(file), 'original');
    writeFileSync(original, `${HEADER}\n${lines.join('')}`);
    newest(original, first);
  }
  const told = readJournal(journal);
  const calls = journaled(journal, 'call');
  const acknowledged = told.flatMap(([word, id = '', tag = '']) => (word === 'ack' ? [{ id, tag }] : []));
  const recorded = told.filter(([word]) => word === 'recorded');

  // As the death left it.
  if (lines !== undefined || acknowledged.length > 0)
    assert.ok(readFileSync(file, 'utf8').startsWith(`${HEADER}\n`), 'the path names a whole file');
  const left = everything(file);
  for (const id of first.keys()) assert.ok(left.has(id), `job ${id} is gone`);
  for (const { id, tag } of acknowledged)
    assert.equal(left.get(id)?.payload, JSON.stringify({ tag }), `the acknowledged job ${tag}`);
  for (const [, id = '', event] of recorded) {
    // A retried job may have been claimed again since.
    if (event === 'completed') assert.equal(left.get(id)?.status, 'completed');
    else assert.ok(Number(left.get(id)?.attempts) >= 1, `${event} ${id}`);
  }
  for (const id of journaled(journal, 'cancelled')) assert.equal(left.get(id)?.status, 'cancelled');
  for (const id of journaled(journal, 'retried')) {
    assert.equal(left.get(id)?.status, 'pending');
    assert.equal(left.get(id)?.forgiven, left.get(id)?.attempts);
  }
  for (const [id, row] of first) {
    if (isFinal(row) && setup.scenario !== 'retry') assert.deepEqual(outcome(left.get(id)), outcome(row));
    if (row.locked_by === liveOwner) assert.match(left.get(id)?.status ?? '', /^(processing|cancelled)$/);
  }
  if (journaled(journal, 'compacted').length > 0) {
    const kept = newest(file);
    for (const id of expired) assert.ok(!kept.has(id), `${id} was to be archived`);
  }

  // Another process goes on.
  const queue = openQueue(file);
  const handlers = crashHandlers(openJournal(journal));
  await queue.processJobs(handlers, { concurrency: 2, backoff: [0] });
  // A tick compacts if it has a reason to. What only a compaction does is asked for here: it archives what is past
  // its retention time, and makes the follow-ups that are missing.
  await queue.compact();
  await queue.processJobs(handlers);

  assert.deepEqual(repeated(journaled(journal, 'start')), [], 'attempts that ran more than once');
  const jobs = everything(file);
  for (const [id, row] of left) {
    if (isFinal(row)) assert.deepEqual(outcome(jobs.get(id)), outcome(row), `${id} left its final state`);
  }
  for (const id of first.keys()) assert.ok(jobs.has(id), `job ${id} is gone`);
  for (const { id } of acknowledged) assert.equal(jobs.get(id)?.status, 'completed');
  for (const [id, row] of jobs) {
    const waits = Number(row.run_at) > now + 60 || row.locked_by === liveOwner;
    if (!waits && !isFinal(row)) assert.fail(`job ${id} is still ${row.status}`);
    // A result is that of the attempt which the row counts last.
    if (row.status === 'completed') assert.equal(row.result, `{"attempt":${row.attempts}}`);
    if (row.status === 'cancelled' || row.status === 'failed')
      assert.ok(ids.includes(id) || first.get(id)?.status === row.status, `nobody made ${id} ${row.status}`);
  }

  // Nothing exists that nobody enqueued: each tag once at the most, follow-ups only those of a completion, and all.
  const children = [...jobs.values()].flatMap(({ id, type, status, attempts }) =>
    type === 'parent' && status === 'completed'
      ? [1, 2].map((child) => [
          followUpId(id, Number(attempts), child - 1),
          `child ${child} of ${id}:${attempts}`,
        ])
      : [],
  );
  const added = [...jobs.values()].filter(({ id }) => !first.has(id));
  const tags = added.map(({ payload }) => JSON.parse(payload).tag as string);
  assert.deepEqual(repeated(tags), []);
  for (const [id = '', tag = ''] of children)
    assert.equal(jobs.get(id)?.payload, JSON.stringify({ tag }), `the follow-up ${tag}`);
  for (const tag of tags)
    assert.ok(calls.includes(tag) || children.some(([, of]) => of === tag), `job ${tag}`);

  // It died before there was a file, with nothing acknowledged.
  if (!existsSync(file)) return assert.deepEqual([lines, acknowledged], [undefined, []]);

  // The file at rest: one row a job, which is what the API says; people's own lines as they were; no leftovers.
  const rows = rowsOf(file).filter(({ id }) => id !== jobId(99));
  assert.deepEqual(repeated(rows.map(({ id }) => id ?? '')), [], 'one row a job');
  const kept = newest(file);
  assert.deepEqual(
    rows.map(({ id, status }) => `${id} ${status}`).sort(),
    [...kept.values()].map(({ id, status }) => `${id} ${status}`).sort(),
  );
  const listed = await queue.listJobs();
  assert.deepEqual(
    listed.map(({ id, status, attempts }) => `${id} ${status} ${attempts}`).sort(),
    [...kept.values()].map(({ id, status, attempts }) => `${id} ${status} ${attempts}`).sort(),
  );
  for (const id of expired) {
    assert.ok(!kept.has(id), `${id} is still in the live file`);
    assert.equal((await queue.getJob(id, { archive: true }))?.status, 'completed');
  }
  const text = readFileSync(file, 'utf8');
  if (lines?.includes(comment)) {
    assert.ok(text.includes(`\n${comment}`));
    assert.ok(text.includes(`\n${unreadable}`));
  }
  await queue.close();
  assert.deepEqual(existsSync(`${file}.lock`) ? readdirSync(`${file}.lock`) : [], [], 'tokens are left');
}

/** What stands once it is final. */
const outcome = (row: Row | undefined) =>
  row && [row.status, row.attempts, row.result, row.error, row.finished_at];

// ---- the sweep ----

/** So many deaths of one scenario; in the nightly form, every one. */
const MOST = 4;

interface Case {
  killAt: number;
  cut: number;
}

/** Numbers that are the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('after a death at any step, nothing is lost and nothing runs twice', { timeout: 300_000 }, () => {
  let bundle: string;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsvq-'));
    bundle = await bundleCrashChild(folder);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the scenario up to a death, then checks. @returns the steps, of a run without a death */
  async function run(name: string, setup: Setup, { killAt, cut }: Case): Promise<string[]> {
    const place = join(folder, `${name.replace(/\W+/g, '-')}-${killAt}-${cut}`);
    mkdirSync(place);
    const file = join(place, 'data', 'queue.tsv');
    const journal = join(place, 'journal');
    lay(file, setup);
    const { scenario, ids = [] } = setup;
    const config: CrashConfig = { file, journal, scenario, killAt, cut, signal: 'SIGKILL', ids };
    const child = spawn(process.execPath, [bundle, JSON.stringify(config)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const [code, signal] = await once(child, 'close');
    try {
      if (killAt === 0) assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      // How often a worker commits depends on its pace: it may get by with fewer steps than in the first run.
      else assert.ok(signal === 'SIGKILL' || code === 0, `it ended with ${signal ?? code}: ${stderr}`);
      await checkAfterwards(file, journal, setup);
    } catch (error) {
      const died = killAt === 0 ? 'lived' : `died at step ${killAt}, the write cut to ${cut}`;
      (error as Error).message = `${name}: the process ${died}: ${(error as Error).message}`;
      throw error;
    }
    return journaled(journal, 'step');
  }

  for (const [name, setup] of Object.entries(setups))
    test(name, async (t) => {
      const random = seeded(17);
      const steps = await run(name, setup, { killAt: 0, cut: 0 });
      const deaths = steps.flatMap((step, i) => {
        const cuts = step.startsWith('write') ? [0, 0.01 + 0.98 * random()] : [0];
        return cuts.map((cut) => ({ killAt: i + 1, cut }));
      });
      // A long scenario does much the same over and over: of its deaths some are chosen, each time the same ones.
      const cases = sampled(deaths, MOST);
      t.diagnostic(`${steps.length} steps, ${cases.length} of ${deaths.length} deaths`);
      // Two at a time, as many as the smallest machine has cores.
      const lane = async (): Promise<void> => {
        for (let next = cases.shift(); next !== undefined; next = cases.shift()) await run(name, setup, next);
      };
      await Promise.all([lane(), lane()]);
    });
});
