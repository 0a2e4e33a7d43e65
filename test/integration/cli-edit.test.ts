import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { line, text } from '../support/queue-file.js';
import { CLI, records, run, start } from './cli-process.js';
import { of } from './queue-of-rows.js';

/*
 * A person edits a job as text. The editor is a command, as for git.
 */

const ID = 'aaaaaaaaaaaaaaa1';
const now = Date.now() / 1000;
const waiting = line({
  id: ID,
  payload: '{"to":"ann@old.example","n":1}',
  run_at: now + 3600,
  version: 2,
  attempts: 1,
  error: 'no such host',
  meta: '{"by":"cron","@interruptions":1}',
});
const sed = (...scripts: string[]) => ({
  EDITOR: `sed -i ${scripts.map((script) => `-e '${script}'`).join(' ')}`,
});

/** A queue of these lines, the command on it, and `queue edit` with variables in its environment. */
function opened(t: TestContext, ...rows: string[]) {
  const { file, queue } = of(t, ...rows);
  const edit = (id: string, env: NodeJS.ProcessEnv) =>
    run(t, ['edit', id], { env: { QUEUE_FILE: file, TMPDIR: dirname(file), ...env } });
  return { file, queue, edit };
}

/** Returns the path of the kept text that a message names. */
const keptIn = (stderr: string): string => /your text is in (\S+)/.exec(stderr)?.[1] as string;

test('what was edited is the next version of the job, and nothing else of it changes', async (t) => {
  const { edit, queue, file } = opened(t, waiting);
  const scripts = ['s/old/new/', 's/"priority": 0/"priority": 5/', 's/"timeout": null/"timeout": "10m"/'];
  const scripts2 = ['s/"group": null/"group": "acme"/', 's/"maxAttempts": null/"maxAttempts": 7/'];
  const { code, stderr } = await edit('aaaa', sed(...scripts, ...scripts2, 's/cron/hand/'));
  assert.deepEqual([code, stderr], [0, `queue: changed ${ID} (email)\n`]);
  const [job] = records((await queue('list', '--json')).stdout);
  const { payload, priority, timeout, group, maxAttempts, meta, attempts, error, interruptions } = job ?? {};
  assert.deepEqual(payload, { to: 'ann@new.example', n: 1 });
  assert.deepEqual([priority, timeout, group, maxAttempts], [5, 600_000, 'acme', 7]);
  assert.deepEqual([meta, attempts, error, interruptions], [{ by: 'hand' }, 1, 'no such host', 1]);
  assert.match(text(file).trimEnd().split('\n').at(-1) as string, /\t3$/);
});

test('a start that was edited is the start of a job that waits, and failed jobs have none to edit', async (t) => {
  const failed = line({
    id: 'b',
    status: 'failed',
    version: 3,
    attempts: 10,
    finished_at: now - 60,
    error: 'x',
  });
  const { edit, queue } = opened(t, waiting, failed);
  const start = '2031-02-03T04:05:06.000Z';
  await edit(ID, sed(`s/"runAt": .*/"runAt": "${start}",/`));
  const { stderr } = await edit('b', { EDITOR: 'grep -c runAt' });
  assert.match(stderr, /ended with exit code 1/);
  assert.equal((await edit('b', sed('s/"maxAttempts": null/"maxAttempts": 3/'))).code, 0);
  const jobs = records((await queue('list', '--json')).stdout);
  assert.deepEqual(
    jobs.map(({ status, runAt }) => [status, runAt]).filter(([status]) => status === 'pending'),
    [['pending', start]],
  );
  assert.deepEqual(jobs.map(({ status }) => status).sort(), ['failed', 'pending']);
});

test('a text that was left as it is changes nothing', async (t) => {
  const { edit, file } = opened(t, waiting);
  const before = text(file);
  const { code, stderr } = await edit(ID, { EDITOR: 'true', VISUAL: '' });
  assert.deepEqual([code, stderr], [0, 'queue: nothing was changed\n']);
  assert.equal(text(file), before);
});

for (const [what, script, said] of [
  ['is not JSON', 's/"payload": {/"payload": {{/', /not JSON/],
  [
    'has a number that JavaScript can not hold',
    's/"n": 1/"n": 12345678901234567890/',
    /12345678901234567890/,
  ],
  ['is in Latin-1', 's/ann/\\xe4nn/', /the text is not UTF-8; save it as UTF-8/],
  ['has an unknown name', 's/priority/prio/', /prio/],
  ['has no payload', 's/"payload"/"group"/', /payload/],
  ['has a value that can not be used', 's/"priority": 0/"priority": "high"/', /priority/],
  ['has a label of the queue itself', 's/"by"/"@by"/', /@by/],
] as const) {
  test(`a text that ${what} is refused, and kept`, async (t) => {
    const { edit, file } = opened(t, waiting);
    const before = text(file);
    const { code, stderr } = await edit(ID, sed(script));
    assert.equal(code, 2);
    assert.match(stderr, said);
    assert.equal(text(file), before);
    assert.match(readFileSync(keptIn(stderr), 'utf8'), /Job aaaaaaaaaaaaaaa1 of type email/);
  });
}

test('a job that changed while it was edited is left alone, and the text kept', async (t) => {
  const { edit, file } = opened(t, waiting);
  const editor = `sh -c '"$NODE" "${CLI}" -f "$0" promote ${ID}; sed -i s/old/new/ "$1"' "${file}"`;
  const { code, stderr } = await edit(ID, { EDITOR: editor, NODE: process.execPath });
  assert.equal(code, 1);
  assert.match(stderr, /has changed meanwhile, and is pending; nothing was written/);
  assert.match(readFileSync(keptIn(stderr), 'utf8'), /ann@new/);
  assert.doesNotMatch(text(file), /ann@new/);
});

test('Ctrl-C in the editor is for the editor', async (t) => {
  const { file, queue } = of(t, waiting);
  const EDITOR = `sh -c 'echo ready; read -r line; sed -i s/old/new/ "$1"' sh`;
  const env = { QUEUE_FILE: file, TMPDIR: dirname(file), EDITOR };
  const { child, ended, said } = start(t, ['edit', ID], { env });
  await said('ready');
  child.kill('SIGINT');
  child.stdin.end('go on\n');
  const { code, stderr } = await ended;
  assert.deepEqual([code, stderr], [0, `queue: changed ${ID} (email)\n`]);
  assert.match((await queue('list', '--json')).stdout, /ann@new/);
});

test('an editor that removes the file changes nothing, and leaves no folder', async (t) => {
  const { edit, file } = opened(t, waiting);
  const before = text(file);
  const { code, stderr } = await edit(ID, { EDITOR: 'rm' });
  assert.equal(code, 1);
  const path = /^queue: the editor left no file at (\S+); nothing was changed\n$/.exec(stderr)?.[1];
  assert.equal(existsSync(dirname(path as string)), false);
  assert.equal(text(file), before);
});

test('a failing editor changes nothing, and leaves no file', async (t) => {
  const { edit, file } = opened(t, waiting);
  const before = text(file);
  const { code, stderr } = await edit(ID, { EDITOR: 'sh -c \'echo "$0" >&2; exit 3\'' });
  assert.equal(code, 1);
  const [path] = stderr.split('\n') as [string];
  assert.match(path, /aaaaaaaaaaaaaaa1\.json$/);
  assert.equal(existsSync(dirname(path)), false);
  assert.equal(text(file), before);
});

for (const [status, said] of [
  ['processing', /is processing; only/],
  ['completed', /is completed; only/],
  ['recurring', /is a schedule; queue schedule add changes it/],
] as const) {
  test(`a ${status} job is not edited`, async (t) => {
    const meta = status === 'recurring' ? '{"@schedule":{"name":"x","every":60}}' : '';
    const { edit } = opened(t, line({ id: ID, status, version: 2, attempts: 1, finished_at: now, meta }));
    const { code, stderr } = await edit(ID, { EDITOR: 'true' });
    assert.equal(code, 1);
    assert.match(stderr, said);
  });
}

test('an unknown job is not found', async (t) => {
  const { edit } = opened(t, waiting);
  assert.equal((await edit('ffff', {})).code, 3);
});
