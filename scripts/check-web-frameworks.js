// Installs the packed tarball and the web frameworks, mounts the web page in each of them, and asks it what a browser
// and a program ask: node scripts/check-web-frameworks.js [NAME …]
//
// With names, it tries only the frameworks that begin with one of them.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openQueue } from 'tsvq';
import { FRAMEWORKS, PACKAGES } from './consumers/frameworks.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tsvq-frameworks-'));
const BASE = '/admin/queue';
/** How long a server may take to answer for the first time. */
const START_MS = 60_000;

// Passes only the variables that programs need, because `npm run` sets others that tell npm where it runs.
const { PATH, HOME } = process.env;
const env = { PATH, HOME, CI: 'true', NEXT_TELEMETRY_DISABLED: '1' };

/** @param {string} cwd @param {string} program @param {...string} args */
async function run(cwd, program, ...args) {
  try {
    return (await promisify(execFile)(program, args, { cwd, env, encoding: 'utf8' })).stdout;
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    throw new Error(`${program} ${args.join(' ')} failed\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

/** @returns {Promise<number>} a port that is free */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** Makes a queue of failed jobs. @param {string} file */
async function failedJobs(file) {
  const queue = openQueue(file, { anyFileSystem: true });
  const ids = await queue.enqueueMany(
    ['form', 'many', 'many', 'json', 'jsons', 'foreign'].map((type) => ({ type, payload: { to: 'ann' } })),
  );
  const fail = () => Promise.reject(new Error('no'));
  const types = ['form', 'many', 'json', 'jsons', 'foreign'];
  await queue.processJobs(Object.fromEntries(types.map((type) => [type, fail])), { maxAttempts: 1 });
  return { ids, queue };
}

/** Asks a mounted page what browsers and programs ask. @param {string} origin @param {string} file */
async function ask(origin, file) {
  const { ids, queue } = await failedJobs(file);
  const [form, many1, many2, json, jsons, foreign] =
    /** @type {[string, string, string, string, string, string]} */ (ids);
  /** @param {string} path @param {RequestInit} [init] */
  const get = async (path, { headers, ...init } = {}) => {
    const answer = await fetch(origin + BASE + path, {
      ...init,
      headers: { 'x-user': 'ann', ...headers },
      redirect: init.method === 'POST' ? 'manual' : 'follow',
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  /** @param {string} path @param {string | URLSearchParams} body @param {Record<string, string>} [headers] */
  const post = (path, body, headers = {}) => get(path, { method: 'POST', body, headers });
  const statusOf = async (/** @type {string} */ id) => (await queue.getJob(id))?.status;

  for (const path of ['', '/']) {
    const page = await get(path);
    assert.equal(page.status, 200, page.text);
    assert.match(page.text, new RegExp(`href="${BASE}/jobs"`));
    assert.equal(page.headers.get('x-frame-options'), 'DENY');
  }
  assert.equal((await get('/', { headers: { 'x-user': 'bob' } })).status, 403);
  const style = new RegExp(`href="${BASE}(/assets/[^"]+\\.css)"`).exec((await get('/')).text)?.[1] ?? '';
  assert.match((await get(style)).headers.get('content-type') ?? '', /^text\/css/);
  const job = await get(`/jobs/${form}`);
  assert.equal(job.status, 200, job.text);
  assert.match(job.text, new RegExp(form));
  assert.equal((await get('/nothing')).status, 404);

  const other = { origin: 'https://evil.example' };
  assert.equal(
    (await post('/jobs/act', new URLSearchParams({ act: 'retry', id: foreign }), other)).status,
    403,
  );
  assert.equal(await statusOf(foreign), 'failed');
  const sent = await post('/jobs/act', new URLSearchParams({ act: 'retry', id: form }));
  assert.equal(sent.status, 303, sent.text);
  assert.equal(await statusOf(form), 'pending');
  const several = new URLSearchParams([
    ['act', 'retry'],
    ['id', many1],
    ['id', many2],
    ['sure', '1'],
  ]);
  assert.equal((await post('/jobs/act', several, { origin })).status, 303);
  assert.deepEqual([await statusOf(many1), await statusOf(many2)], ['pending', 'pending']);

  const status = await get('/api/status');
  assert.equal(JSON.parse(status.text).counts.failed, 3);
  assert.equal((await post(`/api/jobs/${json}/retry`, '')).status, 200);
  const type = { 'content-type': 'application/json', origin };
  const changed = await post('/api/jobs/retry', JSON.stringify({ ids: [jsons] }), type);
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual([await statusOf(json), await statusOf(jsons)], ['pending', 'pending']);
  await queue.close();
  assert.equal((await fetch(`${origin}/elsewhere`)).status, 404);
}

/** Makes a project, starts its server, and asks it. @param {string} name */
async function tryOne(name) {
  const at = join(folder, name.replaceAll(/\W+/g, '-'));
  const files = /** @type {Record<string, string>} */ (FRAMEWORKS[name]);
  for (const [path, text] of Object.entries({ 'package.json': '{ "private": true }\n', ...files })) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), text);
  }
  const file = join(at, 'queue.tsv');
  const port = await freePort();
  const serverEnv = { ...env, FILE: file, PORT: String(port) };
  const server = Object.keys(files).find((path) => path.startsWith('server.'));
  const next = join(folder, 'node_modules/next/dist/bin/next');
  if (server === undefined)
    await promisify(execFile)(process.execPath, [next, 'build'], { cwd: at, env: serverEnv });
  const args = server === undefined ? [next, 'start', '-H', '127.0.0.1', '-p', String(port)] : [server];
  const child = spawn(process.execPath, args, { cwd: at, env: serverEnv, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  try {
    const origin = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + START_MS;
    while (!(await fetch(`${origin}/elsewhere`).catch(() => undefined))) {
      assert.ok(child.exitCode === null && Date.now() < deadline, 'the server does not answer');
      await sleep(50);
    }
    await ask(origin, file);
    assert.match(said, /retry 1 ann/, 'onAction was not told');
  } catch (error) {
    throw new Error(`${/** @type {Error} */ (error).stack}\n${said}`, { cause: error });
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

const wanted = process.argv.slice(2);
const names = Object.keys(FRAMEWORKS).filter(
  (name) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)),
);
let failures = 0;
try {
  const [{ filename }] = JSON.parse(
    await run(root, 'npm', 'pack', '--json', '--silent', '--pack-destination', folder),
  );
  writeFileSync(join(folder, 'package.json'), '{ "name": "frameworks", "private": true }\n');
  await run(folder, 'npm', 'install', '--no-audit', '--no-fund', join(folder, filename), ...PACKAGES);
  for (const name of names) {
    const start = Date.now();
    try {
      await tryOne(name);
      console.log(`ok      ${name} (${Date.now() - start} ms)`);
    } catch (error) {
      failures++;
      console.log(`FAILED  ${name}\n${/** @type {Error} */ (error).message}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;
