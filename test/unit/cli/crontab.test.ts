import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type CronJob,
  crontabLine,
  isVersioned,
  stableNode,
  startsWorker,
} from '../../../lib/cli/cron/line.js';
import { CliError } from '../../../lib/cli/exit.js';
import { temporaryFolder } from '../../support/folders.js';

const job = (fields: Partial<CronJob>): CronJob => ({
  node: '/usr/bin/node',
  folder: '/srv/app',
  script: '/srv/app/workers/queue_worker.js',
  queueFile: undefined,
  log: '/srv/app/data/worker.log',
  linger: undefined,
  ...fields,
});

describe('crontabLine', () => {
  test('names paths inside the folder relative to it, and others in full', () => {
    assert.equal(
      crontabLine(job({})),
      '* * * * * cd /srv/app && /usr/bin/node workers/queue_worker.js >> data/worker.log 2>&1',
    );
    assert.equal(
      crontabLine(job({ queueFile: '/var/q/queue.tsv', log: '/var/q/worker.log' })),
      '* * * * * cd /srv/app && QUEUE_FILE=/var/q/queue.tsv /usr/bin/node workers/queue_worker.js >> /var/q/worker.log 2>&1',
    );
    assert.ok(crontabLine(job({ log: '/srv/app-2/worker.log' })).includes('>> /srv/app-2/worker.log'));
  });

  test('quotes a linger with a space, which would end the setting', () => {
    assert.match(crontabLine(job({ linger: '5 m' })), / QUEUE_LINGER='5 m' \/usr\/bin\/node /);
    assert.match(crontabLine(job({ linger: '55s' })), / QUEUE_LINGER=55s \/usr\/bin\/node /);
  });

  test('quotes for sh, and escapes % for cron', (t) => {
    for (const name of ['a b', "it's", '"$HOME"', '`id`', '*', '50%', 'a;b', '#', '~', 'ü', "'%'"]) {
      const folder = join(temporaryFolder(t), name);
      mkdirSync(folder);
      const line = crontabLine(
        job({ folder, node: 'echo', script: join(folder, name), log: join(folder, 'log') }),
      );
      assert.doesNotMatch(line, /(?<!\\)%/);
      const command = line.slice('* * * * * '.length).replaceAll('\\%', '%');
      execFileSync('/bin/sh', ['-c', `${command}; pwd; cat log`], { cwd: '/' });
      const out = execFileSync('/bin/sh', ['-c', `${command}; pwd; cat log`], { cwd: '/', encoding: 'utf8' });
      assert.equal(out, `${folder}\n${name}\n${name}\n`);
    }
  });

  test('refuses a path that no line can hold', () => {
    for (const folder of [
      '/srv/two\nlines',
      '/srv/back\\slash',
      '/srv/re\rturn',
      '/srv/t\tab',
      '/srv/fam\u200dily',
    ]) {
      assert.throws(
        () => crontabLine(job({ folder })),
        (error) => error instanceof CliError && error.exitCode === 2,
      );
    }
  });
});

describe('startsWorker', () => {
  const starts = (command: string): boolean =>
    startsWorker(`@daily ${command}`, '/srv/app', '/srv/app/workers/queue_worker.js');

  test('finds the script by its path, or after a change to its folder', () => {
    for (const command of [
      'node /srv/app/workers/queue_worker.js',
      'sh -c "node /srv/app/workers/queue_worker.js>/dev/null"',
      'cd /srv/app && node workers/queue_worker.js >> x',
      'cd /srv/app; ./workers/queue_worker.js',
      'cd /srv/app/ && $PWD/workers/queue_worker.js',
    ])
      assert.ok(starts(command), command);
  });

  test('passes over paths of which that of the script is only a part', () => {
    for (const command of [
      'node /mnt/srv/app/workers/queue_worker.js',
      'node /srv/app/workers/queue_worker.js.old',
      'cd /srv/app && node old/workers/queue_worker.js',
    ])
      assert.ok(!starts(command), command);
  });
});

describe('stableNode', () => {
  test('is the name in the PATH that leads to this node, not the target of its symlinks', (t) => {
    const folder = temporaryFolder(t);
    for (const name of ['Cellar', 'bin', 'other', 'fnm_multishells']) mkdirSync(join(folder, name));
    const node = join(folder, 'Cellar/node');
    writeFileSync(node, '');
    writeFileSync(join(folder, 'other/node'), '');
    symlinkSync(node, join(folder, 'bin/node'));
    symlinkSync(node, join(folder, 'fnm_multishells/node'));
    const path = (...names: string[]): string => names.map((name) => join(folder, name)).join(':');
    assert.equal(stableNode(path('none', 'other', 'bin', 'Cellar'), node), join(folder, 'bin/node'));
    assert.equal(stableNode(path('other'), node), node);
    assert.equal(stableNode(path('fnm_multishells'), node), node);
    assert.equal(stableNode(`.:${path('bin')}`, node), join(folder, 'bin/node'));
    assert.equal(stableNode('', node), node);
  });
});

test('isVersioned knows the folders of version managers', () => {
  for (const path of [
    '/home/ann/.nvm/versions/node/v20.11.1/bin/node',
    '/home/ann/.volta/tools/image/node/20.11.1/bin/node',
    '/opt/homebrew/Cellar/node/21.6.2_1/bin/node',
  ])
    assert.ok(isVersioned(path), path);
  for (const path of ['/usr/bin/node', '/usr/local/bin/node', '/opt/node-20/bin/node'])
    assert.ok(!isVersioned(path), path);
});
