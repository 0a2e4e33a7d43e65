// The function that the coverage-guided fuzzer calls with each input: any bytes in place of a queue file, on a disk in
// memory. The jobs that the library reads, and the jobs after a compaction, are compared with the other tests' oracle.
import assert from 'node:assert/strict';
import { inspect } from '../../../lib/file/doctor/inspect.js';
import type { Processes } from '../../../lib/file/lock/process-id.js';
import { Store } from '../../../lib/file/store.js';
import type { Clock } from '../../../lib/job/clock.js';
import { TsvqError } from '../../../lib/job/errors.js';
import { resolveQueueOptions } from '../../../lib/job/queue-options.js';
import { overStore } from '../../../lib/open-queue.js';
import { inShort, shortOf } from '../../../test/sim/input/in-short.js';
import { linesAreKept } from '../../../test/sim/input/kept-lines.js';
import { gluedJobs, type Oracle, readByRule, withClosedTail } from '../../../test/sim/input/oracle.js';
import { Disk } from '../../../test/sim/power/disk.js';
import type { Inode } from '../../../test/sim/power/snapshot.js';

const FILE = '/queue.tsv';
const NOW = Date.UTC(2030, 0, 1);

const clock: Clock = { now: () => NOW, sleep: async () => {}, later: () => () => {} };
const processes: Processes = { self: () => 'here.boot.1.2.3.4', liveness: () => 'unknown' };
// Jobs stay in the file for ever, because this check doesn't look into the archive.
const options = resolveQueueOptions({ retention: Number.POSITIVE_INFINITY });

function open(bytes: Buffer): { store: Store; disk: Disk } {
  const root: Inode = { kind: 'folder', names: new Map([['queue.tsv', 2]]), mtimeMs: NOW };
  const file: Inode = { kind: 'file', data: bytes, mode: 0o640, mtimeMs: NOW };
  const disk = new Disk(new Map([root, file].map((inode, i) => [i + 1, inode])), () => NOW);
  return { disk, store: new Store(FILE, options, { clock, fs: disk.fs, processes }) };
}

/** Returns the bytes of the file. */
function bytesOf({ fs }: Disk): Buffer {
  const fd = fs.open(FILE, 'r');
  const bytes = Buffer.alloc(fs.fstat(fd).size);
  fs.readSync(fd, bytes, bytes.length, 0);
  fs.close(fd);
  return bytes;
}

/** Checks one input. @throws AssertionError, or an error that the library should not throw */
export async function fuzz(data: Buffer): Promise<void> {
  const { store, disk } = open(Buffer.from(data));
  const queue = overStore(store);
  try {
    const before = readByRule(data);
    if (before === undefined) {
      if (data.length > 0) await assert.rejects(queue.listJobs(), isNoQueue);
      return;
    }
    await agree(store, before);
    assert.ok(bytesOf(disk).equals(data), 'looking changes nothing');
    await queue.compact();
    const after = readByRule(bytesOf(disk));
    assert.ok(after, 'it is no queue any more');
    nothingIsLost(readByRule(withClosedTail(data)) as Oracle, after);
    await agree(store, after);
  } finally {
    await queue.close();
  }
}

const isNoQueue = (error: unknown): boolean => error instanceof TsvqError && error.code === 'NOT_A_QUEUE';

async function agree(store: Store, oracle: Oracle): Promise<void> {
  const queue = overStore(store);
  const wanted = [...oracle.jobs].sort(([, a], [, b]) => a.offset - b.offset).map(([, row]) => inShort(row));
  assert.deepEqual((await queue.listJobs()).map(shortOf), wanted);
  assert.equal((await queue.stats()).total, wanted.length);
  for (const [id, row] of oracle.jobs) {
    const job = await queue.getJob(id);
    assert.deepEqual(job && shortOf(job), inShort(row));
  }
  const findings = await inspect(store);
  const held = findings.filter(({ kind }) => kind === 'held').map(({ id }) => id);
  assert.deepEqual(held.sort(), [...oracle.held].filter((id) => oracle.jobs.has(id)).sort());
  const unreadable = oracle.kept.filter((line) => !/^(#|[\r ]*$)/.test(line)).length;
  assert.equal(findings.filter(({ kind }) => kind === 'unreadable').length, unreadable);
}

function nothingIsLost(before: Oracle, after: Oracle): void {
  const glued = gluedJobs(before);
  for (const [id, row] of before.jobs) {
    const now = after.jobs.get(id);
    assert.ok(now, `${id} is gone`);
    assert.ok(now.version >= row.version, `${id} has gone back`);
    // A row glued to another may be the newest of its job.
    if (!glued.has(id)) assert.deepEqual(inShort(now), inShort(row));
  }
  linesAreKept(before, after, (id) => after.jobs.has(id));
}
