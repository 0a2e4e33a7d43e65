import assert from 'node:assert/strict';
import { appendFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Append } from '../../../../lib/file/commit/append.js';
import { OpenFile } from '../../../../lib/file/disk/open-file.js';
import type { StoredJob } from '../../../../lib/file/format/stored-job.js';
import {
  bytesOf,
  type Call,
  type Fault,
  faultyFs,
  isAppend,
  systemError,
} from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId, jobOf, line, text } from '../../../support/queue-file.js';

/*
 * An append knows which of its rows are in the file, and where, also if it was cut or others appended meanwhile.
 */

const draft = (n: number, payload = 'x'): StoredJob =>
  jobOf(line({ id: jobId(n), payload: JSON.stringify(payload) }));

/** Four pieces of what is written at once, whose rows aren't all of the same length. */
const many = Array.from({ length: 70 }, (_, n) => draft(100 + n, (n % 2 ? 'ö' : 'o').repeat(150_000)));
const linesOf = (drafts: readonly StoredJob[]): string => drafts.map(({ line }) => line).join('');

/** An append to a file with one row; `inject` stands between it and each of its writes. */
function appendTo(t: TestContext, drafts: readonly StoredJob[], inject?: Fault) {
  const path = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(path, `${HEADER}\n${line({ id: jobId(1) })}`);
  const before = statSync(path).size;
  const { fs } = faultyFs((call, real) => (isAppend(call, path) && inject ? inject(call, real) : real()));
  const file = OpenFile.open(fs, path) as OpenFile;
  t.after(() => file.release());
  const append = new Append(fs, file, drafts);
  const lookUp = async (): Promise<boolean> => {
    await append.write();
    return append.lookUp(before);
  };
  /** The rows that it says are there, as they stand there. */
  const found = (): string[] => {
    const bytes = Buffer.from(text(path));
    const rows: string[] = [];
    append.eachRow(({ line }, offset, length) => {
      assert.equal(`${bytes.toString('utf8', offset, offset + length)}\n`, line);
      rows.push(line);
    });
    return rows;
  };
  return { path, before, append, lookUp, found };
}

/** Writes no more than so many of the bytes, and says so. */
const cutAfter =
  (length: number): Fault =>
  (call, real) => {
    const bytes = bytesOf(call);
    (call.args as unknown[])[1] = bytes.subarray(0, length);
    return real();
  };

test('rows that no other append comes between stand where the file ended', async (t) => {
  for (const drafts of [[draft(2), draft(3, 'größer'), draft(4)], many]) {
    const { before, append, lookUp, found, path } = appendTo(t, drafts);
    assert.equal(await lookUp(), true);
    assert.deepEqual([append.rows, append.cutShort, append.error], [drafts.length, false, undefined]);
    assert.equal(append.bytes, Buffer.byteLength(linesOf(drafts)));
    assert.equal(append.end, before + append.bytes);
    assert.equal(append.end, statSync(path).size);
    assert.equal(found().length, drafts.length);
  }
});

test('an append without rows writes nothing', async (t) => {
  let writes = 0;
  const { before, append, lookUp, found } = appendTo(t, [], (_, real) => {
    writes++;
    return real();
  });
  assert.equal(await lookUp(), true);
  assert.deepEqual([writes, append.rows, append.bytes, append.end, found()], [0, 0, 0, before, []]);
});

test('finds rows after those of others, and between them', async (t) => {
  for (const [drafts, pieces] of [
    [[draft(2), draft(3, 'größer')], 1],
    [many, 4],
  ] as const) {
    let writes = 0;
    const { append, lookUp, found } = appendTo(t, drafts, (call, real) => {
      appendFileSync(call.path, draft(50 + writes++).line);
      return real();
    });
    assert.equal(await lookUp(), true);
    assert.equal(writes, pieces);
    assert.equal(append.end, undefined);
    assert.equal(append.rows, drafts.length);
    assert.equal(found().length, drafts.length);
  }
});

test('tells rows apart from the same bytes of another piece by their places', async (t) => {
  const { append, lookUp, found } = appendTo(t, [draft(2)], (call, real) => {
    appendFileSync(call.path, `${draft(50).line}${draft(51).line}`);
    return real();
  });
  assert.equal(await lookUp(), true);
  assert.deepEqual([append.end, found()], [undefined, [draft(2).line]]);
});

test('does not take a row for written that is glued to a fragment, or is not there', async (t) => {
  const glued = appendTo(t, [draft(2)], (call, real) => {
    appendFileSync(call.path, 'abc');
    return real();
  });
  assert.equal(await glued.lookUp(), false);
  const gluedSecond = appendTo(t, many, ((call: Call, real: () => unknown) => {
    if (bytesOf(call).indexOf(jobId(100)) < 0) appendFileSync(call.path, 'abc');
    return real();
  }) as Fault);
  assert.equal(await gluedSecond.lookUp(), false);
  for (const drafts of [[draft(2)], many]) {
    const gone = appendTo(t, drafts, (call) => bytesOf(call).length);
    assert.equal(await gone.lookUp(), false);
  }
});

test('counts the rows of a short write that are there with their LF', async (t) => {
  const drafts = [draft(2), draft(3, 'größer'), draft(4)];
  const lengths = drafts.map(({ line }) => Buffer.byteLength(line));
  const [first = 0, second = 0] = lengths;
  for (const [cut, rows] of [
    [1, 0],
    [first - 1, 0],
    [first, 1],
    [first + 1, 1],
    [first + second - 1, 1],
    [first + second, 2],
    [first + second + 5, 2],
  ] as const) {
    const whole = lengths.slice(0, rows).reduce((sum, length) => sum + length, 0);
    const { before, append, lookUp, found } = appendTo(t, drafts, cutAfter(cut));
    assert.equal(await lookUp(), true, String(cut));
    assert.deepEqual([append.rows, append.cutShort, append.bytes], [rows, true, cut], String(cut));
    assert.equal(append.end, before + whole, String(cut));
    assert.deepEqual(
      found(),
      drafts.slice(0, rows).map(({ line }) => line),
      String(cut),
    );

    const beside = appendTo(t, drafts, (call, real) => {
      appendFileSync(call.path, draft(50).line);
      return cutAfter(cut)(call, real);
    });
    assert.equal(await beside.lookUp(), true, String(cut));
    assert.equal(beside.found().length, rows, String(cut));
  }
});

test('counts the pieces before one that is cut or fails', async (t) => {
  const isFirst = (call: Call): boolean => bytesOf(call).indexOf(jobId(100)) >= 0;
  const error = systemError('ENOSPC');
  const failing = appendTo(t, many, (call, real) => {
    if (isFirst(call)) return real();
    throw error;
  });
  assert.equal(await failing.lookUp(), true);
  const { append } = failing;
  assert.ok(append.rows > 0 && append.rows < many.length, String(append.rows));
  assert.deepEqual([append.error, append.cutShort], [error, false]);
  assert.equal(append.bytes, Buffer.byteLength(linesOf(many.slice(0, append.rows))));
  assert.equal(failing.found().length, append.rows);

  const extra = Buffer.byteLength((many[append.rows] as StoredJob).line);
  const cut = appendTo(t, many, (call, real) => (isFirst(call) ? real() : cutAfter(extra + 9)(call, real)));
  assert.equal(await cut.lookUp(), true);
  assert.deepEqual([cut.append.rows, cut.append.cutShort], [append.rows + 1, true]);
  assert.equal(cut.append.end, (failing.append.end as number) + extra);
  assert.equal(cut.found().length, append.rows + 1);
});
