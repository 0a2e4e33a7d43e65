import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { line, text, writeQueue } from '../support/queue-file.js';
import { fields, fiveStates, records, runOn, start } from './cli-process.js';

describe('pause', { concurrency: 3 }, () => {
  test('says what is paused and until when, and resume what starts again', async (t) => {
    const { queue } = fiveStates(t);
    const all = await queue('pause');
    assert.deepEqual([all.code, all.stdout, all.stderr], [0, 'paused all types, until queue resume\n', '']);
    const hours = await queue('pause', 'email', '--for', '2h');
    assert.match(hours.stdout, /^paused email, until 20\d\d-.*Z\n$/);
    const early = await queue('resume', 'email');
    assert.equal(early.code, 1);
    assert.match(
      early.stderr,
      /^queue: the pause of email has ended, but none starts.*all types are paused: queue resume\n$/,
    );
    const resumed = await queue('resume');
    assert.deepEqual([resumed.code, resumed.stdout, resumed.stderr], [0, '', 'queue: resumed all types\n']);
    const again = await queue('resume');
    assert.equal(again.code, 1);
    assert.match(
      again.stderr,
      /all types can't be resumed, because there is no pause of all types; nothing is paused\n$/,
    );
  });

  test('notes who asked for it, and prints a record with --json and --plain', async (t) => {
    const { file, queue } = fiveStates(t);
    const who = process.env.SUDO_USER ?? userInfo().username;
    const [record] = records((await queue('pause', 'email', '--json')).stdout);
    assert.deepEqual([record?.type, record?.by], ['email', who]);
    const [plain] = fields((await queue('pause', 'email', '--for', '1h', '--plain')).stdout);
    assert.equal(plain?.[0], 'email');
    assert.equal(Date.parse(plain?.[2] ?? '') - Date.parse(record?.since as string) >= 3_600_000, true);
    assert.match(text(`${file}.paused`), new RegExp(`^email\\t[\\d.]+\\t[\\d.]+\\t${who}\\n$`));
    assert.deepEqual(records((await queue('resume', 'email', '--json')).stdout), [{ type: 'email' }]);
  });

  test('refuses a time that is none, and a queue that does not exist', async (t) => {
    const { file, queue } = fiveStates(t);
    assert.equal((await queue('pause', '--for', 'soon')).code, 2);
    assert.equal((await queue('pause', 'a\tb')).code, 2);
    const swapped = await queue('pause', '--drain', 'email');
    assert.equal(swapped.code, 2);
    assert.match(swapped.stderr, /^queue: --drain is "email".*duration/);
    assert.equal(existsSync(`${file}.paused`), false);
    const missing = runOn(t, join(temporaryFolder(t), 'queue.tsv'));
    for (const name of ['pause', 'resume']) assert.equal((await missing(name)).code, 3, name);
  });

  test('--drain tells how many jobs still run when its time is over, and exits with 1', async (t) => {
    const { queue } = fiveStates(t);
    const all = await queue('pause', '--drain', '0');
    assert.deepEqual(
      [all.code, all.stdout, all.stderr],
      [1, 'paused all types, until queue resume\n1 job still runs\n', ''],
    );
    const report = await queue('pause', 'report', '--drain', '10s');
    assert.deepEqual(
      [report.code, report.stdout],
      [0, 'paused report, until queue resume\nno report job runs\n'],
    );
    const json = await queue('pause', 'email', '--drain', '100ms', '--json');
    const [record] = records(json.stdout);
    assert.deepEqual([json.code, record?.type, record?.running], [1, 'email', 1]);
    const plain = await queue('pause', 'report', '--for', '1h', '--drain', '--plain');
    const [cells] = fields(plain.stdout);
    assert.deepEqual([plain.code, cells?.length, cells?.[0], cells?.[4]], [0, 5, 'report', '0']);
  });

  test('--drain without a time waits until no job runs, and the pause stays if it is interrupted', async (t) => {
    const { file, queue } = fiveStates(t);
    const interrupted = start(t, ['pause', '--drain'], { env: { QUEUE_FILE: file } });
    await interrupted.said('paused all types');
    interrupted.child.kill('SIGINT');
    assert.equal((await interrupted.ended).signal, 'SIGINT');
    assert.match(text(`${file}.paused`), /^\*\t/);

    const waiting = start(t, ['pause', '--drain'], { env: { QUEUE_FILE: file } });
    await waiting.said('paused all types');
    assert.equal((await queue('cancel', 'aa00000000000002')).code, 0);
    const { code, stdout, stderr } = await waiting.ended;
    assert.deepEqual([code, stdout, stderr], [0, 'paused all types, until queue resume\nno job runs\n', '']);
  });

  test('--drain counts several jobs', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    const running = {
      status: 'processing',
      attempts: 1,
      started_at: 1000,
      locked_by: 'elsewhere.boot.1.2.3.4',
    };
    const ids = ['aa00000000000001', 'aa00000000000002'];
    writeQueue(file, ...ids.map((id) => line({ id, ...running })));
    const { code, stdout } = await runOn(t, file)('pause', 'email', '--drain', '0');
    assert.equal(code, 1);
    assert.match(stdout, /\n2 email jobs still run\n$/);
  });
});
