import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobId } from '../../support/queue-file.js';
import { ended, failed, served, waiting } from './asking.js';

test('a change of a job answers it as it is then, and is told', async (t) => {
  const { ask, actions } = served(t, [failed(1), waiting(2), waiting(3), failed(4)]);
  for (const [n, name, status] of [
    [1, 'retry', 'pending'],
    [2, 'cancel', 'cancelled'],
    [3, 'promote', 'pending'],
    [4, 'dismiss', 'failed'],
  ] as const) {
    const answer = await ask(`POST /api/jobs/${jobId(n)}/${name}`);
    assert.equal(answer.status, 200);
    assert.deepEqual([answer.body.id, answer.body.status], [jobId(n), status]);
    const { action, of, changed, user } = actions.at(-1) ?? {};
    assert.deepEqual(
      { action, of, changed, user },
      { action: name, of: [jobId(n)], changed: 1, user: 'ann' },
    );
  }
  assert.equal((await ask(`GET /api/jobs/${jobId(4)}`)).body.dismissed, true);
});

test('a job in another state is 409 and says which, an unknown one 404', async (t) => {
  const { ask, actions } = served(t, [
    ended(1),
    failed(2, { dedupe_key: 'k' }),
    waiting(3, { dedupe_key: 'k' }),
  ]);
  const wrong = await ask(`POST /api/jobs/${jobId(1)}/retry`);
  assert.deepEqual([wrong.status, wrong.body.code], [409, 'WRONG_STATE']);
  assert.match(wrong.body.error, /is completed; only failed and cancelled jobs can be retried/);
  const refused = await ask(`POST /api/jobs/${jobId(2)}/retry`);
  assert.deepEqual([refused.status, refused.body.code], [409, 'REFUSED']);
  assert.match(refused.body.error, /key/);
  const told = actions.length;
  const unknown = await ask(`POST /api/jobs/${jobId(9)}/retry`);
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'NOT_FOUND']);
  assert.equal(actions.length, told, 'what is not there was not changed');
});

test('many jobs are changed by their ids or a filter', async (t) => {
  const { ask, queue, actions } = served(t, [
    ...[1, 2, 3].map((n) => failed(n)),
    ...[4, 5].map((n) => failed(n, { type: 'webhook' })),
    ended(6),
  ]);
  const byId = await ask('POST /api/jobs/retry', {
    body: { ids: [jobId(1), jobId(6), jobId(1), jobId(9)] },
  });
  assert.deepEqual(byId.body, { changed: 1, left: 2, more: 0 });
  const byFilter = await ask('POST /api/jobs/dismiss', { body: { filter: { type: 'webhook' } } });
  assert.deepEqual(byFilter.body, { changed: 2, left: 0, more: 0 });
  const dismissed = await ask('POST /api/jobs/retry', { body: { filter: { status: 'failed' } } });
  assert.deepEqual(dismissed.body, { changed: 2, left: 0, more: 0 }, 'those that are dealt with stay');
  const asked = { filter: { status: ['failed'], dismissed: true, q: 'answered' } };
  assert.equal((await ask('POST /api/jobs/retry', { body: asked })).body.changed, 2);
  assert.equal((await queue.listJobs({ status: 'pending' })).length, 5);
  assert.deepEqual(
    actions.map(({ action, changed }) => [action, changed]),
    [
      ['retry', 1],
      ['dismiss', 2],
      ['retry', 2],
      ['retry', 2],
    ],
  );
});

test('one call changes at most 10,000 jobs, and says how many more there are', async (t) => {
  const { ask, queue } = served(
    t,
    Array.from({ length: 10_012 }, (_, n) => failed(n)),
  );
  const first = await ask('POST /api/jobs/retry', { body: { filter: { status: ['failed'] } } });
  assert.deepEqual(first.body, { changed: 10_000, left: 0, more: 12 });
  const second = await ask('POST /api/jobs/retry', { body: { filter: { status: ['failed'] } } });
  assert.deepEqual(second.body, { changed: 12, left: 0, more: 0 });
  assert.equal((await queue.stats()).failed, 0);
  const ids = Array.from({ length: 10_001 }, (_, n) => jobId(n));
  assert.equal((await ask('POST /api/jobs/retry', { body: { ids } })).status, 400);
});

test('types are paused and resumed, and it says which are paused then', async (t) => {
  const { ask, queue, actions } = served(t, [waiting(1)]);
  const until = new Date(Date.now() + 3_600_000);
  const paused = await ask('POST /api/pause', { body: { type: 'email', paused: true, until } });
  assert.equal(paused.body.paused, true);
  const [pause] = await queue.paused();
  assert.deepEqual([pause?.type, pause?.by, pause?.until], ['email', 'ann', until]);
  await ask('POST /api/pause', { body: { type: '*', paused: true } });
  const still = await ask('POST /api/pause', { body: { type: 'email', paused: false } });
  assert.equal(still.body.paused, true, 'all types still are');
  assert.deepEqual(still.body.pauses.length, 1);
  assert.equal((await ask('POST /api/pause', { body: { type: '*', paused: false } })).body.paused, false);
  assert.deepEqual(
    actions.map(({ action, of, changed }) => [action, of[0], changed]),
    [
      ['pause', 'email', 1],
      ['pause', '*', 1],
      ['resume', 'email', 0],
      ['resume', '*', 1],
    ],
  );
});

test('schedules are paused, resumed and run', async (t) => {
  const { ask, queue, actions } = served(t, [waiting(1)]);
  const name = 'a/b ? "c"';
  const path = `/api/schedules/${encodeURIComponent(name)}`;
  await queue.schedule(name, { type: 'backup', cron: '30 2 * * *' });
  assert.equal((await ask(`POST ${path}/pause`)).body.paused, true);
  const { id, outcome } = (await ask(`POST ${path}/run`)).body;
  assert.equal(outcome, 'added');
  assert.equal((await queue.getJob(id))?.type, 'backup');
  assert.equal((await ask(`POST ${path}/resume`)).body.paused, false);
  assert.equal((await ask('POST /api/schedules/other/run')).status, 404);
  assert.deepEqual(
    actions.map(({ action, of }) => [action, of[0]]),
    [
      ['pause-schedule', name],
      ['run-schedule', name],
      ['resume-schedule', name],
    ],
  );
});

test('a body that is not what it must be is refused by its name, and changes nothing', async (t) => {
  const { ask, queue, actions } = served(t, [failed(1), failed(2)]);
  for (const [path, body, name] of [
    ['/api/jobs/retry', '{', 'JSON'],
    ['/api/jobs/retry', '[]', 'body'],
    ['/api/jobs/retry', 'null', 'body'],
    ['/api/jobs/retry', {}, 'ids'],
    ['/api/jobs/retry', { ids: [jobId(1)], filter: {} }, 'ids'],
    ['/api/jobs/retry', { ids: jobId(1) }, 'ids'],
    ['/api/jobs/retry', { ids: [1] }, 'ids'],
    ['/api/jobs/retry', { ids: [''] }, 'ids'],
    ['/api/jobs/retry', { id: [jobId(1)] }, 'body.id'],
    ['/api/jobs/retry', { filter: { typ: 'email' } }, 'filter.typ'],
    ['/api/jobs/retry', { filter: { type: '' } }, 'filter.type'],
    ['/api/jobs/retry', { filter: { type: 7 } }, 'filter.type'],
    ['/api/jobs/retry', { filter: { status: [] } }, 'filter.status'],
    ['/api/jobs/retry', { filter: { status: ['done'] } }, 'status'],
    ['/api/jobs/retry', { filter: { dismissed: 'true' } }, 'dismissed'],
    ['/api/jobs/retry', { filter: 'failed' }, 'filter'],
    [`/api/jobs/${jobId(1)}/retry`, { delay: '1h' }, 'body.delay'],
    ['/api/pause', { paused: true }, 'type'],
    ['/api/pause', { type: '', paused: true }, 'type'],
    ['/api/pause', { type: 'a', paused: 'yes' }, 'paused'],
    ['/api/pause', { type: 'a', paused: true, until: '1h' }, 'until'],
    ['/api/pause', { type: 'a', paused: true, until: 1 }, 'until'],
    ['/api/pause', { type: 'a', paused: false, until: 1 }, 'until'],
  ] as const) {
    const headers = { 'content-type': 'application/json' };
    const { status, body: answer } = await ask(`POST ${path}`, { headers, body });
    assert.deepEqual([status, answer.code], [400, 'INVALID_ARGUMENT'], JSON.stringify(body));
    assert.ok(answer.error.includes(name), answer.error);
  }
  assert.equal((await queue.stats()).failed, 2);
  assert.deepEqual(await queue.paused(), []);
  assert.deepEqual(actions, []);
});

test('a body must say that it is JSON, and have at most 1 MiB', async (t) => {
  const { ask, queue } = served(t, [failed(1)]);
  const body = JSON.stringify({ filter: { status: ['failed'] } });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']) {
    const answer = await ask('POST /api/jobs/retry', { headers: { 'content-type': type }, body });
    assert.deepEqual([answer.status, answer.body.code], [415, 'NOT_JSON'], type);
  }
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  const large = `${' '.repeat(1024 * 1024)}${body}`;
  const answer = await ask('POST /api/jobs/retry', { headers, body: large });
  assert.deepEqual([answer.status, answer.body.code], [413, 'BODY_TOO_LARGE']);
  const claimed = { ...headers, 'content-length': String(2 ** 21) };
  assert.equal((await ask('POST /api/jobs/retry', { headers: claimed, body })).status, 413);
  assert.equal((await queue.stats()).failed, 1);
  assert.equal((await ask('POST /api/jobs/retry', { headers, body })).body.changed, 1);
});
