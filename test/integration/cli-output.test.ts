import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../support/folders.js';
import { jobId, line, writeQueue } from '../support/queue-file.js';
import { isThorough } from '../support/samples.js';
import { CLI, fields, lines, records, runOn, start } from './cli-process.js';

/** Clears the screen, sets the title, an 8-bit CSI, a bell, a backspace; right-to-left, zero width, line separator. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\u009b31m\b\u202eevil\u200b\u2028\u2066';

/** Everything that a terminal would obey, or that would be seen as something else than it is. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** A queue file that somebody wrote by hand, to harm whoever looks at it; and the command on it. */
function evilQueue(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const fine = { type: `t${EVIL}`, payload: JSON.stringify({ text: EVIL }), run_at: 1000 };
  writeQueue(
    file,
    line({ ...fine, id: 'aa1' }),
    line({ ...fine, id: 'aa2', status: 'failed', error: `Error: ${EVIL}\\n    at ${EVIL}`, attempts: 1 }),
    line({
      ...fine,
      id: 'aa3',
      status: 'completed',
      result: JSON.stringify(EVIL),
      finished_at: Date.now() / 1000,
    }),
    line({ ...fine, id: `bb${EVIL}`, status: 'processing', locked_by: `host${EVIL}` }),
    line({ ...fine, id: 'cc1', payload: `no JSON ${EVIL}` }),
    line({ ...fine, id: 'dd1', status: `done${EVIL}` }),
  );
  writeFileSync(`${file}.tick`, `1000\nno handler\tt${EVIL}\n`);
  return { file, queue: runOn(t, file) };
}

describe('output is harmless whatever the file holds', { concurrency: 3 }, () => {
  for (const [n, args] of [
    ['list'],
    ['show', 'aa1'],
    ['show', 'aa2'],
    ['show', 'aa3'],
    ['show', 'bb'],
    ['stats'],
    ['doctor'],
    ['check'],
    ['cancel', 'aa', 'bb'],
    ['cancel', 'aa2', 'aa3', `ff${EVIL}`],
    ['retry', 'aa2'],
    ['add', `t${EVIL}`],
    ['add', 'email', `{${EVIL}`],
    [`co${EVIL}mmand`],
    ['list', '--status', EVIL],
  ].entries())
    test(JSON.stringify(args).slice(0, 40), async (t) => {
      const { queue } = evilQueue(t);
      // In the nightly form for people and both formats for programs, otherwise one of these.
      const formats = isThorough ? [['--json'], ['--plain']] : [n % 2 === 0 ? ['--json'] : ['--plain']];
      for (const format of [[], ...formats]) {
        const { stdout, stderr } = await queue(...format, ...args);
        assert.ok(stdout !== '' || stderr !== '');
        assert.doesNotMatch(stdout.replaceAll(/[\n\t]/g, ''), HARMFUL);
        assert.doesNotMatch(stderr.replaceAll('\n', ''), HARMFUL);
        if (format[0] === undefined) assert.doesNotMatch(stdout, /\t/);
      }
    });

  test('--json gives the text back as it is', async (t) => {
    const { queue } = evilQueue(t);
    const jobs = records((await queue('list', '--json')).stdout);
    assert.equal(jobs[0]?.type, `t${EVIL}`);
    assert.deepEqual(jobs[0]?.payload, { text: EVIL });
    assert.equal(jobs[1]?.error, `Error: ${EVIL}\n    at ${EVIL}`);
    assert.equal(jobs[2]?.result, EVIL);
    assert.equal(jobs[3]?.id, `bb${EVIL}`);
  });

  test('--plain has the same number of fields as always', async (t) => {
    const { queue } = evilQueue(t);
    assert.deepEqual(
      fields((await queue('list', '--plain')).stdout).map((row) => row.length),
      [13, 13, 13, 13, 13],
    );
  });

  test('people can see that control characters are there', async (t) => {
    const { queue } = evilQueue(t);
    assert.match(
      (await queue('list')).stdout,
      /t\\u001b\[2J\\u001b\]0;owned\\u0007\\u009b31m\\u0008\\u202eevil/,
    );
  });
});

describe('a reader that stops reading', { concurrency: 2 }, () => {
  for (const format of [[], ['--json'], ['--plain']])
    test(`ends list quietly ${format}`, async (t) => {
      const file = join(temporaryFolder(t), 'queue.tsv');
      writeQueue(file, ...Array.from({ length: 5000 }, (_, i) => line({ id: jobId(i) })));
      const { child, ended } = start(t, ['list', ...format], { env: { QUEUE_FILE: file } });
      await once(child.stdout, 'data');
      child.stdout.destroy();
      const { code, signal, stderr } = await ended;
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    });

  test('is waited for, quietly, if it is only slow', async (t) => {
    const file = join(temporaryFolder(t), 'queue.tsv');
    writeQueue(file, ...Array.from({ length: 20_000 }, (_, i) => line({ id: jobId(i) })));
    const child = spawn(process.execPath, [CLI, 'list', '--plain'], {
      env: { QUEUE_FILE: file },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stderr = text(child.stderr);
    let rows = 0;
    for await (const chunk of child.stdout) {
      rows += String(chunk).split('\n').length - 1;
      // What is slow here is the reader, on purpose.
      await sleep(8);
    }
    assert.deepEqual([rows, await stderr], [20_000, '']);
  });

  test('a full disk is an error', { skip: !existsSync('/dev/full') }, async (t) => {
    const { file } = evilQueue(t);
    const child = spawn(process.execPath, [CLI, 'list'], {
      env: { QUEUE_FILE: file },
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 1);
    assert.match(stderr, /^queue: could not write to stdout: ENOSPC.*\n$/);
  });
});

test('a long table is printed in full, with aligned columns', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeQueue(
    file,
    ...Array.from({ length: 3000 }, (_, i) =>
      line({ id: jobId(i), type: i === 100 ? 'a_longer_one' : 'email' }),
    ),
  );
  const [head = '', ...rows] = lines((await runOn(t, file)('list')).stdout);
  assert.equal(rows.length, 3000);
  const at = head.indexOf('STATUS');
  assert.ok(rows.every((row, i) => row.startsWith(jobId(i)) && row.slice(at).startsWith('pending ')));
});
