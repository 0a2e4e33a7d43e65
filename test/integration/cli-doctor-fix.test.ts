import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Column } from '../../lib/file/format/columns.js';
import { followUpId } from '../../lib/file/format/derived-id.js';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { jobId, line, rowsOf, statesOf, text } from '../support/queue-file.js';
import { fields, records, run } from './cli-process.js';
import { dead, of } from './queue-of-rows.js';

/*
 * `queue doctor --fix`: each kind of finding is staged, told and repaired, or said to need a person. That a repair may
 * be killed is in test/crash/moving-killed.test.ts.
 */

const [A, B] = [jobId(1), jobId(2)];
const waiting = (row: Partial<Record<Column, string | number>>): string =>
  line({ id: A, status: 'waiting', dedupe_key: 'k', ...row });
const done = (row: Partial<Record<Column, string | number>> = {}): string =>
  line({ id: B, status: 'completed', attempts: 1, version: 3, finished_at: Date.now() / 1000 - 10, ...row });

/** Rows of all jobs that count, without those that a repair may change. */
interface Case {
  rows: string[];
  stage?: (file: string) => void;
  /** What is repaired: kind and the repair; empty if a person is needed. */
  repairs: string[];
  /** The kinds that are left. */
  left?: string[];
  args?: string[];
  judge?: (file: string) => void;
}

const aside = (file: string): string => (existsSync(`${file}.aside`) ? text(`${file}.aside`) : '');
const isKept = (row: string) => (file: string) => {
  assert.ok(aside(file).split('\n').includes(row.trimEnd()), aside(file));
  assert.ok(!text(file).split('\n').includes(row.trimEnd()));
};
const unreadable = 'half a line\tof a person\n';
const damaged = line({ id: A, status: 'complete', version: 2 });
const parent = done({
  follow_ups: JSON.stringify([
    { type: 'child', payload: '{}', createdAt: 1_000_000, runAt: 1_000_000, priority: 0 },
  ]),
});
const ahead = Date.UTC(2090, 0) / 1000;

const CASES: Record<string, Case> = {
  'a line that can not be read': {
    rows: [unreadable],
    repairs: ['unreadable aside'],
    judge: isKept(unreadable),
  },
  'a line that holds a job': { rows: [line({ id: A }), damaged], repairs: [], left: ['unreadable', 'held'] },
  'a line that holds a job, beside one that holds none': {
    rows: [line({ id: A }), damaged, unreadable],
    repairs: ['unreadable aside'],
    left: ['unreadable', 'held'],
    judge: (file) => {
      isKept(unreadable)(file);
      assert.ok(text(file).includes(damaged));
    },
  },
  'a line that holds a job, with --release-held': {
    rows: [line({ id: A }), damaged],
    args: ['--release-held'],
    repairs: ['unreadable aside', 'held aside'],
    judge: (file) => {
      isKept(damaged)(file);
      assert.deepEqual(statesOf(file), [`${A} pending`]);
    },
  },
  'a torn line': {
    rows: [line({ id: A }), `${B}\temail\t#torn\n`],
    repairs: ['torn compact'],
    judge: (file) => assert.match(text(file), /^#-0+2\temail\t#torn$/m),
  },
  'a last line without an end': {
    rows: [line({ id: A }), `${B}\tem`],
    repairs: ['torn compact'],
    judge: (file) => assert.match(text(file), /^#-0+2\tem\t#torn$/m),
  },
  'two rows of one job': {
    rows: [line({ id: A }), line({ id: A, type: 'other' })],
    repairs: ['duplicate aside'],
    judge: (file) => {
      assert.match(aside(file), /^0+1\tother\t/m);
      assert.deepEqual(
        rowsOf(file).map(({ type }) => type),
        ['email'],
      );
    },
  },
  'a second row that a compaction has set aside': {
    rows: [line({ id: A }), `#duplicate ${line({ id: A, type: 'other', status: '-------' })}`],
    repairs: ['duplicate aside'],
    judge: (file) => assert.match(aside(file), /^#duplicate 0+1\tother\t/m),
  },
  'a follow-up that a crash cut off': {
    rows: [parent],
    repairs: ['follow-up compact'],
    judge: (file) => assert.ok(statesOf(file).includes(`${followUpId(B, 1, 0)} pending`)),
  },
  'a job that waits for one that has ended': {
    rows: [waiting({ after: JSON.stringify({ ids: [B], else: 'run' }) }), done()],
    repairs: ['waiting compact'],
    judge: (file) => assert.ok(statesOf(file).includes(`${A} pending`)),
  },
  'a job that waits for nothing': { rows: [waiting({ after: 'no' })], repairs: [], left: ['waiting'] },
  'a job of a dead worker': {
    rows: [line({ id: A, status: 'processing', locked_by: dead, attempts: 1, started_at: 1000, version: 2 })],
    repairs: ['orphan rescue'],
    judge: (file) => {
      const row = rowsOf(file).find(({ status }) => status === 'pending');
      assert.deepEqual([row?.id, row?.attempts, row?.forgiven, row?.locked_by], [A, '1', '0', '']);
      assert.match(row?.error ?? '', /^worker died during attempt 1; it was /);
    },
  },
  'a job of a dead worker without attempts left': {
    rows: [
      line({ id: A, status: 'processing', locked_by: dead, attempts: 1, max_attempts: 1, started_at: 1000 }),
    ],
    repairs: ['orphan rescue'],
    judge: (file) => assert.deepEqual(statesOf(file), [`${A} failed`]),
  },
  'a job without the name of a worker': {
    rows: [line({ id: A, status: 'processing', attempts: 1, started_at: Date.now() / 1000 })],
    repairs: [],
    left: ['orphan'],
  },
  'a lock that a dead process left': {
    rows: [line({ id: A })],
    stage: (file) => {
      mkdirSync(`${file}.lock`);
      writeFileSync(join(`${file}.lock`, `owner.${dead}`), '');
    },
    repairs: ['lock compact'],
    judge: (file) => assert.ok(!existsSync(`${file}.lock`)),
  },
  'a lock that a living process holds': {
    rows: [line({ id: A })],
    stage: (file) => {
      mkdirSync(`${file}.lock`);
      writeFileSync(join(`${file}.lock`, `owner.${systemProcesses.self()}`), '');
    },
    repairs: [],
    left: ['lock'],
  },
  'a file that a crash left': {
    rows: [line({ id: A })],
    stage: (file) => writeFileSync(`${file}.0123456789ab.tmp`, 'half'),
    repairs: ['leftover remove'],
    judge: (file) => assert.ok(!existsSync(`${file}.0123456789ab.tmp`)),
  },
  'a file that everyone may write': {
    rows: [line({ id: A })],
    stage: (file) => chmodSync(file, 0o666),
    repairs: ['access mode'],
    judge: (file) => assert.equal(statSync(file).mode & 0o777, 0o664),
  },
  'a file that its owner may not write': {
    rows: [line({ id: A })],
    stage: (file) => chmodSync(file, 0o440),
    repairs: ['access mode'],
    judge: (file) => assert.equal(statSync(file).mode & 0o777, 0o640),
  },
  'a payload that is not JSON': { rows: [line({ id: A, payload: '{a:1}' })], repairs: [], left: ['payload'] },
  'a field that is no number': { rows: [line({ id: A, run_at: 'noon' })], repairs: [], left: ['number'] },
  'a job dated far ahead': {
    rows: [line({ id: A, created_at: ahead, run_at: ahead })],
    repairs: [],
    left: ['ahead'],
  },
  'a meta that is no object': { rows: [line({ id: A, meta: '[1]' })], repairs: [], left: ['meta'] },
  'a job that is interrupted again and again': {
    rows: [line({ id: A, meta: '{"@interruptions":4}' })],
    repairs: [],
    left: ['interrupted'],
  },
  'a schedule that makes no jobs': {
    rows: [line({ id: A, status: 'recurring' })],
    repairs: [],
    left: ['schedule'],
  },
  'two jobs with one key': {
    rows: [line({ id: A, dedupe_key: 'k' }), line({ id: B, dedupe_key: 'k' })],
    repairs: [],
    left: ['key'],
  },
};

function staged(t: TestContext, { rows, stage }: Case) {
  const queue = of(t, ...rows);
  stage?.(queue.file);
  return queue;
}

describe('doctor --fix', { concurrency: 3 }, () => {
  for (const [what, one] of Object.entries(CASES))
    test(`${what}: ${one.repairs.length > 0 ? 'repaired' : 'left to a person'}`, async (t) => {
      const { file, queue } = staged(t, one);
      const { repairs, left = [], args = [], judge } = one;
      const before = text(file);
      const dry = await queue('doctor', '--fix', '--dry-run', '--json', ...args);
      assert.equal(dry.code, 1, dry.stderr);
      const planned = records(dry.stdout);
      assert.deepEqual(
        planned.filter(({ repair }) => repair).map(({ kind, repair, done }) => `${kind} ${repair} ${done}`),
        repairs.map((repair) => `${repair} false`),
      );
      assert.deepEqual(
        planned.filter(({ repair }) => !repair).map(({ kind }) => kind),
        left,
      );
      assert.equal(text(file), before);
      const fixed = await queue('doctor', '--fix', '--yes', '--plain', ...args);
      assert.deepEqual([fixed.code, fixed.stderr], [left.length > 0 ? 1 : 0, '']);
      const told = fields(fixed.stdout);
      assert.equal(told.filter(([verb]) => verb === 'repaired').length, repairs.length);
      assert.deepEqual(
        told.filter(([kind]) => !/repair/.test(kind as string)).map(([kind]) => kind),
        left,
      );
      judge?.(file);
      if (repairs.length === 0) assert.equal(text(file), before);
      const after = [text(file), aside(file)];
      const again = await queue('doctor', '--fix', '--yes', ...args);
      assert.equal(again.code, fixed.code);
      assert.deepEqual([text(file), aside(file)], after, 'a second one changes nothing');
    });

  test('says all before it asks, and needs --yes without a terminal', async (t) => {
    const { file, queue } = of(t, line({ id: A, payload: '{a:1}' }), unreadable);
    const before = text(file);
    const { code, stdout, stderr } = await queue('doctor', '--fix');
    assert.deepEqual([code, text(file)], [2, before]);
    assert.match(
      stdout,
      /^to repair:\nunreadable: line 4: 2 fields, .*\n {2}→ the line goes to .*queue\.tsv\.aside, byte for byte; .*\n\nonly you can repair this:\npayload: line 3: /,
    );
    assert.match(stderr, /no terminal to ask at, so nothing was changed; give --yes/);
    const fixed = await queue('doctor', '--fix', '--yes');
    assert.match(fixed.stdout, /\n\nafter the repair:\npayload: line 3: .*\n$/);
  });

  test('says ok of a queue in order, and takes its options only together', async (t) => {
    const { queue } = of(t, line({ id: A }));
    assert.deepEqual(await queue('doctor', '--fix'), { code: 0, signal: null, stdout: 'ok\n', stderr: '' });
    for (const option of ['--dry-run', '--yes', '--release-held']) {
      const refused = await queue('doctor', option);
      assert.deepEqual([refused.code, refused.stderr], [2, `queue: ${option} needs --fix\n`]);
    }
  });
});

test('the file that is named for moved lines is the one beside the file that a symlink leads to', async (t) => {
  const { file } = of(t, line({ id: A }), unreadable);
  const link = join(dirname(file), 'link.tsv');
  symlinkSync(file, link);
  const { stdout } = await run(t, ['-f', link, 'doctor', '--fix', '--yes']);
  const named = /the line goes to (\S+), byte for byte/.exec(stdout)?.[1];
  assert.match(text(named as string), /half a line\tof a person/);
});
