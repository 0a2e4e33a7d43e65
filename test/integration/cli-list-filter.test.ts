import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HEADER, jobId, line } from '../support/queue-file.js';
import { fields, lines, run } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * Which jobs `queue list` lists, and in which order.
 */

const now = Date.now() / 1000;

function jobs(t: TestContext) {
  return of(
    t,
    line({ id: jobId(1), created_at: now - 7300, run_at: now - 7300 }),
    line({ id: jobId(2), type: 'report', created_at: now - 9000, run_at: now + 60, payload: '{"to":"ann"}' }),
    line({
      ...{ id: jobId(3), status: 'failed', attempts: 3, version: 4, error: 'Error: user 7 is gone' },
      ...{ created_at: now - 90_000, started_at: now - 80, finished_at: now - 60 },
    }),
    line({
      ...{
        id: jobId(4),
        type: 'a,b',
        status: 'completed',
        attempts: 1,
        version: 3,
        result: '{"sent":"ann"}',
      },
      ...{ created_at: now - 90_000, started_at: now - 4000, finished_at: now - 3900 },
    }),
    line({
      ...{ id: jobId(5), type: 'report', status: 'cancelled', version: 2 },
      ...{ created_at: now - 100, finished_at: now - 50 },
    }),
  );
}

for (const [args, ids] of [
  ['--status failed,cancelled', '35'],
  ['--status failed cancelled', '35'],
  ['--status failed --status pending,cancelled', '1235'],
  ['--type email --type a,b', '134'],
  ['--type report,a', '25'],
  ['--since 1h', '35'],
  ['--until 1h', '124'],
  ['--since 2h --until 1h', '4'],
  [`--since ${Math.floor(now - 3950)} --until ${new Date((now - 55) * 1000).toISOString()}`, '34'],
  ['--search ann', '24'],
  ['--search is.gone', ''],
  ['--search 0000003', '3'],
  ['--sort created', '34215'],
  ['--sort -created', '51234'],
  ['--sort finished --reverse', '53412'],
  ['--sort duration --limit 2', '34'],
  ['--sort attempts --limit 0', ''],
  ['--sort type', '41325'],
  ['--sort -run_at --limit 1', '2'],
] as const)
  test(`list ${args.replaceAll(/\d{10}|\d{4}-\S+/g, '…')}`, async (t) => {
    const { queue } = jobs(t);
    const { code, stdout, stderr } = await queue('list', '--plain', ...args.split(' '));
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      fields(stdout)
        .map(([id]) => id?.at(-1))
        .join(''),
      ids,
    );
  });

test('lists the jobs of an error group', async (t) => {
  const { queue } = jobs(t);
  const [group = ''] = fields((await queue('errors', '--plain')).stdout)[0] ?? [];
  assert.deepEqual(
    fields((await queue('list', '--plain', '--error', group)).stdout).map(([id]) => id),
    [jobId(3)],
  );
});

test('refuses what it can not read, with the nearest that it knows', async (t) => {
  const { queue } = jobs(t);
  for (const [args, said] of [
    [['--status', 'faild,pending'], /'faild,pending' is invalid.*did you mean failed\?/],
    [['--sort', 'finish'], /--sort is "finish"; it must be one of .*did you mean finished\?/],
    [['--columns', 'id,eror'], /--columns has "eror"; the columns are id, .*did you mean error\?/],
    [['--since', 'yesterday'], /--since is "yesterday".*a duration back from now/],
    [['--until', '7200'], /--until is 7200, which has no unit/],
    [['--until', '2030-01-01'], /--until is "2030-01-01".*offset/],
    [['--reverse'], /--reverse needs --sort/],
    [['--json', '--columns', 'id'], /--columns is for the table and --plain/],
  ] as const) {
    const { code, stderr, stdout } = await queue('list', ...args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, said);
  }
});

test('tells people of a type that no job has, and the nearest that some have', async (t) => {
  const { queue, file } = jobs(t);
  const said = `queue: no jobs of type "emial" in ${file}; did you mean email?\n`;
  const { code, stdout, stderr } = await queue('list', '--type', 'emial');
  assert.deepEqual([code, stdout, stderr], [0, '', said]);
  assert.deepEqual((await queue('list', '--type', 'emial,report')).stderr, said);
  assert.equal((await queue('list', '--type', 'emial', '--json')).stderr, '');
  for (const args of [
    ['retry', '--yes'],
    ['cancel', '--yes'],
    ['dismiss', '--dry-run'],
  ])
    assert.equal((await queue(...args, '--type', 'emial')).stderr, said, args[0]);
  assert.equal((await queue('pause', 'emial')).stderr, said);
});

test('--columns chooses the fields of --plain and the columns of the table', async (t) => {
  const { queue } = jobs(t);
  const args = ['list', '--columns', 'payload,id,started_at,duration', '--status', 'pending,failed'];
  assert.deepEqual(fields((await queue(...args, '--plain')).stdout).at(1), [
    '{"to":"ann"}',
    jobId(2),
    '',
    '',
  ]);
  const [head = '', ...rows] = lines((await queue(...args)).stdout);
  assert.match(head, /^PAYLOAD +ID +STARTED +DURATION$/);
  assert.match(rows[2] ?? '', /^\{\} +0+3 +\d{4}-\S+Z +20s$/);
});

test('--archive goes on with the archived jobs, and lists none twice', async (t) => {
  const { queue, file } = jobs(t);
  mkdirSync(join(file, '../archive'));
  const old = (n: number, fields = {}): string =>
    line({ id: jobId(n), status: 'completed', version: 3, finished_at: 1000 + n, ...fields });
  writeFileSync(join(file, '../archive/queue-2020-01.tsv'), `${HEADER}\n${old(10)}${old(3)}`);
  writeFileSync(
    join(file, '../archive/queue-2020-02.tsv'),
    `${HEADER}\n${old(11, { type: 'report' })}torn\n${old(12)}`,
  );
  // A crash left it on its way to the archive.
  writeFileSync(`${file}.2020-02.0123456789ab.tmp`, `${HEADER}\n${old(12)}${old(13)}`);
  const idsOf = async (...args: string[]): Promise<string[]> =>
    fields((await queue('list', '--plain', ...args)).stdout).map(([id = '']) => id);
  assert.deepEqual(
    (await idsOf('--archive')).map((id) => Number.parseInt(id, 16)),
    [...[1, 2, 3, 4, 5], ...[12, 13, 11, 10]],
  );
  assert.deepEqual(await idsOf('--archive', '--type', 'report', '--status', 'completed'), [jobId(11)]);
  assert.deepEqual(await idsOf('--archive', '--sort', 'finished', '--limit', '1'), [jobId(10)]);
});

test('people get local times with their offset, or UTC with --utc; programs always UTC', async (t) => {
  const { file } = of(t, line({ id: jobId(1), run_at: 1893456000 }));
  const env = { QUEUE_FILE: file, TZ: 'Asia/Tokyo' };
  const stdoutOf = async (...args: string[]): Promise<string> => (await run(t, args, { env })).stdout;
  assert.match(await stdoutOf('list'), /2030-01-01T09:00:00\+09:00/);
  assert.match(await stdoutOf('list', '--local'), /2030-01-01T09:00:00\+09:00/);
  assert.match(await stdoutOf('list', '--utc'), /2030-01-01T00:00:00Z/);
  for (const format of ['--plain', '--json'])
    assert.match(await stdoutOf('list', format), /2030-01-01T00:00:00.000Z/);
});
