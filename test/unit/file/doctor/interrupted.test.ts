import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { interruptedProblem } from '../../../../lib/file/doctor/interrupted.js';
import { fileOf, jobId, line } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const [A, B, C] = [jobId(1), jobId(2), jobId(3)];

function over(t: TestContext, ...rows: string[]) {
  const file = fileOf(t, ...rows);
  chmodSync(file, 0o640);
  return openTest(t, { file });
}

const problemOf = (t: TestContext, ...rows: string[]) => interruptedProblem(over(t, ...rows).store);

const meta = (interruptions: number): string => `{"a":1,"@interruptions":${interruptions}}`;

test('a job that was interrupted three times in a row is named', async (t) => {
  const rows = [line({ id: A, meta: meta(2) }), line({ id: B, type: 'report', meta: meta(3) })];
  const problem = `job ${B} (report) was interrupted 3 times in a row`;
  assert.equal(await problemOf(t, ...rows), problem);
  const message = `${problem}; give its workers more time, or the job less to do; queue cancel stops it`;
  assert.deepEqual(await inspect(over(t, ...rows).store), [{ kind: 'interrupted', line: 4, id: B, message }]);
});

test('several interrupted jobs are counted, and the first is named', async (t) => {
  assert.equal(
    await problemOf(
      t,
      line({ id: A, meta: meta(5), status: 'processing' }),
      line({ id: B, meta: meta(3) }),
      line({ id: C }),
    ),
    `2 jobs were interrupted again and again, the first: job ${A} (email) was interrupted 5 times in a row`,
  );
});

test('a job counts as its newest row has it, crossed out or not', async (t) => {
  const older = line({ id: A, meta: meta(4) });
  assert.equal(await problemOf(t, older, line({ id: A, version: 2 })), undefined);
  assert.equal(
    await problemOf(t, older, line({ id: A, version: 2, meta: meta(5) })),
    `job ${A} (email) was interrupted 5 times in a row`,
  );
});

test('finished jobs, and text that merely looks like a note, do not count', async (t) => {
  const rows = [
    line({ id: A, status: 'failed', meta: meta(13) }),
    line({ id: B, status: 'cancelled', meta: meta(13) }),
    line({ id: C, payload: meta(13) }),
    line({ id: jobId(4), meta: `{"a":${meta(13)}}` }),
    line({ id: jobId(5), meta: '{"@interruptions":"13"}' }),
    `# "@interruptions":13\n`,
  ];
  assert.equal(await problemOf(t, ...rows), undefined);
  assert.deepEqual(await inspect(over(t, ...rows).store), []);
});

test('a queue without a file has no interrupted job', async (t) => {
  assert.equal(await interruptedProblem(openTest(t).store), undefined);
});

test('an interrupted job is found in any block of a large file', async (t) => {
  const rows = Array.from({ length: 3000 }, (_, n) =>
    line({ id: jobId(n + 10), payload: `"${'x'.repeat(400)}"` }),
  );
  rows.splice(2900, 0, line({ id: A, meta: meta(4) }));
  assert.match((await problemOf(t, ...rows)) ?? '', new RegExp(`^job ${A} `));
});

test('a meta that can hold no note is reported', async (t) => {
  const findings = await inspect(
    over(
      t,
      line({ id: A, meta: 'by hand' }),
      line({ id: B, meta: `{"a":"${'x'.repeat(4096)}"}` }),
      line({ id: C, meta: '[]', status: 'completed' }),
      line({ id: jobId(4), meta: '{"a":1}' }),
    ).store,
  );
  assert.deepEqual(
    findings.map(({ kind, line: at, id }) => [kind, at, id]),
    [
      ['meta', 3, A],
      ['meta', 4, B],
    ],
  );
  assert.match(findings[0]?.message ?? '', /^the meta of job 0000000000000001 is not a JSON object/);
});
