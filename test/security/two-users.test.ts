import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { root } from '../support/folders.js';

/*
 * A web app and a cron job are two users of one group, as docs/operations.md sets them up. They are real processes
 * under unused ids, with a copy of the package that they may read.
 */

const WEB = 61_001;
const CRON = 61_002;
const STRANGER = 61_003;
const GROUP = 61_100;

const skip = process.getuid?.() === 0 ? false : 'only root can be other users';

/** A data folder of the group, and a way to run code as one of the users. */
function shared(t: TestContext, mode = 0o2770) {
  const folder = mkdtempSync(join(tmpdir(), 'tsvq-users-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  mkdirSync(data);
  chownSync(data, WEB, GROUP);
  chmodSync(data, mode);
  const module = join(folder, 'tsvq');
  cpSync(join(root, 'dist'), join(module, 'dist'), { recursive: true });
  for (const name of [
    'papaparse',
    'proper-lockfile',
    'graceful-fs',
    'retry',
    'signal-exit',
    'ms',
    'tinyqueue',
  ])
    cpSync(join(root, 'node_modules', name), join(module, 'node_modules', name), { recursive: true });
  execFileSync('chmod', ['-R', 'a+rX', module]);
  cpSync(join(root, 'package.json'), join(module, 'package.json'));
  /** What the code prints; its own text of an error if it throws. */
  const as = (uid: number, gid: number, umask: number, code: string): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `process.setgroups([]); process.setgid(${gid}); process.setuid(${uid}); process.umask(${umask});
        const { openQueue } = await import('${module}/dist/index.js');
        const queue = openQueue('${data}/queue.tsv', { retention: 0 });
        try { console.log(JSON.stringify(await (async () => { ${code} })()) ?? ''); }
        catch (error) { console.log(error.code); }`,
      ],
      { encoding: 'utf8', cwd: '/', env: {} },
    ).trim();
  return { data, as };
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

test('two users of a group work on one queue, and both may use all that they make', { skip }, (t) => {
  const { data, as } = shared(t);
  const file = join(data, 'queue.tsv');
  as(WEB, GROUP, 0o002, `await queue.enqueue('email', 1)`);
  assert.equal(
    as(CRON, GROUP, 0o002, `return (await queue.processJobs({ email: () => 'sent' })).completed`),
    '1',
  );
  as(WEB, GROUP, 0o002, `await queue.enqueue('email', 2); await queue.compact()`);
  as(CRON, GROUP, 0o002, `await queue.processJobs({ email: () => {} })`);
  as(WEB, GROUP, 0o002, `await queue.processJobs({ email: () => {} }); await queue.compact()`);
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).sort();
  assert.equal(files.length, 4, files.join());
  for (const name of files) {
    const path = join(data, name);
    assert.equal(statSync(path).gid, GROUP, name);
    assert.equal(modeOf(path).slice(-3), statSync(path).isDirectory() ? '770' : '660', name);
  }
  assert.equal(modeOf(file), '660');
});

test('a user outside the group can neither read nor write, whatever the umask', { skip }, (t) => {
  const { data, as } = shared(t);
  as(WEB, GROUP, 0o000, `await queue.enqueue('email', 1)`);
  assert.equal(modeOf(join(data, 'queue.tsv')), '660', 'the umask takes away, and never adds');
  for (const code of [
    `return queue.listJobs()`,
    `return queue.enqueue('email')`,
    `return queue.processJobs({})`,
  ])
    assert.equal(as(STRANGER, STRANGER, 0o002, code), 'NO_ACCESS');
  // The same where the folder is open, and the file alone says no.
  chmodSync(data, 0o755);
  for (const code of [`return queue.listJobs()`, `return queue.enqueue('email')`])
    assert.equal(as(STRANGER, STRANGER, 0o002, code), 'NO_ACCESS');
});

test('two users of a group work on one queue with the usual umask, if its folder gives files to the group', {
  skip,
}, (t) => {
  const { data, as } = shared(t);
  const file = join(data, 'queue.tsv');
  const users = [WEB, CRON, WEB, CRON];
  for (const uid of users) {
    as(uid, GROUP, 0o022, `await queue.enqueue('email', 1)`);
    // While it works, a second one finds all that it makes.
    const made = as(
      uid,
      GROUP,
      0o022,
      `const { readdirSync, statSync } = await import('node:fs');
      const modes = [];
      const look = () => {
        for (const name of readdirSync('${data}', { recursive: true })) {
          const { mode, gid } = statSync('${data}/' + name);
          modes.push([gid, mode.toString(8)].join());
        }
      };
      await queue.processJobs({ email: look }); await queue.compact(); look(); return [...new Set(modes)].sort()`,
    );
    assert.deepEqual(JSON.parse(made), [`${GROUP},100660`, `${GROUP},42770`]);
  }
  assert.equal(modeOf(file), '660');
});

test("the second user gets an error at the first write if the group's folder does not give files to the group", {
  skip,
}, (t) => {
  const { data, as } = shared(t, 0o770);
  as(WEB, GROUP, 0o022, `await queue.enqueue('email', 1)`);
  assert.equal(as(CRON, GROUP, 0o022, `return queue.enqueue('email', 2)`), 'NO_ACCESS');
  assert.equal(as(CRON, GROUP, 0o022, `return (await queue.listJobs()).length`), '1');
  assert.deepEqual(readdirSync(data), ['queue.tsv']);
});

test('files that root makes belong to the owner of the queue, and lock no user out', {
  skip,
}, (t) => {
  const { data, as } = shared(t, 0o755);
  const ofLock = as(
    0,
    0,
    0o022,
    `await queue.enqueue('email', 1);
    const { statSync } = await import('node:fs');
    let uid;
    await queue.processJobs({ email: () => { uid = statSync('${data}/queue.tsv.lock').uid } });
    return uid;`,
  );
  assert.equal(ofLock, String(WEB));
  const made = readdirSync(data, { recursive: true, encoding: 'utf8' }).sort();
  const month = new Date().toISOString().slice(0, 7);
  assert.deepEqual(made, ['archive', `archive/queue-${month}.tsv`, 'queue.tsv', 'queue.tsv.tick']);
  for (const name of made) {
    const { uid, gid } = statSync(join(data, name));
    assert.deepEqual([uid, gid], [WEB, GROUP], name);
  }
  as(WEB, GROUP, 0o022, `await queue.enqueue('email', 3)`);
  assert.equal(as(WEB, GROUP, 0o022, `return (await queue.processJobs({ email: () => {} })).completed`), '1');
  assert.equal(as(WEB, GROUP, 0o022, `return (await queue.stats()).total`), '0');
});

test('finished jobs stay if the archive belongs to another user, and the worker names that folder', {
  skip,
}, (t) => {
  const { data, as } = shared(t, 0o755);
  as(WEB, GROUP, 0o022, `await queue.enqueue('email', 1)`);
  mkdirSync(join(data, 'archive'));
  // Something of theirs: an empty folder of root's would be removed.
  mkdirSync(join(data, 'archive', 'of-theirs'));
  const ran = as(
    WEB,
    GROUP,
    0o022,
    `const warnings = [];
    const logger = ({ event, message }) => { if (event === 'warning') warnings.push(message); };
    const { completed } = await queue.processJobs({ email: () => {} }, { logger });
    return [completed, warnings, (await queue.stats()).lastTick !== undefined]`,
  );
  assert.deepEqual(JSON.parse(ran), [
    1,
    [
      `could not compact the queue: no permission for ${data}/archive (EACCES): it belongs to root, its folder to user ${WEB}; ` +
        `give it back: sudo chown -R ${WEB}:${GROUP} ${data}/archive`,
    ],
    true,
  ]);
});

test('a mode that an operator gave is kept, also by the other user', { skip }, (t) => {
  const { data, as } = shared(t);
  const file = join(data, 'queue.tsv');
  as(WEB, GROUP, 0o002, `await queue.enqueue('email', 1)`);
  chmodSync(file, 0o664);
  as(CRON, GROUP, 0o077, `await queue.compact()`);
  assert.equal(modeOf(file), '664');
  assert.equal(statSync(file).gid, GROUP);
});

test('links and pipes of a stranger in a sticky folder lead to no files of the other user', {
  skip,
}, (t) => {
  const { data, as } = shared(t, 0o1777);
  const file = join(data, 'queue.tsv');
  as(WEB, GROUP, 0o022, `await queue.enqueue('email', 1)`);
  as(
    STRANGER,
    STRANGER,
    0o000,
    `const fs = await import('node:fs');
    fs.mkdirSync('${data}/archive', 0o777);
    fs.symlinkSync('${file}', '${file}.tick');
    for (let part = 1; part < 4; part++) {
      const month = new Date().toISOString().slice(0, 7) + (part === 1 ? '' : '.' + part);
      fs.symlinkSync('${data}/new-' + part, '${data}/archive/queue-' + month + '.tsv');
    }`,
  );
  as(
    WEB,
    GROUP,
    0o022,
    `await queue.processJobs({ email: () => {} });
    await new Promise((resolve) => setTimeout(resolve, 5)); await queue.compact()`,
  );
  assert.deepEqual(
    readdirSync(data).filter((name) => name.startsWith('new-')),
    [],
  );
  assert.match(as(WEB, GROUP, 0o022, `return (await queue.stats()).total`), /^0$/, 'the queue is still one');
});
