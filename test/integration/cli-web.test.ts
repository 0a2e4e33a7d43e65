import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { temporaryFolder } from '../support/folders.js';
import { asker, listen, SECRET } from '../support/web.js';
import { fiveStates, type Running, records, runOn, start } from './cli-process.js';

const HEADERS = { authorization: `Bearer ${SECRET}` };

/** Starts `queue web` at a free port. */
async function web(t: TestContext, file: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const running = start(t, ['web', '--port', '0', ...args], {
    env: { QUEUE_FILE: file, QUEUE_WEB_TOKEN: SECRET, ...env },
  });
  let errors = '';
  running.child.stderr.on('data', (text: string) => {
    errors += text;
  });
  let out = '';
  running.child.stdout.on('data', (text: string) => {
    out += text;
  });
  await running.said('\n');
  const port = Number(/:(\d+)\//.exec(out)?.[1]);
  return { ...running, port, out, ask: asker(port), errors: () => errors };
}

const stop = async ({ child, ended }: Running, signal: NodeJS.Signals) => {
  child.kill(signal);
  return ended;
};

describe('web', { concurrency: 3 }, () => {
  test('prints an address with a new token, that a browser can open, and how to come from elsewhere', async (t) => {
    const { file } = fiveStates(t);
    const one = await web(t, file, [], { QUEUE_WEB_TOKEN: '' });
    const [, url = '', token = ''] =
      /^\S+ is at (http:\/\/127\.0\.0\.1:\d+\/\?token=([\da-f]{48}))\n$/.exec(one.out) ?? [];
    const opened = await one.ask(`/?token=${token}`);
    assert.equal(opened.status, 303);
    const cookie = opened.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const page = await one.ask('/', { headers: { cookie } });
    assert.equal(page.status, 200);
    assert.ok(page.body.includes(file));
    const two = await web(t, file, ['--json'], { QUEUE_WEB_TOKEN: '' });
    const other = (records(two.out)[0] as { url: string }).url;
    assert.match(other, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\da-f]{48}$/);
    assert.notEqual(other.split('=')[1], url.split('=')[1]);
    const { stderr } = await stop(one, 'SIGTERM');
    assert.match(
      stderr,
      new RegExp(`^queue: from another machine: ssh -L ${one.port}:127.0.0.1:${one.port} `),
    );
    assert.equal((await stop(two, 'SIGTERM')).stderr, '');
  });

  test('keeps the token of the environment to itself', async (t) => {
    const { file } = fiveStates(t);
    const running = await web(t, file);
    assert.equal((await running.ask('/', { headers: HEADERS })).status, 200);
    assert.equal((await running.ask('/')).status, 401);
    const { stdout, stderr } = await stop(running, 'SIGTERM');
    assert.equal(`${stdout}${stderr}`.includes(SECRET), false);
    assert.match(stderr, /the token is that of QUEUE_WEB_TOKEN/);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    test(`ends at once with 0 at ${signal}, although a browser keeps a connection open`, async (t) => {
      const { file } = fiveStates(t);
      const running = await web(t, file);
      const { connect } = await import('node:net');
      const socket = connect(running.port, '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(socket, 'data');
      socket.on('error', () => {});
      const { code, signal: by } = await stop(running, signal);
      assert.deepEqual([code, by], [0, null]);
      socket.destroy();
    });

  test('logs each change: when, who, what, how many', async (t) => {
    const { file } = fiveStates(t);
    const running = await web(t, file);
    const headers = { ...HEADERS, 'content-type': 'application/json' };
    const retried = await running.ask('/api/jobs/bb00000000000004/retry', { method: 'POST', headers });
    assert.equal(retried.status, 200, retried.body);
    const body = JSON.stringify({ type: 'email', paused: true });
    assert.equal((await running.ask('/api/pause', { method: 'POST', headers, body })).status, 200);
    const { stderr } = await stop(running, 'SIGTERM');
    const who = process.env.SUDO_USER ?? userInfo().username;
    const time = '20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ';
    assert.match(
      stderr,
      new RegExp(`^${time} ${who} retry 1 of 1 jobs: bb00000000000004\n${time} ${who} pause email\n`, 'm'),
    );
  });

  test('changes nothing with --read-only', async (t) => {
    const { file } = fiveStates(t);
    const before = readFileSync(file, 'utf8');
    const running = await web(t, file, ['--read-only']);
    const { status, body } = await running.ask('/api/jobs/bb00000000000004/retry', {
      method: 'POST',
      headers: HEADERS,
    });
    assert.equal(status, 403);
    assert.match(body, /may look at this queue, and not change it/);
    assert.equal(readFileSync(file, 'utf8'), before);
  });

  test('is known by the names of --name, and by no others', async (t) => {
    const { file } = fiveStates(t);
    const { ask } = await web(t, file, ['--name', 'queue.example.com', '--name', 'q']);
    for (const [host, status] of [
      ['queue.example.com', 200],
      ['q:443', 200],
      ['evil.example', 403],
    ] as const)
      assert.equal((await ask('/', { headers: { ...HEADERS, host } })).status, status, host);
  });

  test('goes on when the file is gone, broken, and there again', async (t) => {
    const { file } = fiveStates(t);
    const running = await web(t, file);
    const look = () => running.ask('/jobs', { headers: HEADERS });
    assert.equal((await look()).status, 200);
    renameSync(file, `${file}.old`);
    assert.ok([200, 500].includes((await look()).status));
    writeFileSync(file, 'this is no queue\n');
    const broken = await look();
    assert.equal(broken.status, 500);
    assert.match(broken.body, /Not possible|Something is wrong/);
    assert.ok(broken.body.includes(file));
    rmSync(file);
    renameSync(`${file}.old`, file);
    assert.equal((await look()).status, 200);
    assert.equal((await stop(running, 'SIGTERM')).code, 0);
  });

  test('says what to do if the port is taken', async (t) => {
    const { queue } = fiveStates(t);
    const port = await listen(t, () => {});
    const { code, stdout, stderr } = await queue('web', '--port', String(port));
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^queue: port \d+ of 127\.0\.0\.1 is in use, .*choose another with --port; --port 0 takes any\n$/,
    );
  });

  test('refuses a mistyped path, and options that can not be meant', async (t) => {
    const { file, queue } = fiveStates(t);
    const missing = await runOn(t, join(temporaryFolder(t), 'queue.tsv'))('web', '--port', '0');
    assert.equal(missing.code, 3);
    for (const [args, message] of [
      [['--port', '65536'], /--port is 65536; it must be a number from 0 to 65535/],
      [['--port', 'http'], /--port is http/],
      [['--port', '-1'], /--port/],
      [['--host', 'http://a'], /--host is http:\/\/a; it must be a host/],
      [['--host', 'a:80'], /--host is a:80/],
      [['--name', 'https://queue.example.com/'], /--name is https/],
      [['--max-age', '10'], /--max-age is 10, which has no unit/],
      [
        ['--host', '0.0.0.0'],
        /other machines could reach the page.*ssh -L 8787:127\.0\.0\.1:8787.*--insecure/,
      ],
      [['--host', '::'], /--insecure/],
      [['--host', '192.168.1.5', '--port', '80'], /ssh -L 80:127\.0\.0\.1:80/],
    ] as const) {
      const { code, stderr } = await queue('web', ...args);
      assert.deepEqual([code, message.test(stderr)], [2, true], `${args}: ${stderr}`);
    }
    for (const token of ['short', 'a token of words and spaces', 'ein-Schlüssel-mit-Umlaut']) {
      const running = start(t, ['web'], { env: { QUEUE_FILE: file, QUEUE_WEB_TOKEN: token } });
      const { code, stderr } = await running.ended;
      assert.deepEqual([code, stderr.includes(token)], [2, false]);
      assert.match(stderr, /^queue: QUEUE_WEB_TOKEN has /);
    }
  });

  test('--insecure lets other machines in, and says what that means', async (t) => {
    const { file } = fiveStates(t);
    const running = await web(t, file, ['--host', '0.0.0.0', '--insecure']);
    assert.match(running.out, /is at http:\/\/127\.0\.0\.1:\d+\/\n$/);
    assert.equal((await running.ask('/', { headers: HEADERS })).status, 200);
    assert.equal((await running.ask('/')).status, 401);
    assert.match((await stop(running, 'SIGTERM')).stderr, /other machines can reach it, and there is no TLS/);
  });
});
