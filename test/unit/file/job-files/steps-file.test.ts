import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { stepsPath } from '../../../../lib/file/job-files/file-names.js';
import { readSteps, StepsFile } from '../../../../lib/file/job-files/steps-file.js';
import type { RecordedStep } from '../../../../lib/job/step.js';
import { failing } from '../../../support/faults.js';
import { bytesOf, type Call, type Fault, faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { HEADER, jobId } from '../../../support/queue-file.js';

const ID = jobId(7);
const AT = Date.UTC(2030, 0, 1, 0, 0, 0, 250);

const step = (name: string, result = '', attempt = 1): RecordedStep => ({ name, attempt, at: AT, result });
const line = (name: string, result = '', attempt = 1): string =>
  `${name}\t${attempt}\t${AT / 1000}\t${result}\n`;

/** A queue with nothing but its header, and the files of one of its jobs. */
function opened(t: TestContext, inject?: Fault, durability: 'sync' | 'os' = 'sync') {
  const file = join(temporaryFolder(t), 'queue.tsv');
  writeFileSync(file, `${HEADER}\n`, { mode: 0o640 });
  const path = stepsPath(file, ID);
  const { fs, calls, fault } = faultyFs(inject);
  const journals: StepsFile[] = [];
  const open = (): StepsFile => {
    const journal = new StepsFile({ fs, realPath: file, options: { durability } }, ID);
    journals.push(journal);
    return journal;
  };
  t.after(() => {
    for (const journal of journals) journal.close();
  });
  return { file, path, fs, calls, fault, open, text: () => readFileSync(path, 'utf8') };
}

const isAppend = ({ name, args }: Call): boolean =>
  (name === 'writeSync' || name === 'write') && args[2] === null;

/** Lets the first append bring only some of its bytes to the file, without an error. */
const shortOnce = (bytes: (all: Buffer) => number): Fault => {
  let isDone = false;
  return (call, real) => {
    if (isDone || !isAppend(call)) return real();
    isDone = true;
    const all = bytesOf(call);
    return systemFs.writeSync(call.args[0] as number, all.subarray(0, bytes(all)), null);
  };
};

test('records steps as lines, and reads them in the next attempt', async (t) => {
  const { open, text, file } = opened(t);
  const first = open();
  assert.deepEqual(await first.read(), []);
  assert.deepEqual(await first.record(step('charge', '{"id":7}')), step('charge', '{"id":7}'));
  await first.record(step('nothing'));
  assert.equal(text(), line('charge', '{"id":7}') + line('nothing'));
  first.close();
  const second = open();
  assert.deepEqual(await second.read(), [step('charge', '{"id":7}'), step('nothing')]);
  await second.record(step('größe 日本', '"ü"', 2));
  assert.deepEqual(await readSteps({ fs: systemFs, realPath: file }, ID), [
    step('charge', '{"id":7}'),
    step('nothing'),
    step('größe 日本', '"ü"', 2),
  ]);
});

test('makes nothing before the first step is recorded', async (t) => {
  const { open, path, calls } = opened(t);
  const journal = open();
  assert.deepEqual(calls, []);
  await journal.read();
  journal.close();
  assert.equal(existsSync(dirname(path)), false);
});

test('syncs the line, and the names of a new file and folder, before a step counts as recorded', async (t) => {
  const { open, path, file, calls } = opened(t);
  const journal = open();
  await journal.read();
  await journal.record(step('first'));
  const changes = (): string[] =>
    calls
      .splice(0)
      .filter(({ name }) => ['mkdir', 'writeSync', 'fdatasync', 'fsync'].includes(name))
      .map(({ name, path: on }) => `${name} ${on}`);
  assert.deepEqual(changes(), [
    `mkdir ${dirname(path)}`,
    `writeSync ${path}`,
    `fdatasync ${path}`,
    `fsync ${dirname(path)}`,
    `fsync ${dirname(file)}`,
  ]);
  await journal.record(step('second'));
  assert.deepEqual(changes(), [`writeSync ${path}`, `fdatasync ${path}`]);
});

test('syncs once before it trusts the lines that it finds', async (t) => {
  const { open, path, file, calls } = opened(t);
  const first = open();
  await first.record(step('charge', '1'));
  first.close();
  calls.length = 0;
  const second = open();
  let isRead = false;
  const reading = second.read().then(() => {
    isRead = true;
  });
  assert.equal(isRead, false);
  await reading;
  const syncs = calls.filter(({ name }) => name === 'fdatasync' || name === 'fsync');
  assert.deepEqual(
    syncs.map(({ path: on }) => on),
    [path, dirname(path), dirname(file)],
  );
});

test("syncs nothing with durability 'os'", async (t) => {
  const { open, calls } = opened(t, undefined, 'os');
  const journal = open();
  await journal.record(step('charge', '1'));
  journal.close();
  await open().read();
  assert.deepEqual(
    calls.filter(({ name }) => name === 'fdatasync' || name === 'fsync'),
    [],
  );
});

test('gives the file and its folder the mode of the queue', async (t) => {
  const { open, path } = opened(t);
  const mask = process.umask(0o077);
  t.after(() => process.umask(mask));
  await open().record(step('charge'));
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o750);
});

test('steps at once share a sync, and each is synced after its line is written', async (t) => {
  const { open, calls, text } = opened(t);
  const journal = open();
  await journal.record(step('first'));
  calls.length = 0;
  const names = Array.from({ length: 20 }, (_, i) => `step ${i}`);
  await Promise.all(names.map((name) => journal.record(step(name))));
  assert.equal(text(), [line('first'), ...names.map((name) => line(name))].join(''));
  const order = calls.map(({ name }) => name);
  assert.ok(order.lastIndexOf('writeSync') < order.lastIndexOf('fdatasync'));
  const syncs = order.filter((name) => name === 'fdatasync').length;
  assert.ok(syncs <= 2, `${syncs} syncs`);
});

test('of two attempts at once, the line that comes first counts for both', async (t) => {
  const { open, text } = opened(t);
  const [zombie, next] = [open(), open()];
  await Promise.all([zombie.read(), next.read()]);
  assert.deepEqual(await zombie.record(step('charge', '"zombie"')), step('charge', '"zombie"'));
  // Found before it writes: no second line.
  assert.deepEqual(await next.record(step('charge', '"next"', 2)), step('charge', '"zombie"'));
  assert.equal(text(), line('charge', '"zombie"'));
});

test('of two lines with one name, the earlier counts, also for the process that wrote the later', async (t) => {
  let between: (() => void) | undefined;
  const { open, path, text } = opened(t, (call, real) => {
    if (isAppend(call)) between?.();
    return real();
  });
  const journal = open();
  await journal.record(step('first'));
  between = () => writeFileSync(path, line('charge', '"zombie"'), { flag: 'a' });
  assert.deepEqual(await journal.record(step('charge', '"late"', 2)), step('charge', '"zombie"'));
  assert.equal(text(), line('first') + line('charge', '"zombie"') + line('charge', '"late"', 2));
  between = undefined;
  assert.deepEqual(await open().read(), [step('first'), step('charge', '"zombie"')]);
});

for (const [what, fragment] of Object.entries({
  'a part of a name': 'cha',
  'a part of a time': `charge\t1\t18`,
  'a number that was longer': `charge\t1\t${AT / 1000}\t12`,
  'all but the LF': `charge\t1\t${AT / 1000}\t{"id":7}`,
  'an empty result': `charge\t1\t${AT / 1000}\t`,
  'a TAB': '\t',
  'lost bytes': `charge\t1\t${AT / 1000}\t"\0\0\0"`,
})) {
  test(`a torn last line counts for nothing, and is ended: ${what}`, async (t) => {
    const { open, path, text } = opened(t);
    await open().record(step('first', '1'));
    writeFileSync(path, fragment, { flag: 'a' });
    const journal = open();
    assert.deepEqual(await journal.read(), [step('first', '1')]);
    assert.deepEqual(await journal.record(step('charge', '123', 2)), step('charge', '123', 2));
    assert.equal(text(), `${line('first', '1')}${fragment}\t#torn\n${line('charge', '123', 2)}`);
    assert.deepEqual(await open().read(), [step('first', '1'), step('charge', '123', 2)]);
  });
}

test('a line that got glued to a fragment is written again', async (t) => {
  let isGlued = false;
  const { open, path, text } = opened(t, (call, real) => {
    if (isAppend(call) && isGlued) {
      isGlued = false;
      writeFileSync(path, 'ot', { flag: 'a' });
    }
    return real();
  });
  const journal = open();
  await journal.record(step('first'));
  isGlued = true;
  assert.deepEqual(await journal.record(step('charge', '1')), step('charge', '1'));
  assert.equal(text(), `${line('first')}ot${line('charge', '1')}${line('charge', '1')}`);
  assert.ok((await open().read()).some(({ name, result }) => name === 'charge' && result === '1'));
});

test('after a short write nothing counts as recorded, also if only the LF is missing', async (t) => {
  for (const missing of [1, 5, 20]) {
    const { open, text } = opened(
      t,
      shortOnce(({ length }) => length - missing),
    );
    const journal = open();
    await assert.rejects(journal.record(step('charge', '{"id":7}')), {
      code: 'DISK_FULL',
      message: /no room for step "charge" in .*queue\.[0-9a-f]{16}\.tsv/,
    });
    journal.close();
    const next = open();
    assert.deepEqual(await next.read(), []);
    await next.record(step('charge', '{"id":8}', 2));
    const whole = line('charge', '{"id":7}');
    assert.equal(text(), `${whole.slice(0, -missing)}\t#torn\n${line('charge', '{"id":8}', 2)}`);
  }
});

test('reports a full disk, whichever call finds no room', async (t) => {
  for (const name of ['mkdir', 'open', 'writeSync'] as const) {
    const { open, path, fault } = opened(t);
    fault.do = failing((call) => call.name === name && (name !== 'open' || call.path === path), 'ENOSPC');
    await assert.rejects(open().record(step('charge')), { code: 'DISK_FULL' }, name);
    fault.do = undefined;
    const journal = open();
    assert.deepEqual(await journal.read(), []);
    await journal.record(step('charge'));
  }
});

test('a failed sync is not tried again in the attempt', async (t) => {
  const { open, path, calls, fault } = opened(t);
  const journal = open();
  await journal.record(step('first'));
  fault.do = failing(({ name }) => name === 'fdatasync');
  await assert.rejects(journal.record(step('charge')), {
    code: 'SYNC_FAILED',
    message: /queue\.[0-9a-f]{16}\.tsv failed a sync/,
  });
  fault.do = undefined;
  calls.length = 0;
  await assert.rejects(journal.record(step('remind')), { code: 'SYNC_FAILED' });
  assert.deepEqual(
    calls.filter((call) => call.name === 'fdatasync' && call.path === path),
    [],
  );
});

test('a step is not recorded in a file that was removed or replaced meanwhile', async (t) => {
  const { open, path } = opened(t);
  const journal = open();
  await journal.record(step('first'));
  systemFs.unlink(path);
  await assert.rejects(journal.record(step('charge')), {
    code: 'WRITE_FAILED',
    message: /step "charge" .*removed or replaced/,
  });
  writeFileSync(path, '');
  await assert.rejects(journal.record(step('charge')), { code: 'WRITE_FAILED' });
});

test('closes the file only once no call uses it', async (t) => {
  let release: (() => void) | undefined;
  const { open, calls } = opened(t, (call, real) =>
    call.name === 'fdatasync'
      ? new Promise<void>((resolve) => {
          release = resolve;
        }).then(() => real())
      : real(),
  );
  const journal = open();
  const recording = journal.record(step('charge'));
  while (release === undefined) await new Promise(setImmediate);
  const { path } = calls.find(({ name }) => name === 'fdatasync') as Call;
  const closes = (): number => calls.filter((call) => call.name === 'close' && call.path === path).length;
  journal.close();
  assert.equal(closes(), 0);
  release();
  await recording;
  assert.equal(closes(), 1);
});

test('a result of several MiB is recorded whole', async (t) => {
  const { open } = opened(t);
  const result = JSON.stringify('x'.repeat(5_000_000));
  await open().record(step('large', result));
  assert.deepEqual(await open().read(), [step('large', result)]);
});

test('reads past comments and what an edit has damaged, and bears white space of editors', async (t) => {
  const { open, path, file } = opened(t);
  await open().record(step('first'));
  const lines = [
    '# a note\n',
    '\n',
    'two\tfields\n',
    `five\t1\t${AT / 1000}\t1\t2\n`,
    `zero\t0\t${AT / 1000}\t1\n`,
    'late\t1\tyesterday\t1\n',
    `kept\t1\t${AT / 1000}\t1  \r\n`,
    `trimmed\t1\t${AT / 1000}\n`,
  ];
  writeFileSync(path, lines.join(''), { flag: 'a' });
  const steps = await readSteps({ fs: systemFs, realPath: file }, ID);
  assert.deepEqual(steps, [step('first'), step('kept', '1'), step('trimmed')]);
});
