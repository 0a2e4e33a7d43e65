import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { text } from '../support/queue-file.js';
import { fields, fiveStates, records, runOn } from './cli-process.js';

describe('pause', { concurrency: 3 }, () => {
  test('says what is paused and until when, and resume what starts again', async (t) => {
    const { queue } = fiveStates(t);
    const all = await queue('pause');
    assert.deepEqual([all.code, all.stdout, all.stderr], [0, 'paused all types, until queue resume\n', '']);
    const hours = await queue('pause', 'email', '--for', '2h');
    assert.match(hours.stdout, /^paused email, until 20\d\d-.*Z\n$/);
    const early = await queue('resume', 'email');
    assert.equal(early.code, 1);
    assert.match(early.stderr, /^queue: email can't be resumed.*all types are paused: queue resume\n$/);
    const resumed = await queue('resume');
    assert.deepEqual([resumed.code, resumed.stdout, resumed.stderr], [0, '', 'queue: resumed all types\n']);
    const again = await queue('resume');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /all types can't be resumed.*nothing is paused\n$/);
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
    const { queue } = fiveStates(t);
    assert.equal((await queue('pause', '--for', 'soon')).code, 2);
    assert.equal((await queue('pause', 'a\tb')).code, 2);
    const missing = runOn(t, join(temporaryFolder(t), 'queue.tsv'));
    for (const name of ['pause', 'resume']) assert.equal((await missing(name)).code, 3, name);
  });
});
