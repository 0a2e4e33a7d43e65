import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobId } from '../../support/queue-file.js';
import { ended, failed, served, waiting } from './asking.js';

test('the status has jobs and ids instead of keys, and says what is wrong', async (t) => {
  const { ask, file } = served(t, [ended(1), failed(2), waiting(3, { attempts: 1, error: 'Error: no' })]);
  const { status, headers, body } = await ask('GET /api/status');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(body.total, 3);
  assert.deepEqual(
    body.retries.map(({ id }: { id: string }) => id),
    [jobId(3)],
  );
  assert.equal(body.failures[0].newestId, jobId(2));
  assert.equal(body.failures[0].newestKey, undefined);
  assert.equal(body.health.file, file);
  assert.deepEqual(
    body.problems.map(({ code }: { code: string }) => code),
    ['failed'],
  );
});

test('pages of jobs follow one another, and have what the query names', async (t) => {
  const lines = Array.from({ length: 25 }, (_, i) =>
    i % 5 === 0 ? failed(i, { type: 'webhook' }) : ended(i, { payload: `{"n":${i}}` }),
  );
  const { ask } = served(t, lines);
  const ids: string[] = [];
  for (let after = '', pages = 0; ; pages++) {
    assert.ok(pages < 5);
    const { body } = await ask(`GET /api/jobs?limit=10&after=${after}`);
    assert.equal(body.total, 25);
    assert.equal(body.hasMore, false);
    ids.push(...body.jobs.map(({ id }: { id: string }) => id));
    if (body.after === undefined) break;
    after = body.after;
  }
  assert.deepEqual(ids.sort(), lines.map((_, i) => jobId(i)).sort());
  for (const [query, total] of [
    ['status=failed', 5],
    ['status=failed,completed', 25],
    ['type=webhook', 5],
    ['q=%22n%22%3A7', 1],
    ['dismissed=true', 0],
    ['group=-', 20],
    ['status=pending', 0],
  ] as const) {
    const { body } = await ask(`GET /api/jobs?${query}`);
    assert.equal(body.total, total, query);
    assert.equal(body.jobs.length, total);
  }
});

test('a query that names something else, or a value that can not be, is refused by its name', async (t) => {
  const { ask } = served(t, [ended(1)]);
  for (const [query, name] of [
    ['staus=failed', 'staus'],
    ['status=done', 'status'],
    ['dismissed=yes', 'dismissed'],
    ['limit=501', 'limit'],
    ['limit=0', 'limit'],
    ['limit=x', 'limit'],
    ['after=1', 'after'],
  ] as const) {
    const { status, body } = await ask(`GET /api/jobs?${query}`);
    assert.equal(status, 400, query);
    assert.equal(body.code, 'INVALID_ARGUMENT');
    assert.ok(body.error.includes(name), body.error);
  }
});

test('a job comes with its history and why it is where it is; an archived one says that it is', async (t) => {
  const old = Date.now() / 1000 - 40 * 86_400;
  const { ask, queue } = served(t, [failed(1), ended(2, { finished_at: old, started_at: old, run_at: old })]);
  const { status, body } = await ask(`GET /api/jobs/${jobId(1)}`);
  assert.equal(status, 200);
  assert.equal(body.status, 'failed');
  assert.equal(body.archived, false);
  assert.equal(body.history.at(-1).event, 'failed');
  assert.match(body.explanation.why, /failed for good/);
  await queue.compact();
  const archived = await ask(`GET /api/jobs/${jobId(2)}`);
  assert.equal(archived.status, 200);
  assert.equal(archived.body.archived, true);
  assert.equal(archived.body.explanation, undefined);
  const none = await ask(`GET /api/jobs/${jobId(3)}`);
  assert.deepEqual([none.status, none.body.code], [404, 'NOT_FOUND']);
});

test('errors and schedules are listed', async (t) => {
  const { ask, queue } = served(t, [failed(1), failed(2), failed(3, { error: 'Error: other' })]);
  const { body } = await ask('GET /api/errors');
  assert.deepEqual(
    body.failures.map(({ jobs, text }: { jobs: number; text: string }) => [jobs, text]),
    [
      [2, 'job # answered 503'],
      [1, 'other'],
    ],
  );
  await queue.schedule('nightly', { type: 'backup', cron: '30 2 * * *' });
  const { schedules } = (await ask('GET /api/schedules')).body;
  assert.equal(schedules.length, 1);
  assert.equal(schedules[0].name, 'nightly');
  assert.equal(schedules[0].paused, false);
});

test('what is no route is 404, and another method 405 that names the right ones', async (t) => {
  const { ask } = served(t, [failed(1)]);
  for (const request of [
    'GET /api',
    'GET /api/',
    'GET /api/nothing',
    'POST /api/jobs/x/y',
    'PUT /api/a/b/c',
  ]) {
    const { status, body } = await ask(request);
    assert.deepEqual([status, body?.code], [404, 'NOT_FOUND'], request);
  }
  for (const [request, allowed] of [
    ['POST /api/status', 'GET, HEAD'],
    ['DELETE /api/jobs', 'GET, HEAD'],
    [`DELETE /api/jobs/${jobId(1)}`, 'GET, HEAD'],
    [`GET /api/jobs/${jobId(1)}/retry`, 'POST'],
    ['PUT /api/jobs/retry', 'POST'],
    ['GET /api/pause', 'POST'],
    ['GET /api/schedules/x/run', 'POST'],
  ] as const) {
    const { status, headers, body } = await ask(request);
    assert.deepEqual(
      [status, headers.get('allow'), body.code],
      [405, allowed, 'METHOD_NOT_ALLOWED'],
      request,
    );
  }
});

test('HEAD says what GET would, without a body', async (t) => {
  const { ask } = served(t, [failed(1)]);
  for (const path of ['/api/status', '/api/jobs', `/api/jobs/${jobId(1)}`, '/', '/healthz', '/metrics']) {
    const [get, head] = [await ask(`GET ${path}`), await ask(`HEAD ${path}`)];
    assert.equal(head.status, get.status, path);
    assert.equal(head.text, '');
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'));
  }
  assert.equal((await ask(`HEAD /api/jobs/${jobId(2)}`)).status, 404);
});

test('a queue without a file, and one that is none, are answered', async (t) => {
  const { ask, file } = served(t, []);
  const { rmSync, writeFileSync } = await import('node:fs');
  rmSync(file);
  assert.equal((await ask('GET /api/status')).body.total, 0);
  assert.deepEqual((await ask('GET /api/jobs?q=x')).body, { jobs: [], total: 0, hasMore: false });
  writeFileSync(file, 'shopping list\n');
  const { status, body } = await ask('GET /api/status');
  assert.deepEqual([status, body.code], [500, 'NOT_A_QUEUE']);
  assert.deepEqual((await ask('GET /healthz')).status, 503);
});

test('under a base, only what lies under it is the interface', async (t) => {
  const { ask } = served(t, [failed(1)], { base: '/api/queue' });
  assert.equal((await ask('GET /api/queue/api/status')).status, 200);
  assert.equal((await ask('GET /api/status')).status, 404);
  const { headers } = await ask('GET /api/queue/nothing');
  assert.match(headers.get('content-type') ?? '', /html/, 'a page is no part of the interface');
});

test('without access there is nothing, and with access to look nothing changes', async (t) => {
  const none = served(t, [failed(1)], { access: () => 'none' });
  for (const path of ['/api/status', '/metrics', '/healthz', '/api/nothing']) {
    const { status, body } = await none.ask(`GET ${path}`);
    assert.deepEqual([status, body.code], [403, 'NO_ACCESS'], path);
  }
  const read = served(t, [failed(1)], { access: () => 'read' });
  assert.equal((await read.ask('GET /api/status')).status, 200);
  assert.equal((await read.ask(`POST /api/jobs/${jobId(1)}/retry`)).status, 403);
  assert.deepEqual(read.actions, []);
});
