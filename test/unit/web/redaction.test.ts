import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '../../../lib/job/job.js';
import { HIDDEN, redaction } from '../../../lib/web/redaction.js';
import { jobId } from '../../support/queue-file.js';
import { type Asked, ended, failed, served } from './asking.js';

/** Texts that must not be seen; each is in one part of a job. */
const SECRETS = ['sesame', 'hunter', 'private', 'swordfish', 'label7'];

const lines = [
  failed(1, {
    payload: '{"to":"ann","password":"sesame"}',
    error: 'Error: login as hunter failed\\n    at f (private.js:1:1)',
    dedupe_key: 'swordfish',
    meta: '{"l":"label7"}',
  }),
  ended(2, { payload: '{"to":"bob","password":"sesame"}', result: '{"token":"swordfish"}' }),
  ended(3, { payload: '{"to":"eve"}' }),
];

const masked = (text: string): string => SECRETS.reduce((all, secret) => all.replaceAll(secret, '***'), text);

/** Changes the job that it is given, which must be a copy. */
function redact(job: Job): Job {
  const { payload, result, error, meta, dedupeKey } = job;
  const changed: Record<string, unknown> = {
    payload: JSON.parse(masked(JSON.stringify(payload))),
    result: result === undefined ? undefined : JSON.parse(masked(JSON.stringify(result))),
    error: error && masked(error),
    meta: JSON.parse(masked(JSON.stringify(meta))),
    dedupeKey: dedupeKey && masked(dedupeKey),
  };
  return Object.assign(job, changed);
}

const PATHS = [
  ...['/', '/jobs', '/jobs?status=failed', '/errors', `/jobs/${jobId(1)}`, `/jobs/${jobId(2)}`],
  ...['/api/status', '/api/jobs', '/api/errors', '/metrics', '/healthz'],
  ...[1, 2, 3].map((n) => `/api/jobs/${jobId(n)}`),
];

async function seesNone(asked: Asked, secrets: readonly string[] = SECRETS): Promise<void> {
  for (const path of PATHS) {
    const { text } = await asked.ask(`GET ${path}`);
    for (const secret of secrets) assert.ok(!text.includes(secret), `${path} has ${secret}: ${text}`);
  }
}

test('no page and no answer has what is redacted, and the file stays as it is', async (t) => {
  const asked = served(t, lines, { redact });
  await seesNone(asked);
  const { body } = await asked.ask(`GET /api/jobs/${jobId(1)}`);
  assert.deepEqual(body.payload, { to: 'ann', password: '***' });
  assert.match(body.history.at(-1).error, /as \*\*\* failed/);
  const retried = await asked.ask(`POST /api/jobs/${jobId(1)}/retry`);
  assert.deepEqual(retried.body.payload, { to: 'ann', password: '***' });
  const job = await asked.queue.getJob(jobId(1));
  assert.deepEqual(job?.payload, { to: 'ann', password: 'sesame' });
});

test('without redact all of it is there', async (t) => {
  const { ask } = served(t, lines);
  const all = (await Promise.all(PATHS.map(async (path) => (await ask(`GET ${path}`)).text))).join();
  for (const secret of SECRETS) assert.ok(all.includes(secret), secret);
});

test('a search finds a job only by what may be seen of it', async (t) => {
  const { ask } = served(t, lines, { redact });
  const found = async (text: string): Promise<string[]> =>
    (await ask(`GET /api/jobs?q=${encodeURIComponent(text)}`)).body.jobs.map((job: Job) => job.id).sort();
  for (const secret of SECRETS) assert.deepEqual(await found(secret), [], secret);
  assert.deepEqual(await found('ann'), [jobId(1)]);
  assert.deepEqual(await found('login as'), [jobId(1)]);
  assert.deepEqual(await found('"to":"bob"'), [jobId(2)]);
  assert.deepEqual(await found('token'), [jobId(2)]);
  assert.deepEqual(await found('email'), [1, 2, 3].map(jobId));
  const changed = await ask('POST /api/jobs/retry', { body: { filter: { q: 'sesame' } } });
  assert.deepEqual(changed.body, { changed: 0, left: 0, more: 0 }, 'nor does a change');
  const { total } = (await ask('GET /api/jobs?q=sesame')).body;
  assert.equal(total, 0);
});

test('a redact that fails, or answers rubbish, hides all that it could have hidden', async (t) => {
  const job = { id: 'a', payload: { password: 'sesame' } };
  for (const bad of [
    () => {
      throw new Error('sesame');
    },
    () => undefined,
    () => null,
    () => 'sesame',
    () => ({}),
    () => job,
    async (one: Job) => one,
    (one: Job) => ({ ...one, id: 'other' }),
    (one: Job) => ({ ...one, error: { secret: 'sesame' } }),
    (one: Job) => ({ ...one, meta: 'sesame' }),
    (one: Job) => ({ ...one, payload: 1n }),
    (one: Job) => {
      const payload: Record<string, unknown> = { password: 'sesame' };
      payload.self = payload;
      return { ...one, payload };
    },
  ]) {
    const asked = served(t, lines, { redact: bad as unknown as (job: Job) => Job });
    await seesNone(asked);
    const { status, body } = await asked.ask(`GET /api/jobs/${jobId(1)}`);
    assert.equal(status, 200);
    assert.deepEqual([body.payload, body.error], [HIDDEN, HIDDEN], String(bad));
    assert.equal(body.result, undefined, 'it has none');
    assert.deepEqual((await asked.ask('GET /api/jobs?q=sesame')).body.total, 0);
    assert.deepEqual((await asked.ask('GET /api/jobs?q=email')).body.total, 3);
  }
});

test('only what people wrote is taken from its answer, and its own answer is redacted once', () => {
  const job = { id: 'a', type: 't', status: 'failed', payload: 1, meta: {} } as unknown as Job;
  const hide = redaction((one) => ({
    ...one,
    type: 'other',
    status: 'completed',
    payload: `<${one.payload}>`,
  }));
  const once = hide(job);
  assert.deepEqual([once.type, once.status, once.payload], ['t', 'failed', '<1>']);
  assert.equal(hide(once), once);
  assert.equal(job.payload, 1);
});
