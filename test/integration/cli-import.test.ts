import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, rowsOf, text } from '../support/queue-file.js';
import { records, run, runOn } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * `queue import` in all its formats. That it adds all jobs or none, whatever kills it, is in
 * test/crash/moving-killed.test.ts.
 */

/** A command on a queue that is not there yet, and a way to import a text. */
function fresh(t: TestContext) {
  const folder = temporaryFolder(t);
  const file = join(folder, 'data', 'queue.tsv');
  const queue = runOn(t, file);
  const take = (name: string, content: string | Buffer, ...args: string[]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return queue('import', path, ...args);
  };
  return { folder, file, queue, take };
}

describe('import', { concurrency: 3 }, () => {
  test('adds the jobs of a CSV file: quoted fields with line ends, a byte order mark, CRLF', async (t) => {
    const { file, queue, take } = fresh(t);
    const csv =
      '\uFEFFtype,payload,Run At,priority,max-attempts,timeout,group,key,meta,label\r\n' +
      'email,"{""to"":""ann@example.com"",\r\n ""n"":1}",2090-01-31T09:00:00Z,5,3,90s,acme,k1,"{""by"":""ann""}",import=42\r\n' +
      'report,,,,,,,,,\r\n\r\n';
    const { code, stdout, stderr } = await take('jobs.csv', csv);
    assert.deepEqual([code, stdout, stderr], [0, '', 'queue: 2 jobs (1 email, 1 report) imported\n']);
    const [email, report] = records((await queue('list', '--json')).stdout);
    const { id, createdAt, ...fields } = email as Record<string, unknown>;
    assert.match(String(id), /^[0-9a-f]{16}$/);
    assert.ok(Math.abs(Date.now() - Date.parse(String(createdAt))) < 60_000);
    assert.deepEqual(
      Object.fromEntries(
        ['type', 'payload', 'status', 'runAt', 'attempts', 'priority', 'maxAttempts', 'timeout'].map(
          (name) => [name, fields[name]],
        ),
      ),
      {
        type: 'email',
        payload: { to: 'ann@example.com', n: 1 },
        status: 'pending',
        runAt: '2090-01-31T09:00:00.000Z',
        attempts: 0,
        priority: 5,
        maxAttempts: 3,
        timeout: 90_000,
      },
    );
    assert.deepEqual(
      [fields.group, fields.dedupeKey, fields.meta],
      ['acme', 'k1', { by: 'ann', import: '42' }],
    );
    assert.deepEqual([report?.type, report?.payload], ['report', null]);
    assert.equal((await queue('doctor')).stdout, 'ok\n');
    assert.deepEqual(readdirSync(dirname(file)), ['queue.tsv']);
  });

  test('tells the format by the ending, by the first line, or is told', async (t) => {
    const { file, queue, take } = fresh(t);
    for (const [name, content, ...args] of [
      ['a.tsv', 'type\tpayload\na\t"text"\n'],
      ['b', 'type\tpayload\nb\t{"q":"\\""}'],
      ['c', 'type;payload\nc;"{""a"":[1,2]}"\n'],
      ['d', '{"type":"d","payload":"text","run-at":4000000000,"meta":{"a":1},"group":null}\n\n'],
      ['e.csv', '{"type":"e"}\n', '--format', 'jsonl'],
    ] as const)
      assert.equal((await take(name, content, ...args)).code, 0, name);
    const stdin = await run(t, ['import', '-'], { env: { QUEUE_FILE: file }, input: 'type\nf\n' });
    assert.deepEqual([stdin.code, stdin.stderr], [0, 'queue: 1 job (1 f) imported\n']);
    const jobs = records((await queue('list', '--json')).stdout);
    assert.deepEqual(
      jobs.map(({ type, payload }) => [type, payload]),
      [
        ['a', 'text'],
        ['b', { q: '"' }],
        ['c', { a: [1, 2] }],
        ['d', 'text'],
        ['e', null],
        ['f', null],
      ],
    );
    assert.deepEqual([jobs[3]?.runAt, jobs[3]?.meta], ['2096-10-02T07:06:40.000Z', { a: 1 }]);
  });

  test('names the lines that can not be used, the first 20 of them, and then imports nothing', async (t) => {
    const { file, take } = fresh(t);
    const bad = await take(
      'bad.csv',
      'type,payload,timeout,run_at,priority\n' +
        'ok,,,,\n' +
        'x,"{""a"":\n1,}",,,\n' +
        'x,,90,,\n' +
        'x,,,tomorrow,\n' +
        'x,,,,high\n' +
        ' x,,,,\n' +
        'x,1\n' +
        'x,9007199254740993,,,\n',
    );
    assert.deepEqual([bad.code, bad.stdout, existsSync(dirname(file))], [1, '', false]);
    const said = bad.stderr.split('\n').map((text) => text.slice(0, 44));
    assert.deepEqual(said, [
      'queue: line 3: its payload is not JSON: Expe',
      'queue: line 5: timeout is 90, which has no u',
      'queue: line 6: runAt is "tomorrow" (string);',
      'queue: line 7: priority is "high" (string); ',
      'queue: line 8: type is " x" (string); it mus',
      'queue: line 9: it has 2 fields, where the he',
      'queue: line 10: payload is 9007199254740993,',
      "queue: nothing was imported: 7 lines can't b",
      '',
    ]);
    const many = await take('many.jsonl', 'nothing\n'.repeat(25));
    assert.equal(many.stderr.split('\n').length - 1, 22);
    assert.match(
      many.stderr,
      /line 20: it is not JSON: .*\nqueue: and 5 more lines that can't be used\nqueue: nothing/,
    );
  });

  test('refuses a file that has other columns, naming what was meant', async (t) => {
    const { take, file } = fresh(t);
    for (const [name, content, said] of [
      [
        'a.csv',
        'type,priorty\n',
        /"priorty" is no column of a job \(did you mean priority\?\); --ignore-unknown/,
      ],
      ['b.csv', 'type,colour\n', /"colour" is no column of a job \(the columns are type, payload, run_at, /],
      ['c.csv', 'payload\n1\n', /there is no column type; name the type of all jobs with --type/],
      ['d.csv', 'type,key,dedupe_key\n', /the column "dedupe_key" is there twice/],
      [
        'e.jsonl',
        '{"type":"a","paylod":1}\n',
        /line 1: "paylod" is no column of a job \(did you mean payload\?\)/,
      ],
      ['f.json', '[{"type":"a"}]', /is a JSON array; write one object in each line/],
      ['g.csv', Buffer.from('\uFEFFtype\na\n', 'utf16le'), /is UTF-16; save it as UTF-8/],
      ['h.csv', Buffer.from('type\na\n\xe9\n', 'latin1'), /line 3 is not UTF-8/],
      [
        'i.csv',
        'type,payload\na,"never closed\nb,1\n',
        /line 2: a quote that opens a field in it is never closed/,
      ],
      ['j.tsv', text(of(t, line({ id: jobId(1) })).file), /this is a queue file, .* queue export writes/],
    ] as const) {
      const refused = await take(name, content);
      assert.deepEqual([refused.code, refused.stdout, existsSync(file)], [1, '', false], name);
      assert.match(refused.stderr, said);
    }
    assert.equal((await take('k.csv', 'type,colour\na,red\n', '--ignore-unknown')).code, 0);
    assert.equal((await take('l.csv', 'payload\n1\n', '--type', 'b', '--label', 'import=7')).code, 0);
    assert.deepEqual(
      rowsOf(file).map(({ type, payload, meta }) => [type, payload, meta]),
      [
        ['a', 'null', ''],
        ['b', '1', '{"import":"7"}'],
      ],
    );
  });

  test('leaves out jobs whose key another one has, and finished ones, and counts them', async (t) => {
    const { file, queue } = of(t, line({ id: jobId(1), dedupe_key: 'k1' }));
    const jsonl = [
      { type: 'email', key: 'k1' },
      { type: 'email', key: 'k2' },
      { type: 'email', key: 'k2' },
      { type: 'report', key: 'k1' },
      { type: 'email', status: 'failed' },
      { type: 'email', status: 'processing' },
    ];
    const input = jsonl.map((job) => `${JSON.stringify(job)}\n`).join('');
    const env = { QUEUE_FILE: file };
    const before = text(file);
    const expected = { imported: 3, duplicates: 2, finished: 1, types: { email: 2, report: 1 } };
    const dry = await run(t, ['import', '-', '--dry-run', '--json'], { env, input });
    assert.deepEqual(records(dry.stdout), [{ ...expected, dryRun: true }]);
    assert.equal(text(file), before);
    const said = await run(t, ['import', '-', '--dry-run'], { env, input });
    assert.equal(
      said.stderr,
      'queue: 3 jobs (2 email, 1 report) would be imported; 2 left out whose key another job has; 1 left out that is finished\n',
    );
    const done = await run(t, ['import', '-', '--plain'], { env, input });
    assert.deepEqual([done.code, done.stdout, done.stderr], [0, '3\t2\t1\n', '']);
    assert.deepEqual(
      rowsOf(file).map(({ type, status, dedupe_key }) => `${type} ${status} ${dedupe_key}`),
      ['email pending k1', 'email pending k2', 'report pending k1', 'email pending '],
    );
    assert.equal((await queue('doctor')).stdout, 'ok\n');
  });

  test('keeps to maxBytes, and leaves nothing behind', async (t) => {
    const { file } = of(t, line({ id: jobId(1) }));
    const before = text(file);
    const full = await run(t, ['import', '-'], {
      env: { QUEUE_FILE: file, QUEUE_MAX_BYTES: '1000' },
      input: `type\n${'email\n'.repeat(20)}`,
    });
    assert.deepEqual([full.code, text(file)], [1, before]);
    assert.match(full.stderr, /would make it larger than maxBytes, 1000\. Nothing was added/);
    assert.deepEqual(readdirSync(dirname(file)), ['queue.tsv']);
  });

  test('adds jobs to a file with columns of its own, or older ones, and beyond what memory holds', async (t) => {
    const { file, queue } = of(t);
    writeFileSync(file, 'id\ttype\tpayload\tstatus\tcreated_at\trun_at\tattempts\terror\tresult\tmine\n');
    const rows = Array.from(
      { length: 20_000 },
      (_, i) => `email,"{""n"":${i},""text"":""${'é'.repeat(40)}""}"\n`,
    );
    const { code } = await run(t, ['import', '-'], {
      env: { QUEUE_FILE: file },
      input: `type,payload\n${rows.join('')}`,
    });
    assert.equal(code, 0);
    const found = rowsOf(file);
    assert.equal(found.length, 20_000);
    assert.deepEqual(
      found.map(({ payload = '' }) => (JSON.parse(payload) as { n: number }).n),
      Array.from({ length: 20_000 }, (_, i) => i),
    );
    assert.equal(found[7]?.mine, '');
    assert.equal((await queue('doctor')).stdout, 'ok\n');
  });

  test('says which file is missing, and shows no progress without a terminal', async (t) => {
    const { queue, folder } = fresh(t);
    const missing = await queue('import', join(folder, 'none.csv'));
    assert.deepEqual([missing.code, missing.stdout], [3, '']);
    assert.match(missing.stderr, /there is no file .*none\.csv/);
    assert.equal((await queue('import', folder)).code, 1);
  });
});
