import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { assertPlace, placeOf } from '../../../../lib/file/disk/place.js';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import { CLI } from '../../../integration/cli-process.js';
import { rejects } from '../../../support/errors.js';
import { faultyFs } from '../../../support/faulty-fs.js';
import { temporaryFolder } from '../../../support/folders.js';
import { bareEnvironment } from '../../../support/processes.js';
import { jobId, line, text, writeQueue } from '../../../support/queue-file.js';
import { openTest } from '../../../support/queues.js';

const skip = process.platform !== 'linux' && 'the numbers are those of Linux';

/** A queue on a file system of this kind. */
function on(t: TestContext, type: number, anyFileSystem = false) {
  const { fs, calls, fault } = faultyFs((call, real) =>
    call.name === 'statfs' ? { type, free: 1e9 } : real(),
  );
  const warnings: string[] = [];
  const logger = ({ event, message }: { event: string; message?: string }): void => {
    if (event === 'warning') warnings.push(message ?? '');
  };
  const asked = (): number => calls.filter(({ name }) => name === 'statfs').length;
  return { ...openTest(t, { fs, anyFileSystem }), asked, warnings, logger, fault };
}

for (const [name, type] of [
  ['NFS', 0x6969],
  ['CIFS', 0xff534d42],
  ['CIFS', 0xff534d42 | 0],
  ['SMB', 0xfe534d42],
  ['9p', 0x01021997],
  ['Ceph', 0x00c36400],
] as const)
  test(`the first write to a queue on ${name} (${type}) is refused, with the reason and the way out`, {
    skip,
  }, async (t) => {
    const { queue, file } = on(t, type);
    const refused = `${file} is on ${name}: `;
    await rejects(queue.enqueue('email'), 'FILE_SYSTEM', refused, '--any-file-system');
    assert.deepEqual(readdirSync(join(file, '..')), [], 'nothing was written');
    writeQueue(file, line({ id: jobId(1) }));
    const before = text(file);
    for (const write of [
      () => queue.cancelJob(jobId(1)),
      () => queue.compact(),
      () => queue.processJobs({ email: () => {} }, { linger: Number.POSITIVE_INFINITY }),
      () => queue.enqueue('email'),
    ])
      await rejects(write(), 'FILE_SYSTEM', refused, /one machine/);
    assert.deepEqual(
      readdirSync(join(file, '..')),
      ['queue.tsv', 'queue.tsv.tick'],
      'but for the note of a look',
    );
    assert.equal(text(file), before);
    assert.equal((await queue.listJobs()).length, 1, 'reading is allowed');

    const knowing = on(t, type, true);
    await knowing.queue.enqueue('email');
    await knowing.queue.processJobs({ email: () => {} }, { logger: knowing.logger });
    assert.deepEqual(knowing.warnings, []);
  });

for (const [name, type, stakes] of [
  ['tmpfs', 0x01021994, /gone at the next boot/],
  ['ramfs', 0x858458f6, /gone at the next boot/],
  ['overlayfs', 0x794c7630, /thrown away with the container.*mount a volume/],
  ['FUSE or virtiofs', 0x65735546, /seen late.*half a second late/],
] as const)
  test(`a queue on ${name} works; doctor and the first tick name it`, { skip }, async (t) => {
    const { queue, store, asked, warnings, logger } = on(t, type);
    await queue.enqueue('email');
    await queue.enqueue('email');
    assert.equal(asked(), 1, 'once a queue');
    for (let tick = 0; tick < 3; tick++) await queue.processJobs({ email: () => {} }, { logger });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', stakes);
    assert.match(warnings[0] ?? '', new RegExp(`is on ${name}: `));
    assert.deepEqual(
      (await inspect(store)).map(({ kind, message }) => [kind, message]),
      [['place', warnings[0]]],
    );
  });

test("an idle tick and a read do not ask for the file system's type", { skip }, async (t) => {
  const { queue, file, asked } = on(t, 0x6969);
  writeQueue(file, line({ status: 'completed', finished_at: Date.now() / 1000, version: 3 }));
  writeFileSync(`${file}.tick`, '1700000000.000\n');
  await queue.processJobs({});
  await queue.listJobs();
  await queue.stats();
  assert.equal(asked(), 0);
});

test('an ordinary disk, or one whose type is unknown, is not reported', async (t) => {
  const { fs, fault } = faultyFs();
  for (const info of [{ type: 0xef53, free: 1 }, undefined]) {
    fault.do = ({ name }, real) => (name === 'statfs' ? info : real());
    assert.equal(placeOf(fs, join(temporaryFolder(t), 'queue.tsv')), undefined);
  }
});

test('the type of the folder, or of the one above it, counts if there is no file yet', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const { fs, calls } = faultyFs((call, real) =>
    call.name === 'statfs' && call.path === folder ? { type: 0x6969, free: 1 } : real(),
  );
  assert.throws(() => assertPlace(fs, join(folder, 'data/queue.tsv')), { code: 'FILE_SYSTEM' });
  assert.deepEqual(
    calls.map(({ path }) => path),
    [join(folder, 'data/queue.tsv'), join(folder, 'data'), folder],
  );
});

/** Runs the command in mounts of its own. */
function mounted(script: string): { status: number | null; stdout: string; stderr: string } {
  const env = { PATH: bareEnvironment.PATH };
  return spawnSync('unshare', ['-m', 'sh', '-ec', script], { encoding: 'utf8', env });
}

const mayMount =
  process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'x', '/mnt']).status === 0;
const withMounts = { skip: skip || (!mayMount && 'only root may mount, and not everywhere') };

for (const [name, mount] of [
  ['tmpfs', 'mount -t tmpfs x "$F/on"'],
  [
    'overlayfs',
    'mkdir "$F/disk"; mount -t tmpfs x "$F/disk"; mkdir "$F/disk/up" "$F/disk/work" "$F/disk/low"; ' +
      'mount -t overlay x -o "lowerdir=$F/disk/low,upperdir=$F/disk/up,workdir=$F/disk/work" "$F/on"',
  ],
] as const)
  test(
    `a real ${name}: jobs run, and doctor, init and the first start of a worker name it`,
    withMounts,
    (t) => {
      const folder = temporaryFolder(t);
      mkdirSync(join(folder, 'on'));
      writeFileSync(join(folder, 'handlers.mjs'), 'export const email = () => {};\n');
      const queue = `'${process.execPath}' '${CLI}'`;
      const { status, stdout, stderr } = mounted(
        `F='${folder}'; ${mount}; cd "$F/on"; echo '{}' > package.json
      ${queue} init > /dev/null 2> init.txt; grep 'is on ${name}: ' init.txt
      ${queue} add email > /dev/null; ${queue} add email > /dev/null
      ${queue} work ../handlers.mjs 2>&1 >/dev/null | grep 'is on ${name}: '
      ${queue} add email > /dev/null
      ${queue} work ../handlers.mjs 2>&1 >/dev/null
      ${queue} doctor || true
      ${queue} --any-file-system doctor
      QUEUE_ANY_FILE_SYSTEM=1 ${queue} doctor`,
      );
      assert.equal(status, 0, stderr);
      const said = stdout.split('\n').map((said) => said.replace(/is on.*/, 'is on'));
      const file = join(folder, 'on/data/queue.tsv');
      assert.deepEqual(said, [
        `queue: ${file} is on`,
        `queue: ${file} is on`,
        `place: ${file} is on`,
        'ok',
        'ok',
        '',
      ]);
    },
  );

test('the disk of this machine is not refused', {
  skip: skip || !existsSync('/proc'),
}, () => {
  assert.doesNotThrow(() => assertPlace(systemFs, join(process.cwd(), 'queue.tsv')));
});
