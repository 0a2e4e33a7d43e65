import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FileSystem, systemFs } from '../../../../lib/file/disk/fs.js';
import { JobLogs, type JobLogsParts } from '../../../../lib/file/job-files/job-log.js';
import { readLog, readProgress } from '../../../../lib/file/job-files/read-log.js';
import { parseLog } from '../../../../lib/job/log-line.js';
import { throws } from '../../../support/errors.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { faultyFs, systemError } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';

const ID = 'a1b2c3d4e5f60718';

function place(t: TestContext, parts: Partial<JobLogsParts> = {}) {
  const folder = temporaryFolder(t);
  const queueFile = join(folder, 'queue.tsv');
  writeFileSync(queueFile, 'id\n', { mode: 0o640 });
  const clock = new FakeClock();
  const losses: string[] = [];
  const onLoss = (path: string, error: unknown): void => {
    losses.push(`${path}: ${(error as NodeJS.ErrnoException).code}`);
  };
  const make = (): JobLogs => new JobLogs({ fs: systemFs, queueFile, maxLog: 1024, clock, onLoss, ...parts });
  const log = join(folder, 'logs', `queue.${ID}.log`);
  const read = (most = 1e9): string => readLog(systemFs, queueFile, ID, most);
  const said = (): string[] =>
    parseLog(read()).map(({ attempt, kind, text }) => `${attempt} ${kind} ${text}`);
  return { folder, queueFile, clock, losses, make, logs: make(), log, read, said };
}

test('an attempt that says nothing has no log', (t) => {
  const { logs, folder } = place(t);
  logs.of(ID, 1).end('completed');
  assert.deepEqual(readdirSync(folder), ['queue.tsv']);
});

test('each line has its time, attempt and kind, and line ends in a text make lines', (t) => {
  const { logs, log } = place(t);
  const attempt = logs.of(ID, 3);
  attempt.log('one\r\ntwo\tTAB\rthree \0 NUL\n');
  attempt.log('');
  attempt.progress(12.3456, 'page\n1');
  attempt.end('completed');
  assert.equal(
    readFileSync(log, 'utf8').replaceAll('\n', '|').replaceAll('1893456000\t3\t', ''),
    'start\t|log\tone|log\ttwo\tTAB|log\tthree \ufffd NUL|log\t|progress\t12.35 page 1|end\tcompleted|',
  );
});

test('a log has the mode of the queue file', (t) => {
  const { logs, log } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.log('x');
  assert.equal((statSync(log).mode & 0o777).toString(8), '640');
  attempt.end('completed');
});

test('a number over 100 counts as 100, and one below 0 as 0', (t) => {
  const { logs, said } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.progress(999);
  assert.equal(attempt.latest, '100');
  attempt.progress(Number.NEGATIVE_INFINITY, 'back');
  assert.equal(attempt.latest, '{"percent":0,"message":"back"}');
  attempt.end('failed');
  assert.deepEqual(said(), ['1 start ', '1 progress 100', '1 progress 0 back', '1 end failed']);
});

test('what is no number or no text is refused at once', (t) => {
  const attempt = place(t).logs.of(ID, 1) as unknown as Record<string, (...args: unknown[]) => void>;
  throws(() => attempt.progress?.(Number.NaN), 'INVALID_ARGUMENT');
  throws(() => attempt.progress?.('5'), 'INVALID_ARGUMENT');
  throws(() => attempt.progress?.(5, 5), 'INVALID_ARGUMENT');
  throws(() => attempt.log?.({}), 'INVALID_ARGUMENT');
});

test('of 10,000 calls of progress in a second at most 5 are written, and the last one is', (t) => {
  const { logs, said, clock } = place(t);
  const attempt = logs.of(ID, 1);
  for (let i = 1; i <= 10_000; i++) {
    attempt.progress(i / 100, `n ${i}`);
    if (i % 10 === 0 && i < 10_000) clock.advance(1);
  }
  attempt.end('completed');
  const lines = said().filter((line) => line.includes('progress'));
  assert.ok(lines.length <= 5, `${lines.length} lines`);
  assert.equal(lines.at(-1), '1 progress 100 n 10000');
});

test('a job that says nothing more has its last progress written a quarter of a second later', (t) => {
  const { logs, queueFile, clock } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.progress(1);
  attempt.progress(2);
  assert.deepEqual(readProgress(systemFs, queueFile, ID, 1), { percent: 1 });
  clock.advance(250);
  assert.deepEqual(readProgress(systemFs, queueFile, ID, 1), { percent: 2 });
  attempt.end('completed');
});

test('a clock that is set back holds nothing back', (t) => {
  const { logs, queueFile, clock } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.progress(1);
  clock.set(-3_600_000);
  attempt.progress(2);
  assert.deepEqual(readProgress(systemFs, queueFile, ID, 1), { percent: 2 });
  attempt.end('completed');
});

test('after its end an attempt writes nothing, and is refused nothing', (t) => {
  const { logs, said, clock } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.log('before');
  attempt.end('retried');
  attempt.log('after');
  attempt.progress(50);
  clock.advance(1000);
  attempt.end('completed');
  assert.deepEqual(said(), ['1 start ', '1 log before', '1 end retried']);
});

test('two attempts of two workers write to one log, and each has its own progress', (t) => {
  const { make, said, queueFile } = place(t);
  const [first, second] = [make().of(ID, 1), make().of(ID, 2)];
  first.progress(90);
  second.progress(10);
  first.log('still here');
  second.end('completed');
  assert.deepEqual(said(), [
    ...['1 start ', '1 progress 90', '2 start ', '2 progress 10', '1 log still here', '2 end completed'],
  ]);
  assert.deepEqual(readProgress(systemFs, queueFile, ID, 2), { percent: 10 });
  assert.equal(readProgress(systemFs, queueFile, ID, 3), undefined);
  first.end('dropped');
});

test('a log has at most twice its limit, and the newest lines', (t) => {
  const { logs, folder, read } = place(t, { maxLog: 64 * 1024 });
  const attempt = logs.of(ID, 1);
  const line = 'x'.repeat(1000);
  for (let i = 0; i < 2000; i++) attempt.log(`${i} ${line}`);
  attempt.end('completed');
  const sizes = readdirSync(join(folder, 'logs')).map((name) => statSync(join(folder, 'logs', name)).size);
  assert.equal(sizes.length, 2);
  assert.ok(
    sizes.every((size) => size <= 64 * 1024),
    `${sizes}`,
  );
  const lines = parseLog(read());
  assert.ok(lines.length > 64 && lines.length < 130, `${lines.length}`);
  assert.equal(lines.at(-2)?.text.slice(0, 5), '1999 ');
  const numbers = lines.slice(0, -1).map(({ text }) => Number.parseInt(text, 10));
  assert.ok(numbers.every((n, i) => i === 0 || n === (numbers[i - 1] as number) + 1));
});

test('of one text that is longer than a log the last lines are kept', (t) => {
  const { logs, said, log } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.log(Array.from({ length: 1000 }, (_, i) => `line ${i}`).join('\n'));
  assert.ok(statSync(log).size <= 1024);
  assert.equal(said().at(-1), '1 log line 999');
  attempt.log('y'.repeat(1e6));
  attempt.end('completed');
});

test('two processes may begin a new file at the same size', (t) => {
  const { make, said, log } = place(t);
  const [one, two] = [make().of(ID, 1), make().of(ID, 1)];
  const line = 'x'.repeat(300);
  for (let i = 0; i < 20; i++) for (const attempt of [one, two]) attempt.log(`${i} ${line}`);
  one.end('dropped');
  two.end('completed');
  assert.ok(statSync(log).size <= 1024 && statSync(`${log}.1`).size <= 1400);
  assert.equal(said().at(-1), '1 end completed');
});

test('a line that a kill has cut ends with the next line, and is not read', (t) => {
  const { make, said, log } = place(t);
  const first = make().of(ID, 1);
  first.log('whole');
  first.end('');
  appendFileSync(log, '1893456000\t1\tlog\tha');
  assert.equal(said().at(-1), '1 end ');
  const second = make().of(ID, 2);
  second.log('next');
  second.end('completed');
  assert.deepEqual(said().slice(-4), ['1 log ha', '2 start ', '2 log next', '2 end completed']);
});

test('a short write of a full disk is ended by the next line', (t) => {
  const { fs, fault } = faultyFs();
  const { logs, said, losses } = place(t, { fs });
  const attempt = logs.of(ID, 1);
  attempt.log('before');
  fault.do = ({ name, args }, real) =>
    name === 'writeSync'
      ? systemFs.writeSync(args[0] as number, (args[1] as Buffer).subarray(0, 5), null)
      : real();
  attempt.log('cut');
  fault.do = undefined;
  attempt.log('after');
  attempt.end('completed');
  assert.deepEqual(said(), ['1 start ', '1 log before', '1 log after', '1 end completed']);
  assert.equal(losses.length, 1);
});

test('a full disk loses lines and nothing else, and is told once', (t) => {
  const { fs, fault } = faultyFs();
  const { logs, said, losses } = place(t, { fs });
  fault.do = ({ name }, real) => {
    if (name === 'writeSync') throw systemError('ENOSPC');
    return real();
  };
  const attempt = logs.of(ID, 1);
  for (let i = 0; i < 3; i++) attempt.log('lost');
  logs.of('0123456789abcdef', 1).log('lost');
  assert.match(losses.join(), /logs\/queue\.a1b2c3d4e5f60718\.log: ENOSPC$/);
  fault.do = undefined;
  attempt.log('room again');
  attempt.progress(5);
  attempt.end('completed');
  assert.deepEqual(said(), ['1 log room again', '1 progress 5', '1 end completed']);
});

test('a folder of logs that is no folder, leads nowhere or is read-only loses lines', (t) => {
  const readOnly = faultyFs(({ name, path }, real) => {
    if (name === 'open' && path.endsWith('.log')) throw systemError('EROFS');
    return real();
  });
  const ways: [make: (path: string) => void, fs: FileSystem][] = [
    [(path) => writeFileSync(path, 'a file'), systemFs],
    [(path) => symlinkSync('nowhere', path), systemFs],
    [(path) => mkdirSync(path), readOnly.fs],
  ];
  for (const [make, fs] of ways) {
    const { logs, folder, losses, said, queueFile } = place(t, { fs });
    make(join(folder, 'logs'));
    const attempt = logs.of(ID, 1);
    attempt.log('lost');
    attempt.progress(1);
    attempt.end('completed');
    assert.equal(losses.length, 1);
    assert.deepEqual(said(), []);
    assert.equal(readProgress(systemFs, queueFile, ID, 1), undefined);
  }
});

test('a folder of logs may be a link to another disk, and is made again if it is missing', (t) => {
  const { logs, folder, said } = place(t);
  const other = temporaryFolder(t);
  symlinkSync(other, join(folder, 'logs'));
  const attempt = logs.of(ID, 1);
  attempt.log('there');
  attempt.end('completed');
  assert.deepEqual(readdirSync(other), [`queue.${ID}.log`]);
  assert.equal(said().length, 3);
});

test('a link, a pipe or a folder in the place of a log is left alone', (t) => {
  const { logs, folder, log, losses, read } = place(t);
  mkdirSync(join(folder, 'logs'));
  writeFileSync(join(folder, 'secret'), 'secret\n');
  symlinkSync(join(folder, 'secret'), log);
  const attempt = logs.of(ID, 1);
  attempt.log('planted');
  assert.equal(readFileSync(join(folder, 'secret'), 'utf8'), 'secret\n');
  assert.equal(read(), '');
  mkdirSync(join(folder, 'logs', 'queue.ffff.log'));
  logs.of('ffff', 1).log('x');
  assert.equal(losses.length, 1);
});

test('no id leads out of the folder, and two ids have two files', (t) => {
  const { logs, folder, queueFile } = place(t);
  const ids = ['../queue', '..', '', 'a/b', 'A', 'a', '%', '@', 'x'.repeat(500), 'é', ID];
  for (const id of ids) logs.of(id, 1).log(`of ${id}`);
  assert.deepEqual(readdirSync(folder).sort(), ['logs', 'queue.tsv']);
  assert.equal(readdirSync(join(folder, 'logs')).length, ids.length);
  for (const id of ids) assert.ok(readLog(systemFs, queueFile, id, 1e6).endsWith(`\tof ${id}\n`));
});

test('a worker with hundreds of jobs that log holds few descriptors', (t) => {
  const { fs, calls } = faultyFs();
  const { logs, folder } = place(t, { fs });
  mkdirSync(join(folder, 'logs'));
  const open = (): number =>
    calls.filter(({ name }) => name === 'open').length - calls.filter(({ name }) => name === 'close').length;
  const attempts = Array.from({ length: 300 }, (_, i) => logs.of(`job${i}`, 1));
  for (const text of ['one', 'two']) for (const attempt of attempts) attempt.log(text);
  assert.ok(open() <= 65, `${open()} open`);
  for (const attempt of attempts) attempt.end('completed');
  assert.equal(open(), 0);
});

test('the newest bytes of a log are whole lines', (t) => {
  const { logs, read } = place(t);
  const attempt = logs.of(ID, 1);
  for (let i = 0; i < 60; i++) attempt.log(`line ${i}`);
  attempt.end('completed');
  const all = read();
  for (const most of [0, 1, 50, 51, 52, 53, 1000, 1100, 1500, all.length, all.length + 1]) {
    const some = read(most);
    assert.ok(some.length <= most && all.endsWith(some), `${most}`);
    assert.ok(some === '' || all === some || all.at(-some.length - 1) === '\n', `${most}`);
    const more = all.slice(all.lastIndexOf('\n', all.length - some.length - 2) + 1);
    assert.ok(some === all || more.length > most, `${most}`);
  }
});

test('progress is found behind 64 KiB of other lines, and a text that looks like progress is none', (t) => {
  const { logs, queueFile } = place(t, { maxLog: 1e6 });
  const attempt = logs.of(ID, 1);
  attempt.progress(42, 'of all');
  for (let i = 0; i < 500; i++) attempt.log(`x\t1\tprogress\t99 ${'y'.repeat(80)}`);
  assert.deepEqual(readProgress(systemFs, queueFile, ID, 1), { percent: 42, message: 'of all' });
  attempt.end('completed');
});

test('a reader that is denied the log says so, but not about progress', (t) => {
  const { logs, queueFile } = place(t);
  const attempt = logs.of(ID, 1);
  attempt.progress(1);
  attempt.end('completed');
  const { fs } = faultyFs(({ name }, real) => {
    if (name === 'open') throw systemError('EACCES');
    return real();
  });
  assert.throws(() => readLog(fs, queueFile, ID, 100), { code: 'EACCES' });
  assert.equal(readProgress(fs, queueFile, ID, 1), undefined);
});
