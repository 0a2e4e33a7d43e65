import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from '../../../lib/file/doctor/inspect.js';
import { decodeFollowUps } from '../../../lib/file/format/follow-ups.js';
import { FORMAT } from '../../../lib/file/format/format.js';
import type { Handlers } from '../../../lib/index.js';
import { type FinalStatus, type Job, STATUSES } from '../../../lib/job/job.js';
import { isName } from '../../../lib/job/name.js';
import type { Queue } from '../../../lib/queue.js';
import { rejects } from '../../support/errors.js';
import { FakeClock } from '../../support/fake-clock.js';
import { openTest } from '../../support/queues.js';
import { type Bench, onBench } from './bench.js';
import { inShort, isJson, shortOf } from './in-short.js';
import { linesAreKept } from './kept-lines.js';
import { decoded, gluedJobs, type Oracle, type OracleRow, readByRule, withClosedTail } from './oracle.js';

/*
 * Whatever bytes the file holds: a call fails only with an error of ours, only jobs in rows run, and each readable row
 * is there afterwards, in its place or in its next state.
 */

const GAINED = ['priority', 'forgiven', 'finished_at'];
const DAY = 24 * 3_600_000;
const RETENTION = { completed: 7 * DAY, failed: 30 * DAY, cancelled: 7 * DAY };

/** One file, as a string of bytes (latin1), through all that can be done to it. @throws AssertionError */
export const checkFile = (text: string): Promise<void> =>
  onBench((bench) => new Walk(bench, Buffer.from(text, 'latin1')).run());

class Walk {
  readonly #bench: Bench;
  readonly #bytes: Buffer;
  readonly #clock = new FakeClock();

  constructor(bench: Bench, bytes: Buffer) {
    this.#bench = bench;
    this.#bytes = bytes;
  }

  async run(): Promise<void> {
    const { file } = this.#bench;
    writeFileSync(file, this.#bytes);
    const before = readByRule(this.#bytes);
    if (before === undefined) return this.#bytes.length > 0 ? this.#refused() : undefined;
    // By one who begins anew each time, and by one who has the file open all the while.
    const lasting = this.#open().queue;
    await this.#looks(before, lasting);
    assert.deepEqual(readFileSync(file), this.#bytes, 'looking changes nothing');
    if (before.format > FORMAT) return this.#onlyRead();
    await this.#changes(lasting);
    await this.#works(lasting);
    await this.#compacts(lasting);
    await this.#compacts(lasting);
    await this.#adds(lasting);
    await this.#looks(this.#now(), lasting);
  }

  #open() {
    const { t, file, fs } = this.#bench;
    return openTest(t, { file, fs, clock: this.#clock });
  }

  #now(): Oracle {
    const oracle = readByRule(readFileSync(this.#bench.file));
    assert.ok(oracle, 'it is no queue any more');
    return oracle;
  }

  /** The file, its tail closed: what a change begins with. */
  #closed(): Oracle {
    return readByRule(withClosedTail(readFileSync(this.#bench.file))) as Oracle;
  }

  /** What is no queue is refused by every call, and left as it is. */
  async #refused(): Promise<void> {
    const { queue, store } = this.#open();
    for (const call of [
      () => queue.enqueue('email'),
      () => queue.getJob('x'),
      () => queue.listJobs(),
      () => queue.cancelJob('x'),
      () => queue.retryJob('x'),
      () => queue.stats(),
      () => queue.compact(),
      () => queue.processJobs({ email: () => assert.fail('it ran') }),
      () => inspect(store),
    ])
      await rejects(call(), 'NOT_A_QUEUE', this.#bench.file);
    assert.deepEqual(readFileSync(this.#bench.file), this.#bytes);
  }

  /** A file of a later format is left as it is by every change. */
  async #onlyRead(): Promise<void> {
    const { queue } = this.#open();
    for (const change of [
      () => queue.enqueue('email'),
      () => queue.enqueueMany([{ type: 'email' }, { type: 'email' }]),
      () => queue.cancelJob('x'),
      () => queue.retryJob('x'),
      () => queue.compact(),
    ])
      await rejects(change(), 'NEWER_FORMAT', this.#bench.file);
    assert.deepEqual(readFileSync(this.#bench.file), this.#bytes);
  }

  async #looks(oracle: Oracle, lasting: Queue): Promise<void> {
    const wanted = [...oracle.jobs]
      .sort(([, a], [, b]) => a.offset - b.offset)
      .map(([, row]) => inShort(row));
    const { queue, store } = this.#open();
    for (const handle of [queue, lasting]) {
      assert.deepEqual((await handle.listJobs({ status: STATUSES })).map(shortOf), wanted);
      const jobs = [...oracle.jobs.values()].filter(({ fields }) => fields.status !== 'recurring');
      assert.equal((await handle.stats()).total, jobs.length);
      for (const [id, row] of oracle.jobs) {
        const job = await handle.getJob(id);
        assert.deepEqual(job && shortOf(job), inShort(row));
      }
    }
    const held = [...oracle.held].filter((id) => oracle.jobs.has(id));
    const findings = await inspect(store);
    const found = findings.filter(({ kind }) => kind === 'held').map(({ id }) => id);
    assert.deepEqual(found.sort(), held.sort(), 'doctor tells what is held');
    const unreadable = oracle.kept.filter((line) => !/^(#|[\r ]*$)/.test(line)).length;
    assert.equal(findings.filter(({ kind }) => kind === 'unreadable').length, unreadable);
  }

  /** Cancels and retries every other job. */
  async #changes(queue: Queue): Promise<void> {
    const ids = [...this.#now().jobs.keys()].filter((_, n) => n % 2 === 0);
    for (const [n, id] of ids.entries()) {
      const before = this.#closed();
      const status = before.jobs.get(id)?.fields.status;
      const cancel = n % 2 === 0;
      const from = cancel ? ['pending', 'processing', 'waiting', 'recurring'] : ['failed', 'cancelled'];
      const done = cancel ? await queue.cancelJob(id) : await queue.retryJob(id);
      const after = this.#now();
      this.#nothingIsLost(before, after, (other) => other !== id);
      if (done) assert.equal(after.jobs.get(id)?.fields.status, cancel ? 'cancelled' : 'pending');
      // An older file is written anew by the first change, and what is past its time is archived. And before a mark
      // that somebody forged nothing is looked for that waits or runs.
      if (after.jobs.has(id) && before.settledEnd === 0) assert.equal(done, from.includes(status ?? ''), id);
    }
  }

  async #works(queue: Queue): Promise<void> {
    const before = this.#closed();
    const now = this.#clock.now();
    const mayRun = new Map<string, OracleRow>();
    const mustRun = new Set<string>();
    for (const [id, row] of before.jobs) {
      const { type = '', status, payload = '', run_at = '' } = row.fields;
      if (before.held.has(id) || !isName(decoded(type)) || !isJson(payload)) continue;
      if (status === 'pending' && numberOf(run_at) * 1000 <= now) mustRun.add(id);
      if (mustRun.has(id) || status === 'processing') mayRun.set(id, row);
    }
    const runs = new Set<string>();
    const types = new Set(
      [...before.rows].map(({ fields }) => decoded(fields.type as string)).filter(isName),
    );
    const run = (payload: unknown, { job }: { job: Job }): void => {
      const followUp = !before.jobs.has(job.id);
      const row = mayRun.get(job.id);
      const said = row !== undefined || gluedJobs(before).has(job.id) || this.#isFollowUp(before, job);
      assert.ok(said, `nobody enqueued ${job.id}`);
      assert.ok(!runs.has(`${job.id}:${job.attempts}`), `${job.id} ran twice`);
      runs.add(`${job.id}:${job.attempts}`);
      if (!followUp && row) assert.deepEqual(payload, JSON.parse(decoded(row.fields.payload as string)));
    };
    const handlers = Object.fromEntries([...types].map((type) => [type, run]));
    const failures: string[] = [];
    await queue.processJobs(handlers as Handlers, {
      maxWorkers: 1_000_000,
      logger: ({ event, error, message }) => {
        if (event === 'retried') failures.push(String(error));
        if (event === 'warning' && /commit failed|could not look/.test(String(message)))
          failures.push(String(message));
      },
    });
    assert.deepEqual(failures, []);
    const after = this.#now();
    this.#nothingIsLost(
      before,
      after,
      (id) =>
        !mayRun.has(id) &&
        before.jobs.get(id)?.fields.status !== 'pending' &&
        before.jobs.get(id)?.fields.status !== 'processing',
    );
    if (before.settledEnd > 0) return;
    for (const id of mustRun) {
      const status = after.jobs.get(id)?.fields.status ?? this.#archived().get(id)?.fields.status;
      assert.equal(status, 'completed', `${id} was due and did not run`);
    }
  }

  #isFollowUp({ rows }: Oracle, job: Job): boolean {
    return rows.some(({ fields }) =>
      decodeFollowUps(decoded(fields.follow_ups ?? ''))?.some((followUp) => followUp?.type === job.type),
    );
  }

  async #compacts(queue: Queue): Promise<void> {
    const before = this.#closed();
    await queue.compact();
    const after = this.#now();
    this.#nothingIsLost(before, after, () => true);
    linesAreKept(before, after, (id) => after.jobs.has(id) || this.#archived().has(id));
    for (const id of before.jobs.keys()) {
      if (!after.jobs.has(id)) continue;
      // By the newest version in each of the two: the rows of an older file have none, and gain one.
      const twins = ({ rows, jobs }: Oracle): number =>
        rows.filter(
          ({ fields, version }) => decoded(fields.id as string) === id && version === jobs.get(id)?.version,
        ).length;
      const aside = after.kept.filter((line) => decoded(line).startsWith(`#duplicate ${id}\t`)).length;
      assert.ok(twins(after) + aside >= twins(before), `a second row of ${id} is gone`);
    }
  }

  async #adds(queue: Queue): Promise<void> {
    const before = this.#closed();
    const id = await queue.enqueue('email', { mine: true });
    const after = this.#now();
    this.#nothingIsLost(before, after, () => true);
    assert.equal(after.jobs.get(id)?.fields.payload, '{"mine":true}');
  }

  /** Every job is there, in the file or in the archive, and as it was if `same` says so. */
  #nothingIsLost(before: Oracle, after: Oracle, same: (id: string) => boolean): void {
    const archived = this.#archived();
    const glued = gluedJobs(before);
    for (const [id, row] of before.jobs) {
      const now = after.jobs.get(id) ?? archived.get(id);
      assert.ok(now, `${id} is gone`);
      assert.ok(now.version >= row.version, `${id} has gone back`);
      if (!after.jobs.has(id)) {
        const finished = numberOf(now.fields.finished_at ?? '') * 1000;
        const retention = RETENTION[now.fields.status as FinalStatus];
        assert.ok(finished < this.#clock.now() - retention, `${id} was archived before its time`);
      }
      // A row that stands behind another may be its job's newest.
      if (!same(id) || glued.has(id)) continue;
      for (const name of before.names) {
        if (name === 'follow_ups' || (name === 'error' && row.fields.version === undefined)) continue;
        const was = decoded(row.fields[name] as string);
        // The rows of an older file gain what they lack.
        if (was === '' && GAINED.includes(name)) continue;
        assert.equal(decoded(now.fields[name] as string), was, `${name} of ${id}`);
      }
    }
    for (const [id, { fields }] of after.jobs) {
      if (before.jobs.has(id) || glued.has(id)) continue;
      const from = [...before.rows].some(
        (row) => decodeFollowUps(decoded(row.fields.follow_ups ?? '')) !== undefined,
      );
      assert.ok(from || fields.payload === '{"mine":true}', `nobody enqueued ${id}`);
    }
  }

  #archived(): Map<string, OracleRow> {
    const folder = join(this.#bench.folder, 'archive');
    if (!existsSync(folder)) return new Map();
    return new Map(
      readdirSync(folder).flatMap((name) => [...(readByRule(readFileSync(join(folder, name)))?.jobs ?? [])]),
    );
  }
}

const numberOf = (field: string): number =>
  field !== '' && Number.isFinite(Number(field)) ? Number(field) : 0;
